"""Does a seed decide every byte of a simulated run, and is what is wrong in it found?"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from checker.verdict import Verdict
from harness.plan import Plan
from harness.sim.case import Case, bare_store, case_of, play
from harness.sim.conditions import Conditions
from harness.sim.quarry import results_of
from harness.sim.rotation import NEMESES, Wishes, case_for

ROOT = Path(__file__).parents[3]
FILES = ("history.jsonl", "tape.json", "results.json")

TELL = """
import sys
from pathlib import Path
from tests.harness.sim.test_case import digest, rough
print(digest(rough(int(sys.argv[1])), Path(sys.argv[2])))
"""


def rough(seed: int, time_s: float = 20.0) -> Case:
    plan = Plan(seed=seed, nemeses=NEMESES, time_s=time_s, rate=50.0, enough=0)
    return case_of(plan, Conditions(snap_count=20))


def digest(case: Case, directory: Path) -> str:
    """Of all that a run leaves."""
    store = bare_store(directory / "run", case)
    play(case, store)
    paths = [store.path / name for name in FILES] + sorted(store.nodes.glob("*/events.jsonl"))
    assert len(paths) == len(FILES) + case.conditions.nodes
    return hashlib.sha256(b"".join(path.read_bytes() for path in paths)).hexdigest()


def in_another_process(seed: int, directory: Path, hash_seed: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", TELL, str(seed), str(directory)],
        env=os.environ | {"PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(ROOT)},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    return done.stdout.strip()


def test_the_seed_decides_every_byte(tmp_path: Path) -> None:
    first = in_another_process(7, tmp_path / "1", "1")
    assert in_another_process(7, tmp_path / "42", "42") == first
    assert digest(rough(7), tmp_path / "here") == first
    assert digest(rough(8), tmp_path / "another") != first


def test_a_tape_is_played_again(tmp_path: Path) -> None:
    case = rough(3, time_s=10.0)
    store = bare_store(tmp_path / "once", case)
    play(case, store)
    calm = bare_store(tmp_path / "calm", case)
    play(replace(case, calm=True, tape={}), calm)
    assert (calm.path / "history.jsonl").read_bytes() != (store.path / "history.jsonl").read_bytes()
    # Behind the end of its tape a calm run draws nothing; all of the tape makes it the same run.
    tape = json.loads((store.path / "tape.json").read_bytes())
    assert {"calls/3", "nemesis/partition", "net", "disk/n2"} <= tape.keys()
    assert (store.path / "tape.json").stat().st_size < 4096
    again = bare_store(tmp_path / "again", case)
    play(replace(case, calm=True, tape=tape), again)
    for name in FILES:
        assert (again.path / name).read_bytes() == (store.path / name).read_bytes()


@pytest.mark.parametrize("seed", range(4))
def test_a_sound_node_is_not_blamed(seed: int) -> None:
    results = results_of(case_for(seed, Wishes(time_s=20.0)))
    assert results.verdict is Verdict.VALID, results.as_json()


@pytest.mark.parametrize(
    ("bug", "seeds"),
    [
        ("ack-before-fsync", 3),
        ("commit-without-quorum", 3),
        ("forgotten-epoch", 3),
        ("stale-synced-reads", 12),
    ],
)
def test_a_planted_bug_is_caught_soon(bug: str, seeds: int) -> None:
    tried = (results_of(case_for(seed, Wishes(bug=bug, time_s=40.0))) for seed in range(seeds))
    assert Verdict.INVALID in (one.verdict for one in tried)
