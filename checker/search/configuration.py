"""How far has one attempt at an order come, and how did it get there?

A configuration stands before a return, in a state, with some of the open calls already placed:

- `seen`: observers that have been placed;
- `placed`: overwriters that were placed and whose value may have been seen;
- `spare`: overwriters not placed, behind which another overwriter has been placed since they
  began: they may vanish just in front of it whenever they must return, at no cost;
- `changed`: other calls that have been placed;
- `used`: how many crashed calls of each class have been placed, a field of bits a class.
"""

from __future__ import annotations

from array import array
from typing import Final

VISIBLE: Final = 0
VANISHED: Final = 1
CRASHED: Final = 2


class Trail:
    """How each configuration came about: which call was placed, after which configuration.

    Only calls that may change the state leave a mark; observers are put in between afterwards.
    """

    def __init__(self) -> None:
        self.before: array[int] = array("q")
        self.mark: array[int] = array("q")  # 4 * call (or class, if crashed) + how
        self.at: array[int] = array("q")  # which layer
        self.state: array[int] = array("q")

    def add(self, before: int, mark: int, at: int, state: int) -> int:
        """The number of a new mark behind mark `before`."""
        self.before.append(before)
        self.mark.append(mark)
        self.at.append(at)
        self.state.append(state)
        return len(self.before) - 1

    def compact(self, live: list[Configuration]) -> None:
        """Forget every mark that led to none of these configurations."""
        wanted = bytearray(len(self.before))
        for c in live:
            number = c.before
            while number >= 0 and not wanted[number]:
                wanted[number] = 1
                number = self.before[number]
        new = array("q", [-1]) * len(self.before)
        kept = Trail()
        for number in range(len(self.before)):
            if wanted[number]:
                before = self.before[number]
                new[number] = kept.add(
                    -1 if before < 0 else new[before],
                    self.mark[number],
                    self.at[number],
                    self.state[number],
                )
        for c in live:
            if c.before >= 0:
                c.before = new[c.before]
        self.before, self.mark = kept.before, kept.mark
        self.at, self.state = kept.at, kept.state

    def back_from(self, last: int) -> list[int]:
        """All marks up to this one, from the first on."""
        marks: list[int] = []
        while last >= 0:
            marks.append(last)
            last = self.before[last]
        marks.reverse()
        return marks


class Configuration:
    """See the top of this file.

    `mark` is what was placed last (-1: nothing yet), `before` the number of the mark before that;
    once the mark is in the trail, `before` is its own number.
    """

    __slots__ = (
        "again",
        "at",
        "before",
        "changed",
        "mark",
        "placed",
        "seen",
        "spare",
        "state",
        "superfluous",
        "used",
    )

    def __init__(
        self,
        at: int,
        state: int,
        seen: int,
        placed: int,
        spare: int,
        changed: int,
        used: int,
        before: int,
        mark: int,
    ) -> None:
        self.at = at
        self.state = state
        self.seen = seen
        self.placed = placed
        self.spare = spare
        self.changed = changed
        self.used = used
        self.before = before
        self.mark = mark
        self.superfluous = False
        self.again = False  # whether its best move has been made, and the others are to come
