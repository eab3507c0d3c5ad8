"""Is anything plainly wrong, with no need to try a single order?

Two things show without mzxids: a value seen before anybody began to write it, and, where a value
has but one writer, a read of what was surely overwritten by something its reader must come after.
One pass over time each. Whoever passes may still be illegal; whoever does not surely is.
"""

from __future__ import annotations

from collections.abc import Hashable

from checker.contract.calls import Call, Calls
from checker.contract.words import Refutation, Words
from checker.model import NOTHING

Value = tuple[int, Hashable]  # a key, and what it held


def glance(calls: Calls, words: Words) -> Refutation | None:
    """The first thing that is plainly wrong."""
    writers: dict[Value, list[Call]] = {}
    for call in [*calls.done, *calls.crashed]:
        if call.writes:
            writers.setdefault((call.key, call.does.puts), []).append(call)
    return _early(calls, writers, words) or _back(calls, writers, words)


def _early(calls: Calls, writers: dict[Value, list[Call]], words: Words) -> Refutation | None:
    for call in calls.done:
        needs = call.does.needs
        if needs is NOTHING or needs is None:
            continue
        others = [one for one in writers.get((call.key, needs), []) if one is not call]
        if all(one.called > call.returned for one in others):
            return words.read_early(call, others)
    return None


class _Newest:
    """Of the calls that returned, for each key the one that knew the value begun the latest."""

    def __init__(self) -> None:
        self.known: dict[Hashable, tuple[Call, Call]] = {}  # where -> who knew, and the writer

    def learn(self, where: Hashable, call: Call, writer: Call) -> None:
        known = self.known.get(where)
        if known is None or writer.called > known[1].called:
            self.known[where] = (call, writer)


def _back(calls: Calls, writers: dict[Value, list[Call]], words: Words) -> Refutation | None:
    """The first read of a value that was overwritten by one it must come after.

    For sure only if one writer's call had returned before the other's began.
    """
    newest = _Newest()
    by_row = {call.row: call for call in calls.done}
    for moment in calls.history.moments:
        call = by_row.get(moment >> 1)
        if call is None:
            continue
        if moment & 1:
            held = call.does.puts if call.writes else call.does.needs
            writer = _sole(writers, (call.key, held))
            if writer is not None:
                newest.learn((call.session, call.key), call, writer)
                newest.learn(call.key, call, writer)
        elif not call.writes and call.does.needs is not NOTHING:
            where = (call.session, call.key) if call.does.local else call.key
            known = newest.known.get(where)
            if known is None or not _gone(call, known[1], writers):
                continue
            return words.went_back(call, known[0], known[1].does.puts, known[1:])
    return None


def _sole(writers: dict[Value, list[Call]], value: Value) -> Call | None:
    """The one call that can have given the key this value."""
    ours = writers.get(value, [])
    return ours[0] if len(ours) == 1 else None


def _gone(call: Call, newer: Call, writers: dict[Value, list[Call]]) -> bool:
    """Whether what the read saw was written, and over, before `newer` began."""
    seen = (call.key, call.does.needs)
    if call.does.needs is None:
        return not writers.get(seen)
    older = _sole(writers, seen)
    return older is not None and older.returned < newer.called
