"""Is this order of calls one that ZooKeeper's contract allows?

Straight from the contract, and written apart from what finds orders: it shares nothing with the
search or the sweep, so a mistake there cannot hide here.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from itertools import pairwise

from checker.history import History
from checker.models.register import Cas, Read, Write
from checker.models.zookeeper import LocalRead
from checker.outcome import Ok, Refused, Unknown


def flaw(history: History, order: Sequence[int]) -> str | None:
    """What is wrong with this order of rows; None if it proves the history legal."""
    return _wrong_rows(history, order) or _out_of_turn(history, order) or _illegal(history, order)


def _wrong_rows(history: History, order: Sequence[int]) -> str | None:
    """Every call that answered is there once; of the others, only writes may be."""
    if len(set(order)) != len(order):
        return "a row stands there twice"
    rows = set(order)
    for row, op in enumerate(history):
        if isinstance(op.outcome, Ok) and row not in rows:
            return f"row {row} is missing"
        lost_write = isinstance(op.outcome, Unknown) and not isinstance(op.call, Read)
        if row in rows and not (isinstance(op.outcome, Ok) or lost_write):
            return f"row {row} had no effect and no answer"
    return None


def _out_of_turn(history: History, order: Sequence[int]) -> str | None:
    """No call stands before one that had to precede it.

    Walking back from the end, the earliest return seen so far is enough to know.
    """
    first_return: dict[Hashable, int] = {}
    never = 1 << 63
    for row in reversed(order):
        op = history[row]
        session = ("process", op.process) if op.session is None else ("session", op.session)
        lane = (session, op.process)
        bounds: list[Hashable] = [session]
        if not isinstance(op.call, LocalRead):
            bounds.append("everybody")
        if any(first_return.get(who, never) < op.called_ns for who in bounds):
            return f"row {row} stands before a call that had returned when it began"
        first_row = first_return.get((lane, "row"), never)
        if first_row < row and first_return.get(lane, never) <= op.called_ns:
            return f"row {row} stands before an earlier call of its process"
        if isinstance(op.outcome, Ok) and op.returned_ns is not None:
            for who in ("everybody", session, lane):
                first_return[who] = min(first_return.get(who, never), op.returned_ns)
            first_return[lane, "row"] = min(first_row, row)
    return None


def _illegal(history: History, order: Sequence[int]) -> str | None:
    """Each call finds what it needs, and mzxids grow with the writes."""
    held: dict[Hashable, Hashable] = {}
    last_write: dict[Hashable, int] = {}  # key -> its place among all writes
    stamps: dict[int, int] = {}  # place among all writes -> mzxid
    writes = 0
    for row in order:
        op = history[row]
        value = held.get(op.key)
        answered = isinstance(op.outcome, Ok)
        refused = isinstance(op.outcome, Ok) and isinstance(op.outcome.result, Refused)
        match op.call:
            case Read() if isinstance(op.outcome, Ok) and value != op.outcome.result:
                return f"row {row} read {op.outcome.result!r} where {value!r} stood"
            case Cas(old, _) if refused == (value == old):
                return f"row {row} met {value!r}"
            case Write(new) | Cas(_, new) if not refused:
                writes += 1
                held[op.key], last_write[op.key] = new, writes
        if refused or not answered or op.mzxid is None or held.get(op.key) is None:
            continue
        place = last_write[op.key]
        if stamps.setdefault(place, op.mzxid) != op.mzxid:
            return f"row {row} was told mzxid {op.mzxid}, another call {stamps[place]}"
    known = [stamps[place] for place in sorted(stamps)]
    if any(a >= b for a, b in pairwise(known)):
        return "mzxids do not grow with the writes"
    return None
