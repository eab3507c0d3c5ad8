"""Did every lock have one holder at a time, in the order of zxids?

A holder's node was surely there at the zxid of each call that checked it, and it was the smallest
as of the zxid (the last change of the queue) at which it was seen to be. So each holder has an
*interval* of zxids in which it surely held the lock: from where it was seen to be the smallest, up
to its last use, or to just before its release.

two holders     the intervals of two holders meet
out of turn     a node made later has the smaller number, or the guarded thing was written with a
                smaller number than before
one number      two nodes have the same number
lost            a holder's node was not there, though its session lived: an ephemeral node ends
                with its session, never before

That two clients believed at once, in real time, is counted and no wrong.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from checker.history import History
from checker.outcome import Ok
from workloads.lock import LOST, Acquire, Held, Release, Use
from workloads.workload import Finding, Wrong, finding

NEVER: Final = 1 << 63


@dataclass(slots=True)
class _Tenure:
    """What one holder showed of its time; zxids `first` to `last`, both included."""

    key: Hashable
    held: Held
    row: int
    first: int
    last: int
    last_row: int
    from_ns: int  # when it was told that it holds the lock
    until_ns: int = NEVER  # when it began to give it back


@dataclass(frozen=True, slots=True)
class _Used:
    """The guarded thing was written."""

    zxid: int
    number: int
    row: int


def tenures(history: History) -> Finding:
    """All of the above, lock by lock."""
    mzxids = history.details.get("mzxid", [None] * len(history))
    holding: dict[tuple[int, int], _Tenure] = {}  # (process, key) -> its tenure
    by_key: dict[int, list[_Tenure]] = {}
    used: dict[int, list[_Used]] = {}
    wrongs: list[Wrong] = []
    for row, at in enumerate(history.deed):
        call, outcome = history.deeds[at]
        key, mzxid = history.key[row], mzxids[row]
        mine = (history.process[row], key)
        if isinstance(call, Release) and mine in holding:
            holding[mine].until_ns = history.called[row]
        match call, outcome:
            case _, Ok(result) if result == LOST:
                name = history.keys[key]
                told = f"lock {name}: a node was gone, though the session that made it lived"
                wrongs.append(Wrong("lost", told, (row,)))
            case Acquire(), Ok(Held() as held) if mzxid is not None:
                told_ns = history.returned[row]
                tenure = _Tenure(history.keys[key], held, row, mzxid, mzxid, row, told_ns)
                holding[mine] = tenure
                by_key.setdefault(key, []).append(tenure)
            case ((Use() | Release()), Ok(Held() as held)) if mzxid is not None:
                used.setdefault(key, []).append(_Used(mzxid, held.number, row))
                if mine in holding:
                    # Released at this zxid, it was there up to the one before.
                    last = mzxid - 1 if isinstance(call, Release) else mzxid
                    tenure = holding[mine]
                    tenure.last, tenure.last_row = max(tenure.last, last), row
            case _:
                pass
    for key, of_key in by_key.items():
        wrongs += _two_holders(of_key)
        wrongs += _out_of_turn(of_key, used.get(key, []))
    wrongs.sort(key=lambda one: one.rows[-1])
    figures = {
        "tenures": sum(map(len, by_key.values())),
        "uses": sum(map(len, used.values())),
        "two believed at once": sum(_believed(of_key) for of_key in by_key.values()),
    }
    return finding("tenures", len(history), wrongs, figures=figures)


def _two_holders(of_key: list[_Tenure]) -> Iterator[Wrong]:
    """Intervals that meet; each against the one before it that reaches the farthest."""
    ordered = sorted(of_key, key=lambda one: (one.first, one.last, one.row))
    farthest: _Tenure | None = None
    for one in ordered:
        if farthest is not None and one.first <= farthest.last:
            yield Wrong(
                "two holders",
                f"lock {one.key}: number {farthest.held.number} held it from {farthest.first:#x} "
                f"to {farthest.last:#x} at least, number {one.held.number} from {one.first:#x}",
                tuple(sorted({farthest.row, farthest.last_row, one.row})),
            )
        if farthest is None or one.last > farthest.last:
            farthest = one


def _out_of_turn(of_key: list[_Tenure], used: list[_Used]) -> Iterator[Wrong]:
    """Numbers grow with the zxids at which the nodes were made, and so do those of the uses."""
    for before, after in pairwise(sorted(of_key, key=lambda one: (one.held.made, one.row))):
        if before.held.number == after.held.number:
            kind, words = "one number", f"two nodes have the number {before.held.number}"
        elif before.held.number > after.held.number:
            kind = "out of turn"
            words = f"number {after.held.number} was made after number {before.held.number}"
        else:
            continue
        yield Wrong(kind, f"lock {before.key}: {words}", tuple(sorted((before.row, after.row))))
    for one, other in pairwise(sorted(used, key=lambda one: (one.zxid, one.row))):
        if one.number > other.number:
            key = of_key[0].key
            yield Wrong(
                "out of turn",
                f"lock {key}: number {other.number} wrote at {other.zxid:#x}, after number "
                f"{one.number} at {one.zxid:#x}",
                tuple(sorted((one.row, other.row))),
            )


def _believed(of_key: list[_Tenure]) -> int:
    """How many began to believe while another still did; only those who told of their end."""
    told = [one for one in of_key if one.until_ns < NEVER]
    count, until = 0, -1
    for one in sorted(told, key=lambda one: one.from_ns):
        count += one.from_ns < until
        until = max(until, one.until_ns)
    return count
