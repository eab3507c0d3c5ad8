"""Does a seed decide every byte of a simulated run, and is what is wrong in it found?"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from checker.verdict import Verdict
from harness.sim.case import bare_store, play
from harness.sim.quarry import results_of
from harness.sim.rotation import Wishes, case_for
from tests.harness.sim.rough import FILES, digest, rough

ROOT = Path(__file__).parents[3]

VERSIONS = ((3, 11), (3, 12), (3, 13), (3, 14))
PACKAGES = ROOT / "build" / "pythons"

TELL = """
import sys
import tempfile
from pathlib import Path
from tests.harness.sim.rough import digest, rough
print(digest(rough(int(sys.argv[1])), Path(sys.argv[2])))
"""


def in_another_process(seed: int, directory: Path, python: str, hash_seed: str) -> str:
    path = os.pathsep.join(map(str, [ROOT, *what_it_needs(python)]))
    done = subprocess.run(
        [python, "-c", TELL, str(seed), str(directory)],
        env=os.environ | {"PYTHONHASHSEED": hash_seed, "PYTHONPATH": path},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def pythons() -> list[str]:
    """This one, and one of each other version that this machine has, on its PATH or beside it."""
    found = {sys.version_info[:2]: sys.executable}
    beside = Path(sys.base_prefix).parent.glob("*/bin")  # where many are kept side by side
    places = [*map(Path, os.get_exec_path()), *sorted(beside)]
    for version in VERSIONS:
        for place in places:
            python = place / "python{}.{}".format(*version)
            if version not in found and python.exists() and version_of(python) == version:
                found[version] = str(python)
    return list(found.values())


@cache
def version_of(python: Path) -> tuple[int, ...]:
    """Nothing, if it only has the name of one."""
    ask = "import sys; print(*sys.version_info[:2])"
    done = subprocess.run([python, "-c", ask], capture_output=True, check=False, timeout=300)
    return tuple(map(int, done.stdout.split()))


def what_it_needs(python: str) -> list[Path]:
    """What a simulation needs besides the standard library, for this Python; it is kept."""
    if python == sys.executable:
        return []
    folder = PACKAGES / Path(python).name
    if not folder.exists():
        PACKAGES.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=PACKAGES) as unfinished:
            packages = Path(unfinished) / "packages"
            command = [sys.executable, "-m", "pip", "install", "-q", "--target", str(packages)]
            command += ["--python-version", Path(python).name.removeprefix("python")]
            command += ["--only-binary=:all:", "--disable-pip-version-check", "msgspec"]
            done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
            assert done.returncode == 0, done.stderr
            packages.rename(folder)
    return [folder]


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What comes of it in this process."""
    return digest(rough(7), tmp_path_factory.mktemp("here"))


@pytest.mark.parametrize("python", pythons(), ids=lambda python: Path(python).name)
@pytest.mark.parametrize("hash_seed", ["1", "42"])
def test_the_seed_decides_every_byte(
    tmp_path: Path, here: str, python: str, hash_seed: str
) -> None:
    assert in_another_process(7, tmp_path, python, hash_seed) == here


def test_another_seed_decides_otherwise(tmp_path: Path, here: str) -> None:
    assert digest(rough(8), tmp_path) != here


def test_a_tape_is_played_again(tmp_path: Path) -> None:
    case = rough(3, time_s=10.0)
    store = bare_store(tmp_path / "once", case)
    play(case, store)
    calm = bare_store(tmp_path / "calm", case)
    play(replace(case, calm=True, tape={}), calm)
    assert (calm.path / "history.jsonl").read_bytes() != (store.path / "history.jsonl").read_bytes()
    # Behind the end of its tape a calm run draws nothing; all of the tape makes it the same run.
    tape = json.loads((store.path / "tape.json").read_bytes())
    assert {"calls/3", "nemesis/partition"} <= tape.keys()
    assert {"net/n1>n2", "disk/n2", "node/n2"} <= {label.rpartition("/")[0] for label in tape}
    assert (store.path / "tape.json").stat().st_size < 32_768
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
