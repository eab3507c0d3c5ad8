"""Where must each call stand among the writes that their mzxids put in order?

One pass over time gives every call the least place it can have: a write its own slot, a read at
least the slot it saw, anything at least the places of all that must come before it. Least is also
best: moving a call to an earlier place never pushes another to a later one. So a call whose least
place lies past its window has no place at all; if all fit, sorting by place gives a legal order.

What this order cannot show is a crashed write that nobody saw directly. A refusal or a
compare-and-set may still betray one. Swept with `excusing=True`, such a call is given the benefit
of the doubt, so what is refuted then is refuted for certain; `excused` tells whether doubt was
needed. Swept without, what fits is legal for certain.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Hashable

from checker.contract.calls import Call, Calls
from checker.contract.slots import Slot, Slots, absent_or
from checker.contract.words import Refutation, Words, refuted, told
from checker.model import NOTHING


class Sweep:
    """The least place of every call, by one pass over time."""

    def __init__(self, calls: Calls, slots: Slots, words: Words, *, excusing: bool) -> None:
        self.calls, self.slots, self.words = calls, slots, words
        self.excusing = excusing
        self.excused = False
        self.place: dict[int, int] = {}  # row -> place
        self.least: dict[int, int] = {}  # row of a crashed call -> the place it must stand after
        self.pushed_by: dict[int, Call | None] = {}  # row -> who made it stand so late
        self.fillers: dict[int, Call] = {}  # place -> the crashed call that filled the slot
        self._top: Call | None = None  # of all that returned, the one with the greatest place
        self._session_top: dict[int, Call] = {}
        self._lane_last: dict[int, Call] = {}
        self._doubt_from: dict[int, int] = {}  # key -> when its first crashed write began
        for call in calls.crashed:
            begun = self._doubt_from.get(call.key, call.called)
            self._doubt_from[call.key] = min(begun, call.called)

    def run(self) -> Refutation | None:
        """Place every call; the first that has no place speaks against the history."""
        for slot in self.slots.in_order:
            if (clash := self._follows_its_slot(slot)) is not None:
                return clash
        by_row = {call.row: call for call in [*self.calls.done, *self.calls.crashed]}
        for moment in self.calls.history.moments:
            call = by_row.get(moment >> 1)
            if call is None:
                continue
            if moment & 1:
                self._publish(call)
            elif (clash := self._put(call)) is not None:
                return clash
        return self._fill()

    def order(self) -> tuple[int, ...]:
        """The rows by place: in each gap, what is no write follows the write, in order of time."""
        writers = {slot.writer.row for slot in self.slots.in_order if slot.writer is not None}
        standing = [(place, row not in writers, row) for row, place in self.place.items()]
        standing += [(place, False, call.row) for place, call in self.fillers.items()]
        return tuple(row for _, _, row in sorted(standing))

    # -- bounds ---------------------------------------------------------------------------------

    def _publish(self, call: Call) -> None:
        """From now on, who must follow this call stands no earlier than it does."""
        if self._top is None or self.place[call.row] > self.place[self._top.row]:
            self._top = call
        mine = self._session_top.get(call.session)
        if mine is None or self.place[call.row] > self.place[mine.row]:
            self._session_top[call.session] = call

    def _before(self, call: Call) -> Call | None:
        """Of all calls that must come before this one, the one with the greatest place."""
        best = self._session_top.get(call.session)
        if not call.does.local and self._top is not None:
            best = self._top
        last = self._lane_last.get(call.lane)  # its return may bear the same stamp as our call
        if last is None or last.returned > call.called:
            return best
        return last if best is None or self.place[last.row] > self.place[best.row] else best

    def _put(self, call: Call) -> Refutation | None:
        before = self._before(call)
        least = 0 if before is None else self.place[before.row]
        if call.crashed:
            self.least[call.row] = least
            return None
        self._lane_last[call.lane] = call
        if call.writes:
            return self._put_write(call, least, before)
        if call.does.lacks is not NOTHING:
            return self._put_refusal(call, least, before)
        return self._put_read(call, least, before)

    def _put_write(self, call: Call, least: int, before: Call | None) -> Refutation | None:
        own = self._slot(call)
        if before is not None and least >= own.place:
            return self._too_late_to_write(call, own, before)
        self.place[call.row] = own.place
        self.pushed_by[call.row] = None
        return None

    def _put_read(self, call: Call, least: int, before: Call | None) -> Refutation | None:
        if call.does.needs is None:
            first, end = 0, self.slots.places.get(call.key, [self.slots.end])[0]
        else:
            seen = self._slot(call)
            first, end = seen.place, seen.after
        if before is not None and least >= end:
            return self._too_old(call, end, before)
        self.place[call.row] = max(first, least)
        self.pushed_by[call.row] = before if least > first else None
        return None

    def _put_refusal(self, call: Call, least: int, before: Call | None) -> Refutation | None:
        """The least place from `least` on where the key does not hold what was expected."""
        old = call.does.lacks
        places = self.slots.places.get(call.key, [])
        at = bisect_right(places, least)
        fit: int | None = least
        held: Hashable = self.slots.at(places[at - 1]).value if at else None
        if held == old and self._may_hide(call):
            self.excused = True
        elif held == old:
            fit = next((p for p in places[at:] if self.slots.at(p).value != old), None)
        if fit is None:
            seen = self.slots.at(places[at - 1]).teller if at else None
            return refuted(
                f"{self.words.said(call)}, though {told(old)} is what stood there by then, "
                "and nothing else ever after",
                call,
                before,
                seen,
            )
        self.place[call.row] = fit
        self.pushed_by[call.row] = before if fit == least else None
        return None

    def _slot(self, call: Call) -> Slot:
        assert call.stamp is not None, "the sweep is for histories whose values all have mzxids"
        return self.slots.by_stamp[call.stamp]

    def _may_hide(self, call: Call) -> bool:
        """Whether a crashed write of the key that nobody saw may have come before this call."""
        begun = self._doubt_from.get(call.key)
        return self.excusing and begun is not None and begun <= call.returned

    # -- writes nobody told of ------------------------------------------------------------------

    def _follows_its_slot(self, slot: Slot) -> Refutation | None:
        """A compare-and-set that completed found the value of the slot before its own."""
        writer = slot.writer
        if writer is None or writer.does.needs is NOTHING:
            return None
        held = self.slots.at(slot.before).value if slot.before else None
        if held == writer.does.needs:
            return None
        if self._may_hide(writer):
            self.excused = True
            return None
        return refuted(
            f"{self.words.said(writer)}, though {absent_or(self.slots, slot.before)} "
            "is what stood there before it, by the mzxids",
            writer,
            self.slots.at(slot.before).teller if slot.before else None,
        )

    def _fill(self) -> Refutation | None:
        """Give each slot without a writer a crashed call that may have filled it.

        In order of place, from the calls that may stand there. More of them may stand at each
        later place, so whichever we take, taking it costs the later slots no more than another
        would. Only a compare-and-set is choosy, and so it goes first where it fits.
        """
        waiting: dict[tuple[int, Hashable], list[Call]] = {}
        for call in sorted(self.calls.crashed, key=lambda call: -self.least[call.row]):
            waiting.setdefault((call.key, call.does.puts), []).append(call)
        ready: dict[tuple[int, Hashable], list[Call]] = {}
        for slot in self.slots.in_order:
            if slot.writer is not None:
                continue
            kind = (slot.key, slot.value)
            coming, here = waiting.get(kind, []), ready.setdefault(kind, [])
            while coming and self.least[coming[-1].row] < slot.place:
                here.append(coming.pop())
            if not here:
                return self.words.read_early(slot.teller, self.calls.writers(slot.key, slot.value))
            filler = min(here, key=lambda call: self._unfitness(call, slot))
            if self._unfitness(filler, slot) > 1:
                if not self.excusing:
                    return refuted("a write that nobody saw would be needed", slot.teller)
                self.excused = True
            here.remove(filler)
            self.fillers[slot.place] = filler
        return None

    def _unfitness(self, call: Call, slot: Slot) -> int:
        """0 for a compare-and-set that finds what it expects, 1 for a write, 2 for neither."""
        if call.does.needs is NOTHING:
            return 1
        held = self.slots.at(slot.before).value if slot.before else None
        return 0 if call.does.needs == held else 2

    # -- what speaks against it -----------------------------------------------------------------

    def _chain(self, call: Call) -> list[Call]:
        """This call, who made it stand so late, and so on to the one that stands so by itself."""
        chain = [call]
        while (earlier := self.pushed_by.get(chain[-1].row)) is not None:
            chain.append(earlier)
        return chain

    def _too_late_to_write(self, call: Call, own: Slot, before: Call) -> Refutation:
        """`before` was over when this write began, and yet stands at its slot or past it."""
        chain = self._chain(before)
        root = chain[-1]
        if root.stamp == own.stamp:
            return self.words.read_early(root, [call], chain)
        newer = self.slots.at(self.place[root.row])
        return refuted(
            f"{self.words.said(call)} with mzxid {own.stamp}, though before it began "
            f"{self.words.said(root)}, which is mzxid {newer.stamp} or later",
            call,
            newer.writer,
            *chain,
        )

    def _too_old(self, call: Call, end: int, before: Call) -> Refutation:
        """`before` came before this read, and yet stands where the value was gone."""
        gone = self.slots.at(end)
        chain = self._chain(before)
        root = chain[-1]
        if root.key == call.key and root.stamp is not None:
            seen = self.slots.by_stamp[root.stamp]
            return self.words.went_back(call, root, seen.value, [gone.teller, *chain])
        return refuted(
            f"{self.words.said(call)}, though before that {self.words.said(root)}, by when "
            f"{told(gone.value)} (mzxid {gone.stamp}) had taken its place",
            call,
            gone.teller,
            *chain,
        )
