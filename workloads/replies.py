"""Do the numbers that replies carry agree with each other, and with time?

A service that gives the right values may still tell that something is wrong with it: by a zxid that
goes back within a session, a change whose zxid is smaller than that of one long over, a version
that was given twice or that counts more writes than there were.

Rules of this file: only what every ZooKeeper promises is asked. An mzxid belongs to a change
exactly; a reply's own zxid says only up to where the server knew the history.
"""

from __future__ import annotations

import itertools
from bisect import bisect_left
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

from checker.history import Deed, History
from checker.models.register import Cas, Read, Write
from checker.outcome import DONE, Failed, Ok, Refused
from workloads.workload import Finding, Wrong, finding

IsChange: TypeAlias = Callable[[Deed], bool]


def change_of_register(deed: Deed) -> bool:
    """Whether such a call surely changed a register."""
    return isinstance(deed.call, Write | Cas) and deed.outcome == Ok(DONE)


def replies(history: History, is_change: IsChange) -> Finding:
    """Zxids within sessions, and mzxids of the calls that changed something, against time."""
    wrongs = [*_sessions(history), *_changes(history, is_change)]
    return finding("replies", len(history), wrongs)


def _sessions(history: History) -> Iterator[Wrong]:
    """A session never sees less than before, and no change that its server does not know."""
    nothing = [None] * len(history)
    zxids = history.details.get("zxid", nothing)
    mzxids = history.details.get("mzxid", nothing)
    sessions = history.details.get("session", nothing)
    newest: dict[Hashable, int] = {}  # session -> row
    for row, (session, zxid) in enumerate(zip(sessions, zxids, strict=True)):
        if zxid is None:
            continue
        mzxid = mzxids[row]
        if mzxid is not None and mzxid > zxid:
            yield Wrong(
                "a change from the future",
                f"a server that knew the history up to {zxid:#x} told of a change {mzxid:#x}",
                (row,),
            )
        if session is None:
            continue
        before = newest.get(session)
        if before is not None and zxids[before] > zxid:
            yield Wrong(
                "a session went back",
                f"session {session:#x} had seen the history up to {zxids[before]:#x}, and later "
                f"only up to {zxid:#x}",
                (before, row),
            )
        else:
            newest[session] = row


def _changes(history: History, is_change: IsChange) -> Iterator[Wrong]:
    """Each change has an mzxid of its own, and one that was over has a smaller one."""
    mzxids = history.details.get("mzxid")
    if mzxids is None:
        return
    changes = [is_change(deed) for deed in history.deeds]
    rows = [
        row for row, deed in enumerate(history.deed) if changes[deed] and mzxids[row] is not None
    ]
    owner: dict[int, int] = {}
    for row in rows:
        first = owner.setdefault(mzxids[row], row)
        if first != row:
            yield Wrong(
                "one zxid for two changes", f"both have the zxid {mzxids[row]:#x}", (first, row)
            )
    by_return = sorted(rows, key=history.returned.__getitem__)
    newest, at = -1, 0  # the greatest mzxid of all that had returned
    for row in rows:  # in order of invocation
        while at < len(by_return) and history.returned[by_return[at]] < history.called[row]:
            if newest < 0 or mzxids[by_return[at]] > mzxids[newest]:
                newest = by_return[at]
            at += 1
        if newest >= 0 and mzxids[newest] > mzxids[row]:
            yield Wrong(
                "zxids against time",
                f"the change {mzxids[newest]:#x} was over before the change {mzxids[row]:#x} "
                "was asked for",
                (newest, row),
            )


@dataclass(frozen=True, slots=True)
class _Told:
    """A value of a key with its numbers, as one reply told it."""

    mzxid: int
    version: int
    value: Any
    row: int


def versions(history: History) -> Finding:
    """Whether a key's versions count its writes: one more for each, and no two alike."""
    nothing = [None] * len(history)
    mzxids = history.details.get("mzxid", nothing)
    numbers = history.details.get("version", nothing)
    told: dict[int, list[_Told]] = {}
    begun: dict[int, list[int]] = {}  # when the writes began that may have an effect
    ended: dict[int, list[int]] = {}  # when those ended that surely had one
    for row, at in enumerate(history.deed):
        deed, key = history.deeds[at], history.key[row]
        if _may_change(deed):
            begun.setdefault(key, []).append(history.called[row])
        if change_of_register(deed):
            ended.setdefault(key, []).append(history.returned[row])
        if numbers[row] is not None and mzxids[row] is not None:
            value = _value(deed)
            told.setdefault(key, []).append(_Told(mzxids[row], numbers[row], value, row))
    wrongs: list[Wrong] = []
    for key, replies_of_key in told.items():
        name = history.keys[key]
        wrongs += _in_step(replies_of_key, name)
        starts, ends = begun.get(key, []), sorted(ended.get(key, []))
        wrongs += _counted(history, replies_of_key, starts, ends, name)
    return finding("versions", sum(map(len, told.values())), wrongs)


def _may_change(deed: Deed) -> bool:
    if isinstance(deed.call, Read) or isinstance(deed.outcome, Failed):
        return False
    return not (isinstance(deed.outcome, Ok) and isinstance(deed.outcome.result, Refused))


def _value(deed: Deed) -> Any:
    match deed.call, deed.outcome:
        case Read(), Ok(value):
            return value
        case Write(value), _:
            return value
        case Cas(_, new), _:
            return new
        case _:
            return None


def _in_step(told: list[_Told], key: Hashable) -> Iterator[Wrong]:
    """One mzxid, one version, one value; and they grow together."""
    ordered = sorted(told, key=lambda one: (one.mzxid, one.row))
    for before, after in itertools.pairwise(ordered):
        if before.mzxid == after.mzxid:
            wrong = (before.version, before.value) != (after.version, after.value)
        else:
            wrong = before.version >= after.version
        if wrong:
            yield Wrong(
                "versions out of step",
                f"key {key}: {before.value} had version {before.version} and zxid "
                f"{before.mzxid:#x}, {after.value} version {after.version} and zxid "
                f"{after.mzxid:#x}",
                (before.row, after.row),
            )


def _counted(
    history: History, told: list[_Told], starts: list[int], ends: list[int], key: Hashable
) -> Iterator[Wrong]:
    """No more versions than writes had begun, no fewer than had surely happened before."""
    for one in told:
        most = bisect_left(starts, history.returned[one.row] + 1) - 1
        if one.version > most:
            yield Wrong(
                "a write too many",
                f"key {key} has version {one.version}, though at most {most + 1} writes to it "
                "had begun, and the first makes version 0",
                (one.row,),
            )
        deed = history.deeds[history.deed[one.row]]
        least = bisect_left(ends, history.called[one.row]) if change_of_register(deed) else 0
        if one.version < least:
            yield Wrong(
                "a write too few",
                f"key {key} got version {one.version} after {least} writes to it were done",
                (one.row,),
            )
