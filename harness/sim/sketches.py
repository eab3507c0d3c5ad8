"""Which small runs may go wrong as this large one did?

A run in which much went on is not always a small one with something around it: where each fault
needs those before it to meet its moment, none can be left out. But what went wrong in it goes wrong
in small runs too, only seldom; so these are drawn by chance, one after the other.

Rules of this file:
1. A sketch has few calls and few faults from the beginning, and is over soon.
2. The nemeses are those of the large run, or such as find most by themselves.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

from harness.chance import Chance, Draw
from harness.sim.case import Case
from harness.sim.conditions import Conditions
from harness.sim.rotation import CUNNING

FIRST_S: Final = 1.0  # before the first fault
TIMES_S: Final = (6.0, 10.0)
RATES: Final = (5.0, 2.0, 10.0)
"""Calls a second."""
PACES: Final = (0.5, 1.0, 0.25)
CLIENTS: Final = 3
_FORGETFUL: Final = ((20, 3), (100_000, 3))
"""How often is a snapshot taken, and how much is kept in memory: who forgets needs few calls."""


def sketches(case: Case, nemeses: Sequence[str]) -> Iterator[Case]:
    """Without an end; `nemeses` are those that seemed to matter."""
    draw = Chance(case.plan.seed, keeps=False).draw("sketches")
    while True:
        plan = replace(
            case.plan,
            seed=draw(1 << 30),
            nemeses=_some(nemeses, draw),
            time_s=TIMES_S[draw(len(TIMES_S))],
            rate=RATES[draw(len(RATES))],
            pace=PACES[draw(len(PACES))],
            concurrency=CLIENTS,
            first_fault_s=FIRST_S,
            enough=0,
        )
        conditions = _conditions(case.conditions, draw)
        yield replace(case, plan=plan, conditions=conditions, script=None, tape=None, calm=False)


def _some(nemeses: Sequence[str], draw: Draw) -> Sequence[str]:
    """One or two; as often as not of those that seemed to matter, if there are any."""
    these = nemeses if nemeses and draw(2) else (*nemeses, *CUNNING)
    first, second = these[draw(len(these))], these[draw(len(these))]
    return tuple(dict.fromkeys((first, second))) if draw(4) else (first,)


def _conditions(usual: Conditions, draw: Draw) -> Conditions:
    memories = ((usual.snap_count, usual.keep_txns), *_FORGETFUL)
    snap_count, keep_txns = memories[draw(len(memories))]
    nodes = (3, 3, usual.nodes)[draw(3)]
    return replace(usual, nodes=nodes, snap_count=snap_count, keep_txns=keep_txns)
