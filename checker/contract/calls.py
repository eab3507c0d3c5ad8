"""Which calls does the contract speak of, and what must come before what?

A *lane* is what one process did in one session: it makes one call at a time, so its calls are in
order even where the clock was too coarse to tell. Lanes of one session are ordered among themselves
only where one call had returned before the other began.

Left out are calls that failed and reads that nobody heard the answer of: they bind nobody. A write
or compare-and-set that nobody heard the answer of (*crashed*) may be in the order or not; nothing
ever has to wait for it.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field, replace
from typing import Final, NamedTuple

from checker.history import Deed, History
from checker.model import NOTHING
from checker.models.register import Cas, Read, Write
from checker.models.zookeeper import LocalRead
from checker.outcome import Failed, Ok, Refused, Unknown

NEVER: Final = 1 << 63


class Does(NamedTuple):
    """What a call asks of its key, and what it leaves there; NOTHING where it does not care."""

    needs: Hashable = NOTHING
    lacks: Hashable = NOTHING
    puts: Hashable = NOTHING
    local: bool = False

    def fits(self, held: Hashable) -> bool:
        """Whether the call can have its answer from a key that holds this."""
        if self.needs is not NOTHING and held != self.needs:
            return False
        return self.lacks is NOTHING or held != self.lacks


@dataclass(frozen=True, slots=True, eq=False)
class Call:
    """One call of the order; `returned` is NEVER if it crashed.

    `stamp` is the mzxid its reply told of the value it wrote or saw, `turn` how many completed
    calls its lane made before it.
    """

    row: int
    lane: int
    session: int
    turn: int
    key: int
    does: Does
    called: int
    returned: int
    stamp: int | None = None
    version: int | None = None

    @property
    def writes(self) -> bool:
        """Whether it leaves a value behind."""
        return self.does.puts is not NOTHING

    @property
    def crashed(self) -> bool:
        """Whether nobody heard its answer."""
        return self.returned == NEVER


@dataclass(slots=True, eq=False)
class Calls:
    """The calls the contract speaks of, in the order of their rows."""

    history: History
    done: list[Call] = field(default_factory=list)
    crashed: list[Call] = field(default_factory=list)
    lanes: list[list[Call]] = field(default_factory=list)

    @property
    def stamped(self) -> bool:
        """Whether every value that was written or seen came with its mzxid."""
        return all(
            call.stamp is not None
            for call in self.done
            if call.writes or call.does.needs not in (NOTHING, None)
        )

    def writers(self, key: int, value: Hashable) -> list[Call]:
        """All calls that leave this value in this key, if they took effect."""
        return [
            call
            for call in [*self.done, *self.crashed]
            if call.key == key and call.writes and call.does.puts == value
        ]

    def weakened(self, kept: set[int]) -> Calls:
        """The same calls, of which only these rows insist on anything.

        The others may be left out; what they wrote may also be anywhere after what preceded it.
        So where these find no order, neither do the calls themselves.
        """
        weak = Calls(self.history, lanes=[[] for _ in self.lanes])
        for call in sorted([*self.done, *self.crashed], key=lambda call: call.row):
            lane = weak.lanes[call.lane]
            if not call.crashed and call.row in kept:
                lane.append(replace(call, turn=len(lane)))
            elif call.writes:
                crashed = replace(call, turn=len(lane), returned=NEVER, stamp=None, version=None)
                weak.crashed.append(crashed)
        weak.done = sorted((call for lane in weak.lanes for call in lane), key=lambda c: c.row)
        return weak

    @property
    def deletes(self) -> bool:
        """Whether anybody wrote "absent", which a service does in other ways."""
        return any(call.does.puts is None for call in [*self.done, *self.crashed])


def calls_of(history: History) -> Calls:
    """The calls of this history; ValueError if it has others than the contract knows."""
    made = Calls(history)
    does = [_does(deed) for deed in history.deeds]
    ended = [isinstance(deed.outcome, Ok) for deed in history.deeds]
    sessions: dict[Hashable, int] = {}
    lanes: dict[tuple[int, int], int] = {}
    nothing_told = [None] * len(history)
    session_column = history.details.get("session", nothing_told)
    stamps = history.details.get("mzxid", nothing_told)
    versions = history.details.get("version", nothing_told)
    for row, deed in enumerate(history.deed):
        what = does[deed]
        if what is None:
            continue
        process = history.process[row]
        named = session_column[row]
        owner = ("process", process) if named is None else ("session", named)
        session = sessions.setdefault(owner, len(sessions))
        lane = lanes.setdefault((session, process), len(lanes))
        if lane == len(made.lanes):
            made.lanes.append([])
        _one_at_a_time(made.lanes[lane], history, row)
        # Only a reply that carried a value carried the value's stat with it.
        tells = ended[deed] and (what.puts is not NOTHING or what.needs not in (NOTHING, None))
        call = Call(
            row=row,
            lane=lane,
            session=session,
            turn=len(made.lanes[lane]),
            key=history.key[row],
            does=what,
            called=history.called[row],
            returned=history.returned[row] if ended[deed] else NEVER,
            stamp=stamps[row] if tells else None,
            version=versions[row] if tells else None,
        )
        if ended[deed]:
            made.done.append(call)
            made.lanes[lane].append(call)
        else:
            made.crashed.append(call)
    return made


def _one_at_a_time(lane: list[Call], history: History, row: int) -> None:
    if lane and lane[-1].returned > history.called[row]:
        raise ValueError(
            f"process {history.process[row]} makes two calls at once "
            f"(rows {lane[-1].row} and {row}), which no process of a history does"
        )


def _does(deed: Deed) -> Does | None:
    """What such a call does to its key; None if it binds nobody."""
    match deed.call, deed.outcome:
        case (_, Failed()) | (Read(), Unknown()):
            return None
        case Read(), Ok(value):
            return Does(needs=value, local=isinstance(deed.call, LocalRead))
        case Write(value), Unknown():
            return Does(puts=value)
        case Write(value), Ok(result) if not isinstance(result, Refused):
            return Does(puts=value)
        case Cas(old, _), Ok(Refused()):
            return Does(lacks=old)
        case Cas(old, new), (Ok() | Unknown()):
            return Does(needs=old, puts=new)
        case _:
            raise ValueError(
                "ZooKeeper's contract judges reads, local reads, writes and compare-and-sets, "
                f"not {deed.call!r} with {deed.outcome!r}"
            )
