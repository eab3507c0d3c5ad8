"""What do the keys hold after these calls, and which call may come next?

The position of the search for an order. Every step can be taken back. A position is dead when a
value is about to be lost that a call still needs, or when an mzxid would be left behind: no way
on from there ends well.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from checker.contract.calls import NEVER, Call, Calls
from checker.contract.slots import Slot, Slots
from checker.model import NOTHING

Need: TypeAlias = tuple[int, Hashable, int | None]  # a key, a value, and the mzxid told with it


@dataclass(frozen=True, slots=True)
class Held:
    """What a key holds, and since which mzxid, if any call tells."""

    value: Hashable = None
    stamp: int | None = None


ABSENT = Held()


class Step(NamedTuple):
    """A call that was placed, and what its key held before."""

    call: Call
    before: Held
    stamps_passed: int


class Board:
    """Some calls in order, and what may follow."""

    def __init__(self, calls: Calls, slots: Slots, fillers: Mapping[int, Call]) -> None:
        self.history = calls.history
        self.lanes = calls.lanes
        self.crashed = calls.crashed
        self.slots: list[Slot] = slots.in_order
        self.filler = {slots.at(place).stamp: call.row for place, call in fillers.items()}
        self.reserved = set(self.filler.values())
        self.next = [0] * len(self.lanes)
        self.front = {number: lane[0] for number, lane in enumerate(self.lanes) if lane}
        self.used = 0  # bit i: crashed call i is placed
        self.held = [ABSENT] * len(calls.history.keys)
        self.passed = 0  # how many of the slots are filled
        self.steps: list[Step] = []
        self.left = len(calls.done)
        self.needed: Counter[Need] = Counter(
            need for call in calls.done if (need := _need(call)) is not None
        )
        self.coming: Counter[tuple[int, Hashable]] = Counter(
            (call.key, call.does.puts) for call in [*calls.done, *calls.crashed] if call.writes
        )
        by_session: dict[int, list[int]] = {}
        for number, lane in enumerate(self.lanes):
            if lane:
                by_session.setdefault(lane[0].session, []).append(number)
        self.siblings = {s: lanes for s, lanes in by_session.items() if len(lanes) > 1}
        self.bit = {call.row: 1 << i for i, call in enumerate(self.crashed)}

    def position(self) -> Hashable:
        """All that matters for what may follow."""
        return tuple(self.next), self.used, tuple(self.held), self.passed

    # -- who may come next ----------------------------------------------------------------------

    def horizon(self) -> int:
        """The earliest return of a call that is not placed: what began later has to wait."""
        return min((call.returned for call in self.front.values()), default=NEVER)

    def fronts(self) -> list[Call]:
        """The next call of each lane, whether its time has come or not."""
        return list(self.front.values())

    def is_due(self, call: Call, horizon: int) -> bool:
        """Whether all that must come before the next call of a lane, or a crashed one, is there."""
        if call.crashed and self.next[call.lane] < call.turn:
            return False
        if not call.does.local:
            return call.called <= horizon
        for number in self.siblings.get(call.session, ()):
            lane, at = self.lanes[number], self.next[number]
            if at < len(lane) and lane[at].returned < call.called:
                return False
        return True

    def fits(self, call: Call, held: Held) -> bool:
        """Whether a key that holds this gives the call its answer."""
        if not call.does.fits(held.value):
            return False
        return call.writes or call.stamp is None or call.stamp == held.stamp

    def leaves(self, call: Call) -> Iterator[Held]:
        """What a write may leave in its key: with an mzxid it was told, or may have been given."""
        due = self.slots[self.passed] if self.passed < len(self.slots) else None
        if call.stamp is not None:
            if due is not None and due.stamp == call.stamp:
                yield Held(call.does.puts, call.stamp)
            return
        filled_by = None if due is None else self.filler.get(due.stamp, call.row)
        if due is not None and due.may_be_of(call) and filled_by == call.row:
            yield Held(call.does.puts, due.stamp)
        if call.row not in self.reserved:
            yield Held(call.does.puts)

    def loses(self, call: Call, after: Held) -> bool:
        """Whether this write destroys what a call that is not yet placed needs."""
        now = self.held[call.key]
        ours = _need(call)
        if now.stamp is not None and self.needed[call.key, now.value, now.stamp]:
            return True
        if now.value == after.value or self.coming[call.key, now.value]:
            return False
        waiting = self.needed[call.key, now.value, None]
        return waiting > (ours is not None and not call.crashed)

    # -- there and back -------------------------------------------------------------------------

    def place(self, call: Call, after: Held) -> None:
        """Put this call next."""
        before = self.held[call.key]
        passes = call.writes and after.stamp is not None
        self.steps.append(Step(call, before, passes))
        self._count(call, -1)
        self.held[call.key] = after
        self.passed += passes

    def undo(self, length: int) -> None:
        """Take back all calls but the first so many."""
        while len(self.steps) > length:
            call, before, passes = self.steps.pop()
            self._count(call, 1)
            self.held[call.key] = before
            self.passed -= passes

    def _count(self, call: Call, sign: int) -> None:
        if call.crashed:
            self.used ^= self.bit[call.row]
        else:
            at = self.next[call.lane] = self.next[call.lane] - sign
            if at < len(self.lanes[call.lane]):
                self.front[call.lane] = self.lanes[call.lane][at]
            else:
                del self.front[call.lane]
            self.left += sign
            need = _need(call)
            if need is not None:
                self.needed[need] += sign
        if call.writes:
            self.coming[call.key, call.does.puts] += sign


def _need(call: Call) -> Need | None:
    """What must stand in the key when the call's turn comes."""
    if call.does.needs is NOTHING:
        return None
    return call.key, call.does.needs, None if call.writes else call.stamp
