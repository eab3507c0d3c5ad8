"""Does a seed decide every byte of a simulated run, and is what is wrong in it found?"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from checker.verdict import Verdict
from harness.sim.case import bare_store, play
from harness.sim.quarry import results_of
from harness.sim.rotation import Wishes, case_for
from tests.harness.sim.rough import FILES, digest, rough

ROOT = Path(__file__).parents[3]

TELL = """
import sys
from pathlib import Path
from tests.harness.sim.rough import digest, rough
print(digest(rough(int(sys.argv[1])), Path(sys.argv[2])))
"""


def in_another_process(
    seed: int, directory: Path, hash_seed: str, python: str = sys.executable
) -> str:
    done = subprocess.run(
        [python, "-c", TELL, str(seed), str(directory)],
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


def other_pythons() -> Iterator[str]:
    """Those of other versions that have what a simulation needs."""
    here = f"{sys.version_info.major}.{sys.version_info.minor}"
    for version in ("3.11", "3.12", "3.13", "3.14"):
        python = shutil.which(f"python{version}")
        asked = ["-c", f"import msgspec, sys; assert sys.version.startswith('{version}.')"]
        if python is not None and version != here:
            done = subprocess.run([python, *asked], capture_output=True, check=False, timeout=60)
            if done.returncode == 0:
                yield python


def test_another_python_plays_the_same_bytes(tmp_path: Path) -> None:
    pythons = list(other_pythons())
    if not pythons:
        pytest.skip("no other Python on the PATH has msgspec")
    first = digest(rough(7), tmp_path / "here")
    for python in pythons:
        assert in_another_process(7, tmp_path / Path(python).name, "42", python) == first, python


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
    assert results.verdict is not Verdict.INVALID, results.as_json()
    # In so short a run a fault may come to nothing; there may be no other doubt.
    doubts = [gate.name for gate in results.played.gates if not gate.passed]
    assert not [name for name in doubts if not name.endswith("had an effect")], doubts


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
