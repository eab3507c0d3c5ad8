"""Does `zabtest demo` find the bug that it plants, and say so when it does not?"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from checker.formats import jsonl
from checker.models.zookeeper import ZooKeeperRegister
from harness import demonstrating, running, worlds
from harness.demonstrating import demo
from harness.plan import Plan
from nemesis.registry import named
from tests.harness.memory import MemoryCluster, RegistersInMemory, Service


def test_the_planted_bug_is_found_shrunk_and_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert demo(tmp_path, json=False) == 0
    out = capsys.readouterr().out
    assert "✗ commit-without-quorum was found." in out
    assert f"zabtest replay {tmp_path}" in out
    core = jsonl.read(tmp_path / "latest" / "core.jsonl", ZooKeeperRegister())
    assert 2 <= len(core) < 100


def test_a_bug_that_is_not_found_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As with a service that does nothing wrong, whatever is planted in it."""

    def cluster(wanted: worlds.Wanted) -> MemoryCluster:
        return MemoryCluster(Service(wanted.nodes))

    monkeypatch.setattr(worlds, "_WORLDS", {"local": cluster})
    monkeypatch.setattr(running, "adapter", lambda *_: RegistersInMemory())
    monkeypatch.setattr(running, "_nemeses", lambda _: named("kill"))
    monkeypatch.setattr(demonstrating, "PLAN", Plan(time_s=0.5, enough=1))
    assert demo(tmp_path, json=True) == 4
    assert json.loads(capsys.readouterr().out)["found"] is False
    assert demo(tmp_path, json=False) == 4
    assert "commit-without-quorum was not found: the run is" in capsys.readouterr().out
