"""Is there a legal order, if one keeps every configuration that may still lead to one?

Breadth first goes from return to return and keeps, at each, all configurations that no other
makes superfluous. Where none is left, no order is legal: the call that returns there can be
placed nowhere. Its memory is that of one layer.
"""

from __future__ import annotations

from typing import Final

from checker.search.configuration import Configuration, Trail
from checker.search.depth import COMPARISONS, EXHAUSTED, FOUND, UNFINISHED
from checker.search.layers import Layer, Layers
from checker.search.memory import Memory
from checker.search.moves import Moves
from checker.search.part import Options, Part

COMPACT: Final = 1_000_000
"""How many marks the trail may have before those that lead nowhere are forgotten."""


class Breadth:
    """A breadth-first search that can be interrupted between two returns and gone on with."""

    def __init__(self, part: Part, options: Options) -> None:
        self.options = options
        self.layers = Layers(part)
        self.moves = Moves(part.space, self.layers, options)
        self.trail = Trail()
        self.frontier = [Configuration(0, 0, 0, 0, 0, 0, 0, -1, -1)]
        self.work: list[Configuration] = []
        self.closure = Memory(options.dominance)
        self.layer: Layer | None = None
        self.past: list[Configuration] = []
        self.compact_at = COMPACT
        self.expanded = 0
        self.last_mark = -1

    @property
    def steps(self) -> int:
        """How much work was done, in expansions; comparing is much quicker than expanding."""
        return self.expanded + self.moves.compared // COMPARISONS

    def run(self, steps: int) -> int:
        """Search for about this many steps more."""
        limit = self.steps + steps
        while self.layer is not None or self.layers.made < self.layers.count:
            if self.layer is None:
                self._enter(self.layers.next())
            if not self._place(limit):
                return UNFINISHED
            if not self._settle():
                return EXHAUSTED
        self.last_mark = self.frontier[0].before
        return FOUND

    def _enter(self, layer: Layer) -> None:
        """Begin with the next return: which configurations have placed its call already?"""
        self.layer = layer
        self.closure = Memory(self.options.dominance)
        self.work = []
        self.past = []
        for c in self.frontier:
            self.moves.look(c, layer.fresh)
            self._take(c, layer)

    def _take(self, c: Configuration, layer: Layer) -> bool:
        """Keep a configuration at this layer, past the return or to be expanded, if it is news."""
        if self.moves.done(c, layer.own):
            self.past.append(c)
            return True
        if self.closure.add(c, layer, self.moves):
            self.work.append(c)
            return True
        return False

    def _place(self, limit: int) -> bool:
        """Expand until every configuration is past the return; False if that takes too long."""
        layer = self.layer
        assert layer is not None
        moves, work = self.moves, self.work
        while work:
            if self.steps >= limit:
                return False
            c = work.pop()
            if c.superfluous:
                continue
            self.expanded += 1
            for made in moves.expand(c, layer):
                moves.look(made, layer.observers)
                if moves.growing and moves.hopeless(made, layer):
                    continue
                if self._take(made, layer):
                    made.before = self.trail.add(made.before, made.mark, made.at, made.state)
        return True

    def _settle(self) -> bool:
        """Go behind the return; False if no configuration is left."""
        layer = self.layer
        assert layer is not None
        moves = self.moves
        memory = Memory(self.options.dominance)
        for c in self.past:
            moves.leave(c, layer.own)
            memory.add(c, layer, moves)
        if not memory.size:
            return False
        self.frontier = memory.all()
        self.layer = None
        if len(self.trail.before) > self.compact_at:
            self.trail.compact(self.frontier)
            self.compact_at = max(COMPACT, 2 * len(self.trail.before))
        return True

    @property
    def reached(self) -> int:
        """The furthest return that some configuration has come to."""
        return self.layers.made - 1

    def stuck(self) -> tuple[Layer, list[Configuration]]:
        """The return that no configuration got past, and all that came to it."""
        assert self.layer is not None
        return self.layer, self.closure.all()
