"""Which of the two searches gets to work, and for how long?

Depth first goes ahead for as long as it comes further. When it is stuck, breadth first gets as
many steps as depth first has spent in vain, and so on in turns: the cost is within a small factor
of the better of the two, whichever that is. Steps, not seconds, decide whose turn it is, so that the
same history is judged in the same way everywhere.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from checker.search.breadth import Breadth
from checker.search.configuration import Configuration, Trail
from checker.search.depth import EXHAUSTED, FOUND, UNFINISHED, Depth
from checker.search.layers import Layer
from checker.search.order import order_of
from checker.search.part import Options, Part

PATIENCE: Final = 4_000
"""After how many steps without coming further depth first lets breadth first try, at least."""
SLICE: Final = 20_000
"""How many steps are taken, at most, before somebody asks whether time is up."""


class Found:
    """What the search found out: an order, or a call that fits nowhere, or neither in time."""

    def __init__(self) -> None:
        self.legal = False
        self.order: list[int] | None = None  # if it was asked for
        self.stuck: int = -1
        self.prefixes: list[tuple[list[int], int]] = []  # order, state
        self.dropped_prefixes = 0
        self.steps = 0
        self.reached = 0.0
        self.gave_up = ""


PREFIXES: Final = 10
"""How many prefixes are kept as evidence."""


def search(
    part: Part, options: Options, max_steps: int, over: Callable[[float], str], *, order: bool
) -> Found:
    """Look for a legal order of the part; `over(reached)` says why to stop, or nothing."""
    found = Found()
    depth = Depth(part, options)
    breadth = Breadth(part, options)
    returns = depth.source.count
    patience = PATIENCE
    alive = True  # whether depth first can still find out anything
    stalled = 0  # steps that depth first has spent without coming further
    while not found.gave_up:
        left = max_steps - depth.steps - breadth.steps
        if alive and breadth.steps >= stalled:
            limit = depth.steps + min(SLICE, left)
            said = depth.run(max(patience, depth.best_steps // 4), limit)
            if said == FOUND:
                found.legal = True
                if order:
                    found.order = order_of(part, depth.trail, depth.last_mark, returns)
            elif said == EXHAUSTED and depth.forgot:
                alive = False
            elif said == EXHAUSTED:
                _explain(found, part, depth.trail, depth.best, *depth.stuck())
            elif said == UNFINISHED and depth.steps < limit:
                stalled += depth.steps - depth.best_steps
                patience *= 2
        else:
            said = breadth.run(
                min(SLICE, left, max(1, stalled - breadth.steps) if alive else SLICE)
            )
            if said == FOUND:
                found.legal = True
                if order:
                    found.order = order_of(part, breadth.trail, breadth.last_mark, returns)
            elif said == EXHAUSTED:
                _explain(found, part, breadth.trail, breadth.layers.made - 1, *breadth.stuck())
        if found.legal or found.stuck >= 0:
            break
        found.reached = max(depth.best, breadth.layers.made) / max(1, returns)
        if depth.steps + breadth.steps >= max_steps:
            found.gave_up = f"the budget of {max_steps:,} steps is used up"
        else:
            found.gave_up = over(found.reached)
    found.steps = depth.steps + breadth.steps
    return found


def _explain(
    found: Found, part: Part, trail: Trail, at: int, layer: Layer, stuck: list[Configuration]
) -> None:
    """Keep the longest prefixes, one a state, as evidence that the returning call fits nowhere."""
    found.stuck = layer.own.call
    states: set[int] = set()
    for c in sorted(stuck, key=lambda c: -_placed(c)):
        if c.state not in states:
            states.add(c.state)
            if len(found.prefixes) < PREFIXES:
                found.prefixes.append((order_of(part, trail, c.before, at + 1), c.state))
    found.dropped_prefixes = len(states) - len(found.prefixes)


def _placed(c: Configuration) -> int:
    """How many of the open calls the configuration has placed."""
    return c.seen.bit_count() + c.placed.bit_count() + c.changed.bit_count()
