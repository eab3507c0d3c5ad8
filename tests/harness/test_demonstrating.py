"""Does `zabtest demo` find the bug that it plants, and say so when it does not?"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from checker.formats import jsonl
from checker.models.zookeeper import ZooKeeperRegister
from harness import demonstrating, running, worlds
from harness.demonstrating import Seen, _tell, demo
from harness.plan import Plan, Played, Results
from harness.running import Request
from harness.store import StoredRun
from nemesis.registry import named
from tests.harness.memory import MemoryCluster, RegistersInMemory, Service
from workloads.workload import Finding, Wrong, finding


def test_the_planted_bug_is_found_shrunk_and_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert demo(tmp_path, json=False) == 0
    out = capsys.readouterr().out
    assert "✗ commit-without-quorum was found." in out
    assert f"zabtest replay {tmp_path}" in out
    core = jsonl.read(tmp_path / "latest" / "core.jsonl", ZooKeeperRegister())
    assert 2 <= len(core) < 100


def seen_of(path: Path, *findings: Finding) -> Seen:
    """A run of two writes and what judges said of it."""
    played = Played(gates=[], counts={}, faults={})
    results = Results(played=played, findings=findings)
    path.mkdir()
    with (path / "history.jsonl").open("w") as file:
        writer = jsonl.Writer(file)
        for number in range(2):
            for type in ("invoke", "ok"):
                told = {"process": number, "type": type, "f": "write", "key": "r0", "value": number}
                writer.event(time_ns=number * 2 + (type == "ok"), **told)
    history = jsonl.read(path / "history.jsonl", ZooKeeperRegister())
    return Seen(StoredRun(path), results, history)


VERSIONS = finding("versions", 2, [Wrong("a write too few", "43 after 46", (1,))])
LINEARIZABLE = finding("linearizable", 2, [Wrong("not linearizable", "so it is", (0, 1))])
ONE = finding("linearizable", 2, [Wrong("not linearizable", "nobody wrote it", (0,))])


def test_only_calls_that_are_wrong_by_themselves_are_called_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _tell(seen_of(tmp_path / "a", VERSIONS), "some-bug", json=False)
    out = capsys.readouterr().out
    assert "This time no few calls prove it by themselves; but it shows:" in out
    assert "cannot" not in out
    _tell(seen_of(tmp_path / "b", VERSIONS, LINEARIZABLE), "some-bug", json=False)
    assert "Of 2 calls, these 2 cannot all be right:" in capsys.readouterr().out
    _tell(seen_of(tmp_path / "c", VERSIONS, ONE), "some-bug", json=False)
    assert "Of 2 calls, this one cannot be right:" in capsys.readouterr().out


def test_it_is_tried_again_if_no_core_was_seen(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    said = [seen_of(tmp_path / name, one) for name, one in (("a", VERSIONS), ("b", LINEARIZABLE))]
    left = list(said)

    def ran(request: Request, observer: object, telling: Callable[[StoredRun], int]) -> int:
        return telling(left[0].ran)

    monkeypatch.setattr(demonstrating, "run", ran)
    monkeypatch.setattr(demonstrating, "judge", lambda _: (left[0].results, left.pop(0).history))
    monkeypatch.setattr(demonstrating, "drawn", lambda *_: None)
    assert demo(tmp_path, json=False) == 0
    assert "these 2 cannot all be right" in capsys.readouterr().out
    assert not left


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
