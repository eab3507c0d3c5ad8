"""What can a configuration place next?

Why nothing is lost by what is not tried here is said in docs/search.md, reduction by reduction.
"""

from __future__ import annotations

from checker.search.configuration import CRASHED, VANISHED, VISIBLE, Configuration
from checker.search.layers import Layer, Layers, Open
from checker.search.part import Options
from checker.search.space import IMPOSSIBLE, OBSERVES, OVERWRITES, Space


class Enabled:
    """A class of crashed calls that leads from a state to another."""

    __slots__ = ("cls", "overwrites", "shift", "to")

    def __init__(self, cls: int, shift: int, to: int, overwrites: bool) -> None:  # noqa: FBT001
        self.cls = cls
        self.shift = shift
        self.to = to
        self.overwrites = overwrites


class Moves:
    """What the configurations of one part can do next."""

    def __init__(
        self, space: Space, layers: Layers, options: Options, *, eager: bool = False
    ) -> None:
        self.space = space
        self.eager = eager
        self.interchange = options.interchange
        self.vanish = options.vanish
        self.field = layers.field
        self.growing = layers.watchers is not None
        self.end = len(layers.log)  # a call that ends later has not ended, and need not
        self.compared = 0  # how often two configurations were compared
        self.enabled: dict[int, list[Enabled]] = {}
        self.enabled_of: dict[int, int] = {}

    def done(self, c: Configuration, own: Open) -> bool:
        """Whether this open call is placed."""
        if own.kind == OBSERVES:
            return c.seen & own.bit != 0
        if own.kind == OVERWRITES:
            return c.placed & own.bit != 0
        return c.changed & own.bit != 0

    def leave(self, c: Configuration, own: Open) -> None:
        """Go behind the return of a call that is placed; its bit is free again."""
        if own.kind == OBSERVES:
            c.seen ^= own.bit
        elif own.kind == OVERWRITES:
            c.placed ^= own.bit
        else:
            c.changed ^= own.bit
        c.at += 1

    def look(self, c: Configuration, observers: list[Open]) -> None:
        """Place every observer of these that fits the state."""
        state, seen = c.state, c.seen
        space = self.space
        for observer in observers:
            if not seen & observer.bit and space.step(state, observer.cls) != IMPOSSIBLE:
                seen |= observer.bit
        c.seen = seen

    def hopeless(self, c: Configuration, layer: Layer) -> bool:
        """Whether the state has outgrown what an open or coming observer has yet to see."""
        space = self.space
        for observer in layer.observers:
            if c.seen & observer.bit or observer.end >= self.end:
                continue
            if space.outgrown(c.state, observer.cls):
                return True
        return any(space.outgrown(c.state, cls) for cls in layer.coming)

    def best(self, c: Configuration, layer: Layer) -> Configuration | None:
        """The most promising thing to place next, if there is one that stands out.

        It is the call that returns here, or one behind which that call fits. An overwriter that
        may vanish does so unless somebody waits for its value; if `eager`, it never does at first.
        """
        own = layer.own
        space = self.space
        if own.kind != OBSERVES:
            reached = space.step(c.state, own.cls)
            may_vanish = own.kind == OVERWRITES and c.spare & own.bit and not self.eager
            if may_vanish and not self._awaited(c, layer, reached):
                return self.vanished(c, own)
            return self.placing(c, layer, own, reached) if reached >= 0 else None
        for changer in layer.changers:
            if (c.placed if changer.kind == OVERWRITES else c.changed) & changer.bit:
                continue
            reached = space.step(c.state, changer.cls)
            if reached >= 0 and space.step(reached, own.cls) != IMPOSSIBLE:
                return self.placing(c, layer, changer, reached)
        return None

    def _awaited(self, c: Configuration, layer: Layer, state: int) -> bool:
        """Whether an open observer that is not placed yet fits this state."""
        space = self.space
        for observer in layer.observers:
            if not c.seen & observer.bit and space.step(state, observer.cls) != IMPOSSIBLE:
                return True
        return False

    def expand(self, c: Configuration, layer: Layer) -> list[Configuration]:
        """All that can be placed next, the most promising last."""
        space = self.space
        own = layer.own
        awaited = own.cls if own.kind == OBSERVES else -1
        rest: list[Configuration] = []
        likely: list[Configuration] = []
        first: list[Configuration] = []
        tried: set[int] = set()
        for changer in layer.changers:
            if (c.placed if changer.kind == OVERWRITES else c.changed) & changer.bit:
                continue
            if changer.cls in tried:
                continue
            reached = space.step(c.state, changer.cls)
            if reached == IMPOSSIBLE:
                continue
            if self.interchange:
                tried.add(changer.cls)
            if reached < IMPOSSIBLE:
                for to in space.choices[-2 - reached]:
                    rest.append(self.placing(c, layer, changer, to))
            elif changer is own:
                first.append(self.placing(c, layer, changer, reached))
            elif awaited >= 0 and space.step(reached, awaited) != IMPOSSIBLE:
                likely.append(self.placing(c, layer, changer, reached))
            else:
                rest.append(self.placing(c, layer, changer, reached))
        rest.reverse()
        likely.reverse()
        found: list[Configuration] = []
        if layer.available != c.used:
            hopeful: list[Configuration] = []
            self._expand_crashed(c, layer, tried, found, hopeful)
            rest += hopeful
        found += rest
        found += likely
        found += first
        if own.kind == OVERWRITES and c.spare & own.bit:
            found.append(self.vanished(c, own))
        return found

    def placing(self, c: Configuration, layer: Layer, changer: Open, to: int) -> Configuration:
        """The configuration with this open call placed, which leads to state `to`."""
        placed, spare, changed = c.placed, c.spare, c.changed
        if changer.kind == OVERWRITES:
            placed |= changer.bit
            spare = self.spared(layer, placed)
        else:
            changed |= changer.bit
        mark = 4 * changer.call + VISIBLE
        return Configuration(c.at, to, c.seen, placed, spare, changed, c.used, c.before, mark)

    def spared(self, layer: Layer, placed: int) -> int:
        """Which open overwriters may vanish, once one has been placed."""
        return layer.overwriters & ~placed if self.vanish else 0

    def vanished(self, c: Configuration, own: Open) -> Configuration:
        """The configuration in which the spare call that returns here was never seen."""
        return Configuration(
            c.at,
            c.state,
            c.seen,
            c.placed | own.bit,
            c.spare & ~own.bit,
            c.changed,
            c.used,
            c.before,
            4 * own.call + VANISHED,
        )

    def _expand_crashed(
        self,
        c: Configuration,
        layer: Layer,
        tried: set[int],
        found: list[Configuration],
        hopeful: list[Configuration],
    ) -> None:
        """Let crashed calls take effect; those that help the call that returns are `hopeful`.

        An open call of the same class is placed instead, where there is one: see `tried`.
        """
        space = self.space
        awaited = layer.own.cls if layer.own.kind == OBSERVES else -1
        left = layer.available - c.used
        count = (1 << self.field) - 1
        for enabled in self._enabled(c.state, layer):
            if not (left >> enabled.shift) & count or enabled.cls in tried:
                continue
            spare = c.spare
            if enabled.overwrites:
                spare = self.spared(layer, c.placed)
            if enabled.to == c.state and spare == c.spare:
                continue
            made = Configuration(
                c.at,
                enabled.to,
                c.seen,
                c.placed,
                spare,
                c.changed,
                c.used + (1 << enabled.shift),
                c.before,
                4 * enabled.cls + CRASHED,
            )
            if awaited >= 0 and space.step(enabled.to, awaited) != IMPOSSIBLE:
                hopeful.append(made)
            else:
                found.append(made)

    def _enabled(self, state: int, layer: Layer) -> list[Enabled]:
        """The classes of crashed calls so far that lead from this state somewhere."""
        known = self.enabled.get(state)
        if known is None:
            known = self.enabled[state] = []
            self.enabled_of[state] = 0
        crashed = layer.crashed
        start = self.enabled_of[state]
        if start < len(crashed):
            space = self.space
            for one in crashed[start:]:
                reached = space.step(state, one.cls)
                if reached == IMPOSSIBLE:
                    continue
                for to in [reached] if reached >= 0 else space.choices[-2 - reached]:
                    if to != state or one.overwrites:
                        known.append(Enabled(one.cls, one.shift, to, one.overwrites))
            self.enabled_of[state] = len(crashed)
        return known
