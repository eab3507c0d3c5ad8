"""In which order did a configuration place all its calls?

The trail has only the calls that may change the state. Going through the layers once more puts
the observers where the search placed them, and the vanished calls where they are never seen:
directly in front of the last overwriter.
"""

from __future__ import annotations

from checker.search.configuration import CRASHED, VANISHED, Trail
from checker.search.layers import Layers, Open
from checker.search.part import Part
from checker.search.space import IMPOSSIBLE, OBSERVES, OVERWRITES


def order_of(part: Part, trail: Trail, last_mark: int, layers: int) -> list[int]:
    """The calls of the part in the order in which they were placed, up to return `layers` - 1."""
    replay = _Replay(part)
    source = Layers(part)
    marks = trail.back_from(last_mark)
    next_mark = 0
    for at in range(layers):
        layer = source.next()
        replay.look(layer.fresh)
        while next_mark < len(marks) and trail.at[marks[next_mark]] == at:
            mark = marks[next_mark]
            replay.place(trail.mark[mark], trail.state[mark])
            replay.look(layer.observers)
            next_mark += 1
        if layer.own.kind == OBSERVES:
            replay.seen.discard(layer.own.bit)
    return replay.order()


class _Replay:
    """The order so far, and the state it has led to."""

    def __init__(self, part: Part) -> None:
        self.part = part
        self.state = 0
        self.seen: set[int] = set()
        self.placed: list[int] = []
        self.vanished: dict[int, list[int]] = {}  # place of an overwriter -> calls before it
        self.overwriter = -1
        self.crashed: dict[int, list[int]] = {}
        for call in range(len(part.rows) - 1, -1, -1):
            if part.crashed[call]:
                self.crashed.setdefault(part.cls[call], []).append(call)

    def look(self, observers: list[Open]) -> None:
        """Place every open observer that fits and is not placed yet."""
        for observer in observers:
            if observer.bit in self.seen:
                continue
            if self.part.space.step(self.state, observer.cls) != IMPOSSIBLE:
                self.seen.add(observer.bit)
                self.placed.append(observer.call)

    def place(self, mark: int, state: int) -> None:
        """Do what the mark says."""
        how = mark & 3
        if how == VANISHED:
            self.vanished.setdefault(self.overwriter, []).append(mark >> 2)
            return
        # Crashed calls of a class are used in the order in which they began.
        call = self.crashed[mark >> 2].pop() if how == CRASHED else mark >> 2
        if self.part.space.kind[self.part.cls[call]] == OVERWRITES:
            self.overwriter = len(self.placed)
        self.placed.append(call)
        self.state = state

    def order(self) -> list[int]:
        """All placed calls, vanished ones included."""
        if not self.vanished:
            return self.placed
        order: list[int] = []
        for place, call in enumerate(self.placed):
            order += self.vanished.get(place, ())
            order.append(call)
        return order
