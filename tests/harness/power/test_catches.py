"""Is what was once caught still caught, by the check that caught it?

Each line of `catches.json` is a bug, what a few short seeds try, and the check that finds it there.
A change of the rotation moves the seeds, so there are more of them than are needed: the test ends
with the first that is caught. Where it fails, a checker, a workload or a nemesis has lost a catch.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from harness.power.checks import check_of
from harness.sim.quarry import try_seed
from harness.sim.rotation import Wishes

CATCHES = json.loads((Path(__file__).parent / "catches.json").read_text())


@pytest.mark.parametrize("one", CATCHES, ids=lambda one: f"{one['bug']}: {one['check']}")
def test_it_is_still_caught(one: dict[str, Any]) -> None:
    wishes = Wishes(
        bug=one["bug"],
        workload=one["workload"],
        nemeses=tuple(one["nemeses"]),
        time_s=12.0,
        rate=20.0,
    )
    found = []
    for seed in range(one["seeds"]):
        seen = try_seed(wishes, seed)
        assert not seen.broke, seen.broke
        found.append([check_of(mark) for mark in seen.marks])
        if one["check"] in found[-1]:
            return
    pytest.fail(f"{one['check']} has lost {one['bug']}; the seeds show {found}")
