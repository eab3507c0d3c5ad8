"""Which search gets to work, and for how long?

Depth first goes ahead for as long as it comes further. Where it is stuck, the values waited for
there are looked at one by one: most illegal cells are refuted so. Then a second search tries, depth
first too, that lets calls be seen which the first lets vanish; when both are stuck, breadth first
gets as many steps as they have spent in vain, and so on in turns. The cost is within a small factor
of the best of them, whichever that is. Steps, not seconds, decide whose turn it is, so that the
same history is judged in the same way everywhere.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from checker.search.breadth import Breadth
from checker.search.configuration import Configuration, Trail
from checker.search.depth import EXHAUSTED, FOUND, Depth
from checker.search.one_value import blurred, suspects
from checker.search.order import order_of
from checker.search.part import Options, Part

PATIENCE: Final = 40_000
"""After how many steps without coming further depth first lets others try, at least."""
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


def furthest(part: Part, options: Options, max_steps: int) -> Found:
    """Where a part that is known to be illegal becomes so: breadth first alone says it soonest."""
    found = Found()
    breadth = Breadth(part, options)
    if breadth.run(max_steps) == EXHAUSTED:
        _explain(found, part, breadth)
    return found


class _Turns:
    """The searches of one part, and whose turn it is."""

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
        self.depths = [Depth(part, options)]
        self.turn = 0  # which of them goes ahead; the second comes when the first is stuck
        self.patience = PATIENCE
        self.stalls = 0
        self.wasted = 0  # steps that they have spent without coming further, since both are stuck
        self.breadth = Breadth(part, options)
        self.returns = max(1, self.breadth.layers.count)
        self.values: set[int] = set()  # that were looked at by themselves
        self.side_steps = 0  # of looks at single values, and of searches that were given up

    def steps(self) -> int:
        """How many steps were taken by all."""
        return sum([d.steps for d in self.depths]) + self.breadth.steps + self.side_steps

    def take(self) -> None:
        """Let one of them search for a while; what it finds out is in `found`."""
        found = self.found
        left = self.max_steps - self.steps()
        if self.depths and self.breadth.steps >= self.wasted:
            self._go_deeper(min(SLICE, left))
        else:
            wanted = self.wasted - self.breadth.steps if self.depths else SLICE
            self._go_on_in_breadth(min(SLICE, left, max(1, wanted)))
        if found.legal or found.stuck >= 0:
            return
        best = max([d.best for d in self.depths], default=0)
        found.reached = max(best, self.breadth.layers.made) / self.returns
        if self.steps() >= self.max_steps:
            found.gave_up = f"the budget of {self.max_steps:,} steps is used up"
        else:
            found.gave_up = self.over(found.reached)

    def _go_deeper(self, steps: int) -> None:
        depth = self.depths[self.turn]
        limit = depth.steps + steps
        said = depth.run(max(self.patience, depth.best_steps // 4), limit)
        if said == FOUND:
            self._take_order(depth.trail, depth.last_mark)
        elif said == EXHAUSTED and depth.forgot:
            self.side_steps += depth.steps
            del self.depths[self.turn]
            self.turn = 0
        elif said == EXHAUSTED:
            _explain(self.found, self.part, depth)
        elif depth.steps < limit:
            self._be_stuck(depth)

    def _be_stuck(self, depth: Depth) -> None:
        """It has come no further for a while: try something else."""
        self.stalls += 1
        if self.part.cell and self.options.blur:
            self._look_at_single_values(depth)
        if self.stalls > 2:
            self.wasted += depth.steps - depth.best_steps
        if self.stalls == 1:
            self.depths.append(Depth(self.part, self.options, eager=True))
        if self.stalls > 1:
            self.patience *= 2
        self.turn = (self.turn + 1) % len(self.depths)

    def _go_on_in_breadth(self, steps: int) -> None:
        breadth = self.breadth
        said = breadth.run(steps)
        if said == FOUND:
            self._take_order(breadth.trail, breadth.last_mark)
        elif said == EXHAUSTED:
            _explain(self.found, self.part, breadth)

    def _take_order(self, trail: Trail, last_mark: int) -> None:
        self.found.legal = True
        if self.order:
            self.found.order = order_of(self.part, trail, last_mark, self.breadth.layers.count)

    def _look_at_single_values(self, depth: Depth) -> None:
        """Is a value that is waited for, where depth first is stuck, impossible by itself?"""
        for value in suspects(self.part, *depth.stuck()):
            spent = sum([d.steps for d in self.depths])
            if value in self.values or len(self.values) >= VALUES or self.side_steps > spent:
                continue
            self.values.add(value)
            steps = BLUR_STEPS + depth.best
            seen = search(blurred(self.part, value), self.options, steps, self.over, order=False)
            self.side_steps += seen.steps
            if seen.stuck >= 0:
                self.found.stuck = seen.stuck
                self.found.value = value
                return


def _explain(found: Found, part: Part, ended: Depth | Breadth) -> None:
    """Keep the longest prefixes, one a state, as evidence that the returning call fits nowhere."""
    layer, stuck = ended.stuck()
    found.stuck = layer.own.call
    states: set[int] = set()
    for c in sorted(stuck, key=lambda c: -_placed(c)):
        if c.state not in states:
            states.add(c.state)
            if len(found.prefixes) < PREFIXES:
                found.prefixes.append(
                    (order_of(part, ended.trail, c.before, ended.reached + 1), c.state)
                )
    found.dropped_prefixes = len(states) - len(found.prefixes)


def _placed(c: Configuration) -> int:
    """How many of the open calls the configuration has placed."""
    return c.seen.bit_count() + c.placed.bit_count() + c.changed.bit_count()
