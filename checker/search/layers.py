"""At each return: which calls are open, and what may be done about them?

A layer is one return. Between two returns calls only begin, so what a configuration must know is
which of the open calls it has already placed: one bit each, in a slot that is free again after
the return. Layers are made one after another and can be forgotten behind.
"""

from __future__ import annotations

from typing import Final

from checker.search.part import Part
from checker.search.space import OBSERVES, OVERWRITES


class Open:
    """A call that has begun, while its return is yet to come."""

    __slots__ = ("bit", "call", "cls", "end", "kind")

    def __init__(self, call: int, cls: int, kind: int, bit: int, end: int) -> None:
        self.call = call
        self.cls = cls
        self.kind = kind
        self.bit = bit
        self.end = end


class Layer:
    """One return, and the calls that are open just before it.

    Bits of observers, of overwriters and of other changers are numbered apart. `changers` are the
    open calls that may change the state, in the order of their returns. `coming` are the classes of
    the observers that return next of those that have yet to begin; only growing parts ask for it.
    """

    __slots__ = (
        "available",
        "changers",
        "coming",
        "crashed",
        "fresh",
        "observers",
        "overwriters",
        "own",
    )

    def __init__(
        self,
        own: Open,
        fresh: list[Open],
        observers: list[Open],
        changers: list[Open],
        overwriters: int,
        available: int,
        crashed: list[Crashed],
        coming: list[int],
    ) -> None:
        self.coming = coming
        self.own = own
        self.fresh = fresh
        self.observers = observers
        self.changers = changers
        self.overwriters = overwriters
        self.available = available
        self.crashed = crashed


class Crashed:
    """The crashed calls of one class; `shift` is where their number stands in a packed count."""

    __slots__ = ("cls", "overwrites", "shift")

    def __init__(self, cls: int, shift: int, overwrites: bool) -> None:  # noqa: FBT001
        self.cls = cls
        self.shift = shift
        self.overwrites = overwrites


NONE: Final[list[Open]] = []
NO_CLASSES: Final[list[int]] = []
COMING: Final = 2
"""How many of the observers that are yet to begin a layer knows."""


class _Watchers:
    """The observers of a part in the order of their returns, and where each begins."""

    def __init__(self, part: Part) -> None:
        self.cls = part.cls
        self.ends = part.ends
        self.starts = [0] * len(part.cls)
        self.calls: list[int] = []
        self.gone = 0
        for at, code in enumerate(part.log):
            call = code >> 1
            if not code & 1:
                self.starts[call] = at
            elif part.space.kind[part.cls[call]] == OBSERVES:
                self.calls.append(call)

    def after(self, at: int) -> list[int]:
        """The classes of those that return first among those that begin after this place."""
        calls = self.calls
        while self.gone < len(calls) and self.ends[calls[self.gone]] < at:
            self.gone += 1
        found: list[int] = []
        place = self.gone
        while place < len(calls) and len(found) < COMING:
            if self.starts[calls[place]] > at:
                found.append(self.cls[calls[place]])
            place += 1
        return found


class Layers:
    """The layers of a part, made as they are asked for, from first to last."""

    def __init__(self, part: Part) -> None:
        self.log = part.log
        self.cls = part.cls
        self.crashed = part.crashed
        self.kind = part.space.kind
        self.at = 0
        self.made = 0
        self.ends = part.ends
        self.count = part.returns
        self.field = _field_width(part)
        self.classes: dict[int, Crashed] = {}
        self.crashes: list[Crashed] = []
        self.open: dict[int, Open] = {}
        self.free: list[list[int]] = [[], [], []]
        self.width = [0, 0, 0]
        self.observers: dict[int, Open] = {}
        self.changers: list[Open] = []
        self.overwriters = 0
        self.available = 0
        self.watchers = _Watchers(part) if part.growing else None

    def next(self) -> Layer:
        """The next layer. Ask only `count` times."""
        fresh = NONE
        log = self.log
        at = self.at
        while not log[at] & 1:
            call = log[at] >> 1
            at += 1
            cls = self.cls[call]
            kind = self.kind[cls]
            if self.crashed[call]:
                self._crash(cls, kind)
                continue
            free = self.free[kind]
            if free:
                bit = free.pop()
            else:
                bit = 1 << self.width[kind]
                self.width[kind] += 1
            begun = Open(call, cls, kind, bit, self.ends[call])
            self.open[call] = begun
            if kind == OBSERVES:
                self.observers[bit] = begun
                if fresh is NONE:
                    fresh = [begun]
                else:
                    fresh.append(begun)
            else:
                self._insert(begun)
        own = self.open.pop(log[at] >> 1)
        self.at = at + 1
        self.made += 1
        layer = Layer(
            own,
            fresh,
            list(self.observers.values()),
            self.changers[:],
            self.overwriters,
            self.available,
            self.crashes,
            NO_CLASSES if self.watchers is None else self.watchers.after(at),
        )
        self.free[own.kind].append(own.bit)
        if own.kind == OBSERVES:
            del self.observers[own.bit]
        else:
            # Returns come in order, so the call that returns is the first of the changers.
            del self.changers[0]
            if own.kind == OVERWRITES:
                self.overwriters ^= own.bit
        return layer

    def _insert(self, begun: Open) -> None:
        """Put a call that may change the state where its return belongs."""
        changers = self.changers
        place = len(changers)
        while place > 0 and changers[place - 1].end > begun.end:
            place -= 1
        changers.insert(place, begun)
        if begun.kind == OVERWRITES:
            self.overwriters |= begun.bit

    def _crash(self, cls: int, kind: int) -> None:
        """One more call of this class may take effect from here on, or never."""
        crashed = self.classes.get(cls)
        if crashed is None:
            crashed = Crashed(cls, len(self.classes) * self.field, kind == OVERWRITES)
            self.classes[cls] = crashed
            self.crashes = [*self.crashes, crashed]
        self.available += 1 << crashed.shift


def _field_width(part: Part) -> int:
    """How many bits count the crashed calls of one class, with one to spare for borrows."""
    if True not in part.crashed:
        return 1
    counts: dict[int, int] = {}
    for call, crashed in enumerate(part.crashed):
        if crashed:
            cls = part.cls[call]
            counts[cls] = counts.get(cls, 0) + 1
    return max(counts.values(), default=0).bit_length() + 1
