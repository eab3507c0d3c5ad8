"""Did every sequential node get a number greater than all before it?

one number     two nodes have the same number
went back      a node made later, by time or by zxid, has the smaller number
taken          a node could not be made, because its number was one that there was
lost           a node was made and nobody had tried to delete it, yet it was not there to be deleted
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from itertools import pairwise

from checker.history import History
from checker.outcome import Failed, Ok
from workloads.sequence import GONE, TAKEN, Make, Remove
from workloads.workload import Finding, Wrong, finding


@dataclass(frozen=True, slots=True)
class _Made:
    """A node that was made."""

    number: int
    row: int
    called: int
    returned: int
    zxid: int | None


def numbering(history: History) -> Finding:
    """All of the above, parent by parent."""
    zxids = history.details.get("mzxid", [None] * len(history))
    made: dict[int, list[_Made]] = {}
    tried: set[tuple[int, int]] = set()  # (key, number) that somebody may have deleted
    wrongs: list[Wrong] = []
    for row, at in enumerate(history.deed):
        call, outcome = history.deeds[at]
        key = history.key[row]
        name = history.keys[key]
        match call, outcome:
            case Make(), Ok(int() as number):
                times = history.called[row], history.returned[row]
                made.setdefault(key, []).append(_Made(number, row, *times, zxids[row]))
            case Make(), Ok(result) if result == TAKEN:
                told = f"parent {name}: a sequential node was refused, as if its number were taken"
                wrongs.append(Wrong("taken", told, (row,)))
            case Remove(number), Ok(result) if result == GONE and (key, number) not in tried:
                told = f"parent {name}: number {number} was gone, and nobody had tried to delete it"
                wrongs.append(Wrong("lost", told, (row,)))
        if isinstance(call, Remove) and not isinstance(outcome, Failed):
            tried.add((key, call.number))
    for key, nodes in made.items():
        wrongs += _of_parent(nodes, history.keys[key])
    wrongs.sort(key=lambda one: one.rows[-1])
    figures = {"made": sum(map(len, made.values())), "tried to delete": len(tried)}
    return finding("numbering", len(history), wrongs, figures=figures)


def _of_parent(nodes: list[_Made], name: Hashable) -> Iterator[Wrong]:
    by_number = sorted(nodes, key=lambda one: (one.number, one.row))
    for one, other in pairwise(by_number):
        if one.number == other.number:
            told = f"parent {name}: two nodes have the number {one.number}"
            yield Wrong("one number", told, (one.row, other.row))
    stamped = [one for one in nodes if one.zxid is not None]
    for one, other in pairwise(sorted(stamped, key=lambda one: (one.zxid, one.row))):
        if other.number < one.number:
            yield _went_back(one, other, name)
    over = sorted(nodes, key=lambda one: (one.returned, one.row))
    greatest: _Made | None = None  # of all that were over
    at = 0
    for one in nodes:  # in order of invocation
        while at < len(over) and over[at].returned < one.called:
            if greatest is None or over[at].number > greatest.number:
                greatest = over[at]
            at += 1
        if greatest is not None and one.number < greatest.number:
            yield _went_back(greatest, one, name)


def _went_back(before: _Made, after: _Made, name: Hashable) -> Wrong:
    told = f"parent {name}: number {after.number} was made after number {before.number}"
    return Wrong("went back", told, tuple(sorted((before.row, after.row))))
