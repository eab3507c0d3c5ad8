"""Which writes do the replies' mzxids prove, in which order, and do all replies agree on them?

Every value that was written or seen with an mzxid is a *slot*. The service gives each write a
number of its own, greater than all before, so the slots of all keys stand in one known order. A
slot without a completed write was filled by a call whose mzxid nobody heard.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field
from itertools import pairwise

from checker.contract.calls import Call, Calls
from checker.contract.words import Refutation, Words, refuted, told


@dataclass(slots=True, eq=False)
class Slot:
    """The value of one key from this mzxid on; places of slots count from 1, over all keys.

    `teller` is a call that told of it: its writer if that completed, else the first to return.
    `before` and `after` are the neighbours' places on the same key: 0 is "absent", and a place
    past the last is "never".
    """

    stamp: int
    key: int
    value: Hashable
    teller: Call
    place: int = 0
    before: int = 0
    after: int = 0

    @property
    def writer(self) -> Call | None:
        """The completed call that filled it."""
        return self.teller if self.teller.writes else None

    def may_be_of(self, call: Call) -> bool:
        """Whether a write that was told no mzxid may have been given this one."""
        return self.writer is None and self.key == call.key and self.value == call.does.puts


@dataclass(slots=True, eq=False)
class Slots:
    """All slots in order, the slot a call wrote or saw, and the places of each key."""

    in_order: list[Slot] = field(default_factory=list)
    by_stamp: dict[int, Slot] = field(default_factory=dict)
    places: dict[int, list[int]] = field(default_factory=dict)

    def at(self, place: int) -> Slot:
        """The slot at this place."""
        return self.in_order[place - 1]

    @property
    def end(self) -> int:
        """The place after the last."""
        return len(self.in_order) + 1


def slots_of(calls: Calls, words: Words) -> Slots | Refutation:
    """The slots of these calls, or two calls that tell different tales of one."""
    slots = Slots()
    for call in calls.done:
        if call.stamp is not None:
            clash = _add(slots, call, call.stamp, words)
            if clash is not None:
                return clash
    slots.in_order = sorted(slots.by_stamp.values(), key=lambda slot: slot.stamp)
    for place, slot in enumerate(slots.in_order, 1):
        slot.place = place
        places = slots.places.setdefault(slot.key, [])
        slot.before = places[-1] if places else 0
        slot.after = slots.end
        if slot.before:
            slots.at(slot.before).after = place
        places.append(place)
    return _versions_agree(calls, words) or slots


def _add(slots: Slots, call: Call, stamp: int, words: Words) -> Refutation | None:
    """Add what this call tells."""
    value = call.does.puts if call.writes else call.does.needs
    slot = slots.by_stamp.get(stamp)
    if slot is None:
        slots.by_stamp[stamp] = Slot(stamp, call.key, value, call)
        return None
    other = slot.teller
    if call.writes and other.writes:
        return refuted(
            f"{words.said(call)} and {words.said(other)}, "
            f"and both were told mzxid {stamp}, which belongs to one write",
            call,
            other,
        )
    if slot.key != call.key or slot.value != value:
        return refuted(
            f"{words.said(call)} and {words.said(other)}, both with mzxid {stamp}, "
            "which stands for one value of one key",
            call,
            other,
        )
    if call.writes or (not other.writes and call.returned < other.returned):
        slot.teller = call
    return None


def _versions_agree(calls: Calls, words: Words) -> Refutation | None:
    """One mzxid comes with one version; every write of a key raises both."""
    tellers = [
        (call.key, call.stamp, call.version, call)
        for call in calls.done
        if call.stamp is not None and call.version is not None
    ]
    tellers.sort(key=lambda teller: teller[:2])
    for (old_key, old_stamp, old_version, older), (key, stamp, version, newer) in pairwise(tellers):
        if key != old_key:
            continue
        if version != old_version if stamp == old_stamp else version <= old_version:
            return refuted(
                f"{words.said(newer)} with mzxid {stamp} and version {version}, though "
                f"{words.said(older)} with mzxid {old_stamp} and version {old_version}",
                newer,
                older,
            )
    return None


def absent_or(slots: Slots, place: int) -> str:
    """The value at a place as a sentence names it; place 0 is before any write."""
    return "nothing" if place == 0 else told(slots.at(place).value)
