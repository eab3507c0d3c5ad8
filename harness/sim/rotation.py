"""What does a seed try that others may not have tried?

Rules of this file:
1. A seed and the hunt's own wishes decide everything: workload, nemeses, sizes and paces.
2. A draw of 0 gives the usual of each, so that what is found first is easy to understand.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from harness.chance import Chance, Draw
from harness.plan import Plan
from harness.sim.case import Case, case_of
from harness.sim.conditions import conditions
from workloads.names import WORKLOADS

NEMESES: Final = (  # and `disk`, which half of the seeds have besides
    "partition",
    "kill",
    "pause",
    "clock",
    "depose",
    "phase",
    "slow",
    "flapping",
    "client-link",
    "wipe",
)
USUAL: Final = ("register", "set", "lock")  # in half of the seeds; in the others, the others
RATES: Final = (20.0, 50.0, 10.0, 20.0, 50.0, 10.0, 20.0, 200.0)
"""Calls a second. A call costs more than a fault, and most wrongs take few calls."""
CALM_S: Final = 5.0  # before the first fault
_LEAST: Final = 3  # clients
_LATE: Final = 8  # one in so many seeds asks little, and often of leaders that are none any more


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What is asked of every seed; what is None is for the seed to decide."""

    workload: str | None = None
    nemeses: Sequence[str] | None = None
    time_s: float = 30.0
    rate: float | None = None
    nodes: int | None = None
    concurrency: int | None = None
    bug: str | None = None


def case_for(seed: int, wishes: Wishes) -> Case:
    """What this seed tries."""
    draw = Chance(seed).draw("hunt")
    # All are drawn, wished for or not, so that a wish changes nothing but what it says.
    workload = USUAL[draw(len(USUAL))]
    nemeses = _some(draw)
    rate = RATES[draw(len(RATES))]
    concurrency = (10, 5, 20)[draw(3)]
    pace = (1.0, 0.5, 0.25)[draw(3)]
    around = conditions(draw)
    others = [name for name in WORKLOADS if name not in USUAL]
    if (another := Chance(seed).draw("hunt/others"))(2):
        workload = others[another(len(others))]
    if draw(_LATE) == _LATE - 1 and wishes.workload in (None, "register"):
        # A leader that was deposed is caught only if it is asked for nothing but reads.
        workload, nemeses, rate, concurrency, pace = "register", ("depose",), 10.0, 5, 0.5
        around = replace(around, sync_limit=4)
    elif draw(2):  # behind all other draws, so that older seeds are what they were
        nemeses = (*nemeses, "disk")
    plan = Plan(
        workload=wishes.workload or workload,
        nemeses=tuple(nemeses if wishes.nemeses is None else wishes.nemeses),
        time_s=wishes.time_s,
        rate=rate if wishes.rate is None else wishes.rate,
        concurrency=max(_LEAST, concurrency if wishes.concurrency is None else wishes.concurrency),
        seed=seed,
        pace=pace,
        first_fault_s=min(CALM_S, wishes.time_s / 6),
        enough=0,
    )
    if wishes.nodes is not None:
        around = replace(around, nodes=wishes.nodes)
    return case_of(plan, around, wishes.bug)


def _some(draw: Draw) -> Sequence[str]:
    """All of them in half of the cases; else those of chance, but at least one."""
    if draw(2) == 0:
        return NEMESES
    last = NEMESES[draw(len(NEMESES))]
    return tuple(name for name in NEMESES if draw(2) or name == last)
