"""Does `zabtest heal` undo what a dead run left, prove it, and spare the living?"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from harness import healing
from harness.plan import Plan
from harness.store import StoredRun
from nemesis.fault import Crash
from tests.harness.test_running import zabtest

ROOT = Path(__file__).parents[2]
PATIENCE_S = 180.0


@pytest.fixture
def dead(tmp_path: Path) -> StoredRun:
    """A run that died while a node was down."""
    run = StoredRun.create(tmp_path, Plan(), {"wanted": {"on": "local"}, "synced": "linearizable"})
    run.journal([Crash("n1")])
    return run


@contextmanager
def stray(folder: Path, *words: str) -> Iterator[subprocess.Popen[bytes]]:
    """A process that stands in this folder."""
    folder.mkdir(parents=True, exist_ok=True)
    code = "import time; time.sleep(300)"
    process = subprocess.Popen([sys.executable, "-c", code, *words], cwd=folder)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def test_nothing_was_left(dead: StoredRun) -> None:
    dead.journal(())
    status, out, _ = zabtest("heal", dead.path)
    assert status == 0
    assert out == f"✓ {dead.path}: nothing was left\n"


def test_what_was_left_is_undone(dead: StoredRun, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(healing, "PATIENCE_S", 1.0)
    (dead.path / ".results.json").write_text("{")
    with stray(dead.nodes / "n1") as ours, stray(dead.path.parent) as another:
        # As a child of ours it stays a zombie until it is waited for, which is no life.
        status, out, _ = zabtest("heal", dead.path)
        assert status == 0, out
        assert "1 faults were active and are over" in out
        assert f"ended process {ours.pid}" in out
        assert "removed .results.json" in out
        assert ours.wait(PATIENCE_S) == -signal.SIGKILL
        assert another.poll() is None
    assert not dead.left_active()
    assert zabtest("heal", dead.path)[1] == f"✓ {dead.path}: nothing was left\n"


def test_a_run_that_is_going_is_spared(dead: StoredRun) -> None:
    with dead.held(), stray(dead.nodes) as ours:
        status, out, _ = zabtest("heal", "--store", dead.path.parents[1])
        assert status == 3
        assert "it is still going" in out
        assert "nothing was left" not in out
        another = StoredRun.create(
            dead.path.parents[1], Plan(workload="set"), {"synced": "ordered"}
        )
        out = zabtest("heal", "--store", another.path.parents[1])[1]
        assert out.endswith("✓ of 1 other run nothing was left\n")
        assert ours.poll() is None
    assert dead.left_active()


def test_a_store_is_healed_in_a_line_or_two(dead: StoredRun, tmp_path: Path) -> None:
    for _ in range(2):
        time.sleep(0.002)  # they are named by the millisecond
        StoredRun.create(tmp_path, Plan(), {"wanted": {"on": "local"}, "synced": "ordered"})
    status, out, _ = zabtest("heal", "--store", tmp_path)
    assert status == 0
    lines = out.splitlines()
    assert "1 faults were active" in lines[0]
    assert lines[1:] == ["✓ of 2 other runs nothing was left"]
    status, out, _ = zabtest("heal", "--store", tmp_path, "--json")
    assert (status, len(json.loads(out)["healed"])) == (0, 3)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "(it is no JSON: "),
        ("[]", "(it is JSON, but of another shape)"),
        ('{"plan": {}}', "('workload' is missing)"),
    ],
)
def test_a_run_that_cannot_be_read_is_not_said_to_be_clean(
    dead: StoredRun, text: str, words: str
) -> None:
    (dead.path / "run.json").write_text(text)
    status, out, _ = zabtest("heal", dead.path)
    assert status == 4
    assert out.startswith(f"✗ {dead.path}: what it left cannot be known: ")
    assert words in out
    assert out.endswith(f"put it back, or delete {dead.path}\n")
    assert "nothing was left" not in out


@pytest.mark.parametrize("failures", [[], ["b: no answer"]])
def test_hosts_are_healed_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failures: list[str]
) -> None:
    asked: list[Mapping[str, Any]] = []

    def heal_them(wanted: Mapping[str, Any]) -> list[str]:
        asked.append(wanted)
        return failures

    monkeypatch.setattr(healing, "_hosts", heal_them)
    wanted = {"on": "ssh", "hosts": "a,b"}
    run = StoredRun.create(tmp_path, Plan(), {"wanted": wanted, "synced": "linearizable"})
    run.journal([Crash("a")])
    another = StoredRun.create(tmp_path, Plan(workload="set"), {"wanted": wanted})
    with another.held():
        status, out, _ = zabtest("heal", run.path)
        assert status == 3
        assert "its hosts are left alone" in out
        assert not asked
    status, out, _ = zabtest("heal", run.path)
    assert [one["hosts"] for one in asked] == ["a,b"]
    if failures:
        assert status == 4
        assert "still there: b: no answer" in out
        return
    assert status == 0
    assert "healed the hosts a,b" in out
    assert zabtest("heal", run.path)[1].endswith("nothing was left\n")
    assert len(asked) == 1


@pytest.mark.parametrize(
    ("what", "words"),
    [("gone", "there is no such folder"), (".", "no run is stored in it")],
)
def test_bad_input_gets_one_clear_line(tmp_path: Path, what: str, words: str) -> None:
    status, out, err = zabtest("heal", tmp_path / what)
    assert (status, out) == (2, "")
    assert words in err
    assert len(err.splitlines()) == 1


def test_after_a_controller_that_was_killed_nothing_is_left(tmp_path: Path) -> None:
    """On the real thing: three nodes, a fault that is active, and kill -9."""
    command = [sys.executable, "-m", "harness", "run", "--nodes", "3", "-n", "pause", "-t", "12"]
    process = subprocess.Popen(
        [*command, "--rate", "20", "--seed", "2", "--store", str(tmp_path)],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        until = time.monotonic() + PATIENCE_S
        latest = tmp_path / "latest"
        while not (latest.exists() and StoredRun(latest).left_active()):
            assert time.monotonic() < until
            assert process.poll() is None
            time.sleep(0.02)
        assert zabtest("heal", latest)[0] == 3
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    status, out, err = zabtest("heal", latest, "--json")
    assert status == 0, out + err
    (told,) = json.loads(out)["healed"]
    assert told["faults"] >= 1
    assert (told["ended"], told["left"]) == ([], []), "they end by themselves"
    assert zabtest("heal", latest)[1].endswith("nothing was left\n")
