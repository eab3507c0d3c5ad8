"""Did listings of a growing set show what they must, and nothing else?

A set of which nothing is removed has a simple law. Give every listing its place among all listings,
by what it holds, and every member the first listing that holds it. The calls then have a legal
order if and only if

1. of two listings one holds all that the other holds, and more or as much;
2. whatever had to be ahead of a call (rule below) has no later place.

Ahead of a call is what had returned before it began, if the call is an addition or a listing behind
a sync; if it is a local listing, only what its own session had done. So a local listing may be
stale, but never early, and a session never sees less than before. Each rule speaks of two calls,
which are the evidence. What is wrong is named by what became of the member:

lost          it was added or seen, and no later listing has it, to the last
resurrected   it was seen, then missing, and seen again
stale         it was missing where it had to be, though it was there later
out of order  a later addition was seen, and not this one
duplicated    it stands twice in one listing
from nowhere  nobody had tried to add it by then, or whoever had surely failed
refused       the addition was refused because it was there already, though nobody else adds it

Members that are listed at an mzxid (the last change of the parent) are held against the zxids of
the additions: those up to it must be there, and no others.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from itertools import groupby, pairwise
from typing import Any

from checker.history import History
from workloads.additions import NEVER, Added, Key, Listing, keys_of
from workloads.workload import Finding, Wrong, finding


def membership(history: History) -> Finding:
    """The law above, key by key."""
    wrongs: list[Wrong] = []
    keys = keys_of(history)
    for key in keys:
        wrongs += [
            Wrong(one.kind, f"key {key.name}: {one.because}", one.rows) for one in _judge(key)
        ]
    wrongs.sort(key=lambda one: one.rows[-1])
    return finding("membership", len(history), wrongs, figures=_figures(keys, wrongs))


def _figures(keys: Any, wrongs: list[Wrong]) -> dict[str, int | float]:
    figures: dict[str, int | float] = {
        "added": sum(one.returned < NEVER for key in keys for one in key.added.values()),
        "in doubt": sum(one.returned == NEVER for key in keys for one in key.added.values()),
        "listings": sum(len(key.listings) for key in keys),
    }
    kinds = sorted(one.kind for one in wrongs)
    return figures | {kind: len(list(group)) for kind, group in groupby(kinds)}


def _judge(key: Key) -> Iterator[Wrong]:
    """All that is wrong with one set; of a member, the first thing of each kind."""
    chain = sorted(key.listings, key=lambda one: (len(one.values), one.row))
    seen: dict[Any, Listing] = {}  # where each member stands first in the chain
    for one in chain:
        for value in sorted(one.values - seen.keys(), key=repr):
            seen[value] = one
    for row, value in key.refused:
        why = f"{value} was refused as there already, though it is added but once"
        yield Wrong("refused", why, (row,))
    for row, value in key.twice:
        yield Wrong("duplicated", f"{value} stands twice in one listing", (row,))
    yield from _from_nowhere(key)
    yield from _forked(chain)
    yield from _missing(key)
    yield from _out_of_order(key, seen)
    yield from _against_zxids(key)


def _from_nowhere(key: Key) -> Iterator[Wrong]:
    told: set[Any] = set()
    for one in key.listings:
        for value in sorted(one.values - told, key=repr):
            added = key.added.get(value)
            if added is None or one.returned < added.called:
                told.add(value)
                why = "which nobody had tried to add" if added is None else "before it was added"
                yield Wrong("from nowhere", f"{value} was listed, {why}", (one.row,))


def _forked(chain: list[Listing]) -> Iterator[Wrong]:
    for less, more in pairwise(chain):
        if not less.values <= more.values:
            one = min(less.values - more.values, key=repr)
            other = min(more.values - less.values, key=repr)
            yield Wrong(
                "out of order",
                f"one listing holds {one} and not {other}, another {other} and not {one}",
                tuple(sorted((less.row, more.row))),
            )


def _missing(key: Key) -> Iterator[Wrong]:
    """What a listing lacks though it was added, or seen, before; once a member."""
    shows = [
        *((one.returned, one.row, (one.value,)) for one in key.added.values()),
        *((one.returned, one.row, one.values) for one in key.listings),
    ]
    shows.sort(key=lambda show: show[:2])
    owed: dict[Any, int] = {}  # member -> row that shows it, of all that is over
    own = _own(key)
    told: set[Any] = set()
    at = 0
    for one in sorted(key.listings, key=lambda one: (one.called, one.row)):
        while at < len(shows) and shows[at][0] < one.called:
            for value in shows[at][2]:
                owed.setdefault(value, shows[at][1])
            at += 1
        due = own[one.row] if one.local else owed | own[one.row]
        for value in sorted(due.keys() - one.values - told, key=repr):
            told.add(value)
            yield _absent(key, one, value, due[value])


def _own(key: Key) -> dict[int, dict[Any, int]]:
    """For each listing, what its own session had added or seen; and the rows that show it."""
    seen: dict[Hashable, dict[Any, int]] = {}
    own: dict[int, dict[Any, int]] = {}
    calls: list[Added | Listing] = [*key.added.values(), *key.listings]
    for one in sorted(calls, key=lambda one: one.row):
        mine = seen.get(one.owner, {})
        if isinstance(one, Listing):
            own[one.row] = mine
            new = dict.fromkeys(one.values - mine.keys(), one.row)
        else:
            new = {one.value: one.row} if one.returned < NEVER else {}
        if new:
            seen[one.owner] = mine | new  # another dict: the listings keep theirs
    return own


def _absent(key: Key, one: Listing, value: Any, shown: int) -> Wrong:
    """The name for a member that one listing lacks, though another call had shown it."""
    later = [other for other in key.listings if other.called > one.returned]
    again = next((other for other in later if value in other.values), None)
    was_seen = any(value in other.values and other.returned < one.called for other in key.listings)
    if again is None:
        kind, words = "lost", "and no later listing has it"
    elif was_seen:
        kind, words = "resurrected", "though it was seen before and after"
    else:
        kind, words = "stale", "though it had been added, and was there later"
    rows = (shown, one.row) if again is None else (shown, one.row, again.row)
    return Wrong(kind, f"a listing lacks {value}, {words}", rows)


def _out_of_order(key: Key, seen: dict[Any, Listing]) -> Iterator[Wrong]:
    """An addition that followed another is seen ahead of it.

    That it is not seen in a listing it followed is told as from nowhere, since of two listings the
    later one holds all that the other holds.
    """

    def place(added: Added) -> int:
        """That of the first listing with it."""
        first = seen.get(added.value)
        return NEVER if first is None else len(first.values)

    over = sorted(key.added.values(), key=lambda one: (one.returned, one.row))
    last, shown, at = -1, -1, 0  # the latest place of all that is over, and whose it is
    for added in sorted(over, key=lambda one: (one.called, one.row)):
        while at < len(over) and over[at].returned < added.called:
            if place(over[at]) > last:
                last, shown = place(over[at]), over[at].row
            at += 1
        if last > place(added):
            yield Wrong(
                "out of order",
                f"{added.value} is seen ahead of what was over before it was added",
                tuple(sorted((shown, added.row, seen[added.value].row))),
            )


def _against_zxids(key: Key) -> Iterator[Wrong]:
    """A listing as of an mzxid holds the additions up to it, and no others."""
    stamped = [one for one in key.added.values() if one.zxid is not None]
    for one in key.listings:
        if one.zxid is None:
            continue
        for added in stamped:
            assert added.zxid is not None
            if (added.zxid <= one.zxid) != (added.value in one.values):
                kind = "out of order" if added.value in one.values else "missing at its zxid"
                verb = "holds" if added.value in one.values else "lacks"
                yield Wrong(
                    kind,
                    f"a listing as of {one.zxid:#x} {verb} {added.value}, added at {added.zxid:#x}",
                    tuple(sorted((added.row, one.row))),
                )
                break
