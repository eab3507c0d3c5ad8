"""Is there a legal order, if one follows the most promising configuration first?

Depth first finds an order of a legal history in about one step a return. On an illegal one it has
to come back to every choice it ever made; `breadth` is better at that. Choices that lie far
behind are forgotten, so that memory stays bounded; once that has happened, running out of choices
proves nothing.
"""

from __future__ import annotations

from typing import Final

from checker.search.configuration import Configuration, Trail
from checker.search.layers import Layer, Layers
from checker.search.memory import Memory
from checker.search.moves import Moves
from checker.search.part import Options, Part

FOUND: Final = 1
EXHAUSTED: Final = 0
UNFINISHED: Final = 2

WINDOW: Final = 40_000
"""How many layers behind the furthest one are remembered, at most."""
COMPARISONS: Final = 16
"""How many comparisons of two configurations count as one step."""
ENTRIES: Final = 400_000
"""How many configurations are remembered, at most."""


class Depth:
    """A depth-first search that can be interrupted and gone on with."""

    def __init__(self, part: Part, options: Options, *, eager: bool = False) -> None:
        self.options = options
        self.source = Layers(part)
        self.moves = Moves(part.space, self.source, options, eager=eager)
        self.trail = Trail()
        self.layers: list[Layer] = []
        self.base = 0  # the layer that `layers` begins with
        self.memories: list[Memory] = []
        self.entries = 0
        self.stack = [Configuration(0, 0, 0, 0, 0, 0, 0, -1, -1)]
        self.expanded = 0
        self.best = 0
        self.best_steps = 0  # when `best` was reached
        self.forgot = False
        self.last_mark = -1

    @property
    def steps(self) -> int:
        """How much work was done, in expansions; comparing is much quicker than expanding."""
        return self.expanded + self.moves.compared // COMPARISONS

    # One flat loop: a call more for each step would be felt.
    def run(self, patience: int, limit: int) -> int:  # noqa: C901
        """Search until there is news, for `patience` steps without coming further, or `limit`."""
        moves = self.moves
        while self.stack:
            if self.steps - self.best_steps > patience or self.steps >= limit:
                return UNFINISHED
            c = self.stack.pop()
            if c.again:
                if not c.superfluous:
                    self.expanded += 1
                    self.stack += moves.expand(c, self.layers[c.at - self.base])
                continue
            if c.mark >= 0:
                c.before = self.trail.add(c.before, c.mark, c.at, c.state)
            if self._advance(c):
                self.last_mark = c.before
                return FOUND
            if c.at > self.best:
                self.best = c.at
                self.best_steps = self.steps
                if c.at - self.base > WINDOW:
                    self._forget()
            place = c.at - self.base
            layer = self.layers[place]
            if moves.growing and moves.hopeless(c, layer):
                continue
            memory = self.memories[place]
            size = memory.size
            if not memory.add(c, layer, moves):
                continue
            self.entries += memory.size - size
            self.expanded += 1
            best = moves.best(c, layer)
            if best is None:
                self.stack += moves.expand(c, layer)
            else:
                c.again = True
                self.stack.append(c)
                self.stack.append(best)
            if self.entries + len(self.stack) > ENTRIES:
                self._forget()
        return EXHAUSTED

    def _advance(self, c: Configuration) -> bool:
        """Go on for as long as returning calls are placed already; whether that was the end."""
        moves = self.moves
        end = self.source.count
        all_open = True
        while c.at < end:
            place = c.at - self.base
            if place == len(self.layers):
                self.layers.append(self.source.next())
                self.memories.append(Memory(self.options.dominance))
            layer = self.layers[place]
            moves.look(c, layer.observers if all_open else layer.fresh)
            all_open = False
            if not moves.done(c, layer.own):
                return False
            moves.leave(c, layer.own)
        return True

    @property
    def reached(self) -> int:
        """The furthest return that some configuration has come to."""
        return self.best

    def stuck(self) -> tuple[Layer, list[Configuration]]:
        """The furthest return, and the configurations that came to it and no further."""
        place = self.best - self.base
        return self.layers[place], self.memories[place].all()

    def _forget(self) -> None:
        """Drop the older choices and layers, until half of what may be remembered is left."""
        cut = self.base
        while cut < self.best:
            cut += (self.best - cut + 1) // 2
            kept = [c for c in self.stack if c.at >= cut]
            self.forgot = self.forgot or len(kept) < len(self.stack)
            self.stack = kept
            for memory in self.memories[: cut - self.base]:
                self.entries -= memory.size
            del self.memories[: cut - self.base]
            del self.layers[: cut - self.base]
            self.base = cut
            if self.entries + len(self.stack) <= ENTRIES // 2:
                break
