"""What does a seed try that others may not have tried?

Rules of this file:
1. A seed and the hunt's own wishes decide everything: workload, nemeses, sizes and paces.
2. A draw of 0 gives the usual of each, so that what is found first is easy to understand.
3. Seeds are to be cheap and unlike each other. A call costs more than a fault, and most wrongs take
   few calls; and what one nemesis brings about, ten others at once would mostly undo.
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

NEMESES: Final = (
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
    "disk",
)
CUNNING: Final = ("phase", "kill", "phase", "partition", "power-loss", "disk")
"""What finds most by itself or with one other: each where the few moments are that matter."""
RARE: Final = ("disk-flip",)  # what keeps all others waiting is not for those who do all at once
USUAL: Final = ("register", "set", "lock")  # every other seed has one of them, in turn
RATES: Final = (10.0, 5.0, 20.0, 10.0, 50.0, 5.0, 20.0, 10.0, 100.0)
"""Calls a second."""
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
    workload, nemeses = _workload(seed), _some(draw)
    rate = RATES[draw(len(RATES))]
    concurrency = (10, 5, 20)[draw(3)]
    pace = (1.0, 0.5, 0.25)[draw(3)]
    around = conditions(draw)
    if draw(_LATE) == _LATE - 1 and wishes.workload in (None, "register"):
        # A leader that was deposed is caught only if it is asked for nothing but reads.
        workload, nemeses, rate, concurrency, pace = "register", ("depose",), 10.0, 5, 0.5
        around = replace(around, sync_limit=4)
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


def _workload(seed: int) -> str:
    """In turn, so that none is long in coming."""
    others = [name for name in WORKLOADS if name not in USUAL]
    kinds, place = (others if seed % 2 else USUAL), seed // 2
    return kinds[place % len(kinds)]


def _some(draw: Draw) -> Sequence[str]:
    """One, two, half of them or all."""
    match draw(4):
        case 0:
            return (CUNNING[draw(len(CUNNING))],)
        case 1:
            others = (*NEMESES, *RARE)
            return tuple(dict.fromkeys((CUNNING[draw(len(CUNNING))], others[draw(len(others))])))
        case 2:
            last = NEMESES[draw(len(NEMESES))]
            return tuple(name for name in NEMESES if draw(2) or name == last)
        case _:
            return NEMESES
