"""Which of the two searches gets to work, and for how long?

Depth first goes ahead for as long as it comes further. When it is stuck, breadth first gets as
many steps as depth first has spent in vain, and so on in turns: the cost is within a small factor
of the better of the two, whichever that is. Where depth first is stuck, the values waited for
there are looked at one by one, too. Steps, not seconds, decide whose turn it is, so that the same
history is judged in the same way everywhere.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from checker.search.breadth import Breadth
from checker.search.configuration import Configuration, Trail
from checker.search.depth import EXHAUSTED, FOUND, Depth
from checker.search.layers import Layer
from checker.search.one_value import blurred, suspects
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
        self.value: int = -1  # if it is stuck for this value alone: then without prefixes
        self.prefixes: list[tuple[list[int], int]] = []  # order, state
        self.dropped_prefixes = 0
        self.steps = 0
        self.reached = 0.0
        self.gave_up = ""


VALUES: Final = 24
"""How many values are looked at by themselves, at most."""
BLUR_STEPS: Final = 20_000
"""How many steps that may take for each, besides one a return."""
PREFIXES: Final = 10
"""How many prefixes are kept as evidence."""


def search(
    part: Part, options: Options, max_steps: int, over: Callable[[float], str], *, order: bool
) -> Found:
    """Look for a legal order of the part; `over(reached)` says why to stop, or nothing."""
    turns = _Turns(part, options, max_steps, over, order=order)
    found = turns.found
    while not (found.legal or found.stuck >= 0 or found.gave_up):
        turns.take()
    found.steps = turns.steps()
    return found


class _Turns:
    """The two searches of one part, and whose turn it is."""

    def __init__(
        self,
        part: Part,
        options: Options,
        max_steps: int,
        over: Callable[[float], str],
        *,
        order: bool,
    ) -> None:
        self.part = part
        self.options = options
        self.max_steps = max_steps
        self.over = over
        self.order = order
        self.found = Found()
        self.depth = Depth(part, options)
        self.breadth = Breadth(part, options)
        self.returns = max(1, self.depth.source.count)
        self.patience = PATIENCE
        self.alive = True  # whether depth first can still find out anything
        self.stalled = 0  # steps that it has spent without coming further
        self.values: set[int] = set()  # that were looked at by themselves
        self.blur_steps = 0

    def steps(self) -> int:
        """How many steps were taken by all."""
        return self.depth.steps + self.breadth.steps + self.blur_steps

    def take(self) -> None:
        """Let one of the two search for a while; what it finds out is in `found`."""
        found = self.found
        left = self.max_steps - self.steps()
        if self.alive and self.breadth.steps >= self.stalled:
            self._go_deeper(min(SLICE, left))
        else:
            wanted = self.stalled - self.breadth.steps if self.alive else SLICE
            self._go_on_in_breadth(min(SLICE, left, max(1, wanted)))
        if found.legal or found.stuck >= 0:
            return
        found.reached = max(self.depth.best, self.breadth.layers.made) / self.returns
        if self.steps() >= self.max_steps:
            found.gave_up = f"the budget of {self.max_steps:,} steps is used up"
        else:
            found.gave_up = self.over(found.reached)

    def _go_deeper(self, steps: int) -> None:
        depth = self.depth
        limit = depth.steps + steps
        said = depth.run(max(self.patience, depth.best_steps // 4), limit)
        if said == FOUND:
            self._take_order(depth.trail, depth.last_mark)
        elif said == EXHAUSTED and depth.forgot:
            self.alive = False
        elif said == EXHAUSTED:
            _explain(self.found, self.part, depth.trail, depth.best, *depth.stuck())
        elif depth.steps < limit:
            self.stalled += depth.steps - depth.best_steps
            self.patience *= 2
            if self.part.cell and self.options.blur:
                self._look_at_single_values()

    def _go_on_in_breadth(self, steps: int) -> None:
        breadth = self.breadth
        said = breadth.run(steps)
        if said == FOUND:
            self._take_order(breadth.trail, breadth.last_mark)
        elif said == EXHAUSTED:
            at = breadth.layers.made - 1
            _explain(self.found, self.part, breadth.trail, at, *breadth.stuck())

    def _take_order(self, trail: Trail, last_mark: int) -> None:
        self.found.legal = True
        if self.order:
            self.found.order = order_of(self.part, trail, last_mark, self.depth.source.count)

    def _look_at_single_values(self) -> None:
        """Is a value that is waited for, where depth first is stuck, impossible by itself?"""
        for value in suspects(self.part, *self.depth.stuck()):
            if value in self.values or len(self.values) >= VALUES:
                continue
            self.values.add(value)
            steps = BLUR_STEPS + self.depth.best
            seen = search(blurred(self.part, value), self.options, steps, self.over, order=False)
            self.blur_steps += seen.steps
            if seen.stuck >= 0:
                self.found.stuck = seen.stuck
                self.found.value = value
                return


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
