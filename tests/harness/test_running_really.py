"""Does `zabtest run` see a real ensemble through real faults, and a real bug?"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from harness.store import StoredRun

ROOT = Path(__file__).parents[2]


def command(store: Path, *arguments: object) -> list[str]:
    given = ("run", "--nodes", 3, "--json", "--store", store, *arguments)
    return [sys.executable, "-m", "harness", *map(str, given)]


def zabtest(store: Path, *arguments: object) -> tuple[int, dict[str, Any]]:
    done = subprocess.run(
        command(store, *arguments), cwd=ROOT, capture_output=True, text=True, timeout=200
    )
    assert done.stdout, done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    return done.returncode, told


def gates(told: dict[str, Any]) -> list[str]:
    return [gate["name"] for gate in told["runs"][0]["gates"] if not gate["passed"]]


@pytest.mark.parametrize(
    "workload",
    [
        "register",
        pytest.param("set", marks=pytest.mark.prove),
        pytest.param("lock", marks=pytest.mark.prove),
    ],
)
def test_a_node_of_ours_survives_a_kill(tmp_path: Path, workload: str) -> None:
    """Where the machine is too busy for calls enough, at least nothing is wrong."""
    status, told = zabtest(tmp_path, "-w", workload, "-n", "kill", "-t", 9, "--seed", 4)
    findings = {one["judge"]: one["verdict"] for one in told["runs"][0]["findings"]}
    assert set(findings.values()) == {"valid"}, told
    assert "promises" in findings
    assert status == (3 if gates(told) else 0)
    assert not told["runs"][0]["violations"]


def test_a_killed_controller_leaves_no_node_behind(tmp_path: Path) -> None:
    process = subprocess.Popen(
        command(tmp_path, "-t", 60), cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        history = tmp_path / "latest" / "history.jsonl"
        until = time.monotonic() + 180
        while not (history.exists() and '"phase","value":"load"' in history.read_text()):
            assert time.monotonic() < until
            time.sleep(0.1)
        time.sleep(1)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert not StoredRun(tmp_path / "latest").left_active()
    until = time.monotonic() + 180
    while living := [
        pid
        for pid in os.listdir("/proc")
        if pid.isdigit() and str(tmp_path).encode() in _command_line(pid)
    ]:
        assert time.monotonic() < until, living
        time.sleep(0.1)
    judged = subprocess.run(
        [sys.executable, "-m", "harness", "check", str(tmp_path / "latest"), "--json"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert judged.returncode == 3, judged.stderr
    told = json.loads(judged.stdout)
    assert gates(told) == ["the run ended"]
    assert {one["verdict"] for one in told["runs"][0]["findings"]} == {"valid"}


def _command_line(pid: str) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


@pytest.mark.prove
def test_commits_without_a_quorum_are_found(tmp_path: Path) -> None:
    given = ("-n", "partition-isolate-leader", "-t", 20, "--seed", 1)
    status, told = zabtest(tmp_path, *given, "--bug", "commit-without-quorum")
    assert status == 1
    found = {one["judge"] for one in told["runs"][0]["findings"] if one["verdict"] == "invalid"}
    assert {"linearizable", "contract", "promises"} <= found
