"""Whole ensembles in storms: whatever happens, does everything come back, and is nothing lost?"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.harness.sim.storm import Plan, live_through, plan_of, with_reconfigs

ROOT = Path(__file__).parents[3]
EVERY_DAY = 24
ALL = 2000
AT_ONCE = 4

TELL = """
import sys
from tests.harness.sim.storm import live_through, plan_of
done = live_through(plan_of(int(sys.argv[1])))
sys.stdout.write(done.events_text + done.history_text)
"""


def storms(plan: Callable[[int], Plan], first: int, count: int) -> None:
    for seed in range(first, first + count):
        try:
            live_through(plan(seed))
        except BaseException as failure:
            failure.add_note(f"seed {seed}")
            raise


@pytest.mark.parametrize("first", range(0, EVERY_DAY, AT_ONCE))
def test_storms(first: int) -> None:
    storms(plan_of, first, AT_ONCE)


@pytest.mark.parametrize("first", range(0, EVERY_DAY // 3, AT_ONCE))
def test_storms_while_members_change(first: int) -> None:
    storms(with_reconfigs, first, AT_ONCE)


@pytest.mark.prove
@pytest.mark.parametrize("first", range(0, ALL, 100))
def test_many_storms(first: int) -> None:
    storms(plan_of, first, 100)


@pytest.mark.prove
@pytest.mark.parametrize("first", range(0, ALL // 2, 100))
def test_many_storms_while_members_change(first: int) -> None:
    storms(with_reconfigs, first, 100)


def told(seed: int, hash_seed: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", TELL, str(seed)],
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    return done.stdout


@pytest.mark.parametrize("seed", [1, 10])
def test_a_seed_decides_everything_in_any_process(seed: int) -> None:
    first = told(seed, "1")
    assert first.count("\n") > 1000
    assert told(seed, "2") == first
