"""Did each session hear of every change that it watched for, in time, and of nothing else?

Events and replies come over one connection, so their order is known. A watch that was set by a read
tells of the first change after what was read.

missed         a reply was as of a zxid by which a watched node had changed, and no event had come
made up        an event came, and the node had not changed; or more events than there were changes
from nowhere   an event came, and nobody watched
out of order   an event of an earlier zxid came behind one of a later, or told of a later one than
               the server knew

Who watches for all changes is owed one event for each, from the first version seen on and up to a
move: what changes while it moves it is not told of.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field
from typing import Any

from checker.history import History
from checker.outcome import Ok
from workloads.watch import Go, Stay, Told, Watch
from workloads.workload import Finding, Wrong, finding


@dataclass(slots=True)
class _Key:
    """What one session knows and awaits of one key."""

    once: int | None = None  # watched from this mzxid on
    once_row: int = -1
    changed: int | None = None  # an event has told that it is newer than this mzxid
    stays: bool = False
    base: int | None = None  # the version since which events are counted
    events: int = 0


@dataclass(slots=True)
class _Session:
    keys: dict[Hashable, _Key] = field(default_factory=dict)
    last: int = 0  # the zxid of the last event that told one

    def key(self, name: Hashable) -> _Key:
        return self.keys.setdefault(name, _Key())


def hearing(history: History) -> Finding:
    """All of the above, session by session."""
    nothing = [None] * len(history)
    names = history.details.get("session", nothing)
    zxids = history.details.get("zxid", nothing)
    mzxids = history.details.get("mzxid", nothing)
    changes: dict[Hashable, list[int]] = {}
    for key, mzxid in sorted({(k, m) for k, m in zip(history.key, mzxids, strict=True) if m}):
        changes.setdefault(history.keys[key], []).append(mzxid)
    sessions: dict[Hashable, _Session] = {}
    wrongs: list[Wrong] = []
    events = 0
    for row, at in enumerate(history.deed):
        call, outcome = history.deeds[at]
        if not isinstance(outcome, Ok) or not isinstance(outcome.result, Told):
            continue
        told, zxid, mzxid = outcome.result, zxids[row], mzxids[row]
        session = sessions.setdefault(names[row], _Session())
        name = history.keys[history.key[row]]
        if isinstance(call, Go):
            for one in session.keys.values():
                one.base = None
        events += len(told.events)
        found = [*_heard(session, told, zxid), *_missed(session, changes, zxid)]
        found += _saw(session.key(name), call, told, mzxid, row)
        wrongs += [
            Wrong(
                kind,
                f"session {names[row]}, key {name if key is None else key}: {words}",
                (*before, row),
            )
            for kind, key, words, before in found
        ]
    figures = {"sessions": len(sessions), "events": events}
    return finding("hearing", len(history), wrongs, figures=figures)


_Found = tuple[str, Hashable, str, tuple[int, ...]]


def _heard(session: _Session, told: Told, zxid: int | None) -> Iterator[_Found]:
    """The events that had come before a reply."""
    for name, at in told.events:
        key = session.key(name)
        key.events += 1
        if key.once is None and not key.stays:
            yield "from nowhere", name, "an event came, and it was not watched", ()
        if key.once is not None:
            key.changed, key.once = key.once, None
        if at and (at < session.last or (zxid is not None and at > zxid)):
            yield "out of order", name, f"its event of {at:#x} came at the wrong time", ()
        session.last = max(session.last, at)


def _missed(
    session: _Session, changes: dict[Hashable, list[int]], zxid: int | None
) -> Iterator[_Found]:
    """Whatever had changed by the zxid of this reply, and nobody said so."""
    if zxid is None:
        return
    for name, key in session.keys.items():
        if key.once is None:
            continue
        known = changes.get(name, [])
        after = bisect_right(known, key.once)
        if after < len(known) and known[after] <= zxid:
            words = f"watched since {key.once:#x}, it changed at {known[after]:#x}, and a reply as "
            words += f"of {zxid:#x} came before an event"
            key.once = None
            yield "missed", name, words, (key.once_row,)


def _saw(key: _Key, call: Any, told: Told, mzxid: int | None, row: int) -> Iterator[_Found]:
    """What a reply tells of its own key; and what is watched from now on."""
    if mzxid is not None and key.changed is not None:
        if mzxid <= key.changed:
            yield "made up", None, f"an event came, and its mzxid is {mzxid:#x} as before", ()
        key.changed = None
    if told.version is not None:
        if key.base is not None and key.events != told.version - key.base:
            kind = "missed" if key.events < told.version - key.base else "made up"
            words = f"{key.events} events came from version {key.base} to {told.version}"
            yield kind, None, words, ()
        key.base = told.version if key.stays else None
        key.events = 0
    match call:
        case Stay():
            key.stays = True
        case Watch() if mzxid is not None:
            key.once, key.once_row = mzxid, row
        case _:
            pass
