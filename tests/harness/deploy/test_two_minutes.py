"""Two minutes of faults over real sshd and the real packet filter, ours and Apache's."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.harness.test_twenty_runs import recovered_s

ROOT = Path(__file__).parents[3]


@pytest.mark.prove
@pytest.mark.parametrize(
    ("target", "nemeses"),
    [("zab", "partition,kill,clock"), ("zookeeper", "partition,kill,pause,clock,client-link")],
)
def test_two_minutes_in_a_lab(
    tmp_path: Path, target: str, nemeses: str, record_property: Callable[[str, object], None]
) -> None:
    command = [sys.executable, "-m", "harness", "run", "--json", "--on", "lab", "--time", "120"]
    command += ["--target", target, "--nemesis", nemeses, "--seed", "11", "--store", str(tmp_path)]
    told = subprocess.run(
        command, capture_output=True, text=True, cwd=ROOT, timeout=900, check=False
    )
    assert told.stdout, told.stderr[-3000:]
    (run,) = json.loads(told.stdout)["runs"]
    assert told.returncode == 0, json.dumps(
        {name: run[name] for name in ("gates", "violations", "findings")}, indent=1
    )
    # Apache's local reads are judged by the contract that Apache gives.
    judges = {one["judge"]: one["verdict"] for one in run["findings"]}
    assert judges["contract"] == "valid"
    audit = json.loads((Path(run["path"]) / "audit.json").read_text())
    assert audit == {f"n{n}": [] for n in range(1, 6)}
    calls = sum(one["calls"] for one in run["findings"])
    faults = {name: f"{one['proven']} of {one['injected']}" for name, one in run["faults"].items()}
    proven = ", ".join(f"{number} {name}" for name, number in faults.items())
    recovery = recovered_s(Path(run["path"]) / "history.jsonl")
    record_property(
        "measured",
        f"{calls:,} calls judged; proven: {proven}; all served again in {recovery:.1f} s; "
        "5 hosts as they were",
    )
