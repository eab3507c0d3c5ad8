"""Runs with everything going wrong at once: each valid, each meaningful, and nothing left of it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
WORKLOADS = ("register", "register", "set", "lock")


def still_there(path: Path) -> list[str]:
    """The processes that were started for this run; their command lines or folders name it."""
    found = []
    for process in Path("/proc").iterdir():
        if process.name.isdigit():
            try:
                command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                folder = str((process / "cwd").readlink())
            except OSError:
                continue
            if str(path) in command or folder.startswith(str(path)):
                found.append(f"{process.name}: {command}")
    return found


def recovered_s(history: Path) -> float:
    """From the end of all faults to the moment at which all nodes served again."""
    began: dict[str, int] = {}
    for line in history.read_text().splitlines():
        if '"phase"' in line:
            event = json.loads(line)
            began[event["value"]] = event["time_ns"]
    return (began["last calls"] - began["recovery"]) / 1e9


@pytest.mark.prove
@pytest.mark.parametrize("seed", range(20))
def test_all_nemeses_at_once(
    tmp_path: Path, seed: int, record_property: Callable[[str, object], None]
) -> None:
    command = [sys.executable, "-m", "harness", "run", "--json", "--nodes", "5", "--time", "60"]
    command += ["--workload", WORKLOADS[seed % len(WORKLOADS)], "--seed", str(seed)]
    command += ["--nemesis", "partition,kill,pause,clock", "--store", str(tmp_path)]
    told = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=400)
    assert told.stdout, told.stderr[-3000:]
    (run,) = json.loads(told.stdout)["runs"]
    assert told.returncode == 0, json.dumps(
        {name: run[name] for name in ("gates", "violations", "findings")}, indent=1
    )
    assert still_there(tmp_path) == []
    calls = sum(one["calls"] for one in run["findings"])
    recovery = recovered_s(Path(run["path"]) / "history.jsonl")
    record_property("measured", f"{calls:,} calls judged, all served again in {recovery:.1f} s")
