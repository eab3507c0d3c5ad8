"""Bits flip on disks of processes, and of hosts over real sshd: ours and Apache's."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.prove
@pytest.mark.parametrize(
    "where",
    [("--on", "local"), ("--on", "lab"), ("--on", "lab", "--target", "zookeeper")],
    ids=["local", "lab", "lab-zookeeper"],
)
def test_a_run_with_bits_that_flip(
    tmp_path: Path, where: Sequence[str], record_property: Callable[[str, object], None]
) -> None:
    command = [sys.executable, "-m", "harness", "run", "--json", *where, "--time", "30"]
    command += ["--nemesis", "disk-flip", "--seed", "5", "--store", str(tmp_path)]
    told = subprocess.run(
        command, capture_output=True, text=True, cwd=ROOT, timeout=400, check=False
    )
    assert told.stdout, told.stderr[-3000:]
    (run,) = json.loads(told.stdout)["runs"]
    assert told.returncode == 0, json.dumps(
        {name: run[name] for name in ("gates", "violations", "findings")}, indent=1
    )
    calls = sum(one["calls"] for one in run["findings"])
    flips = run["faults"]["disk-flip"]
    record_property(
        "measured", f"{calls:,} calls judged; proven: {flips['proven']} of {flips['injected']}"
    )
