"""Are events judged by what was watched, and by what the replies around them showed?"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from checker.history import History, Op
from checker.outcome import Ok
from checker.verdict import Verdict
from tests.workloads.histories import history, op
from tests.workloads.judging import differs, mutated
from workloads.hearing import hearing
from workloads.watch import Go, Read, Stay, Told, Watch, Watches, Watching, Write


def stream_of(ops: list[Op[Any, Any]], session: int) -> list[Any]:
    """What came over one session's connections: (key, zxid) for an event, and the replies."""
    items: list[Any] = []
    for one in ops:
        if one.session == session and isinstance(one.outcome, Ok):
            items += [*one.outcome.result.events, one]
    return items


def by_definition(ops: list[Op[Any, Any]]) -> bool:
    """Each event held against all that came before and next; each reply against all before it."""
    return all(
        is_right(ops, stream_of(ops, session), at)
        for session in {one.session for one in ops if one.session is not None}
        for at in range(len(stream_of(ops, session)))
    )


def is_event(item: Any, key: Any) -> bool:
    return isinstance(item, tuple) and item[0] == key


def replies(some: list[Any], kind: type, key: Any) -> list[Op[Any, Any]]:
    return [x for x in some if isinstance(x, Op) and x.key == key and isinstance(x.call, kind)]


def open_watches(items: list[Any], key: Any, at: int) -> list[Op[Any, Any]]:
    """Those that no event has ended."""
    last = max((i for i in range(at) if is_event(items[i], key)), default=-1)
    return replies(items[last + 1 : at], Watch, key)


def is_right(ops: list[Op[Any, Any]], items: list[Any], at: int) -> bool:
    if isinstance(items[at], tuple):
        return event_is_right(items, at)
    return nothing_is_missed(ops, items, at) and events_are_counted(items, at)


def event_is_right(items: list[Any], at: int) -> bool:
    key, zxid = items[at]
    watches = open_watches(items, key, at)
    if not watches and not replies(items[:at], Stay, key):
        return False
    after = [x for x in items[at:] if isinstance(x, Op)]
    earlier = [x[1] for x in items[:at] if isinstance(x, tuple)]
    if zxid and (max([0, *earlier]) > zxid or (after[0].zxid or 0) < zxid):
        return False
    shown = [x.mzxid for x in after if x.key == key and x.mzxid is not None]
    return not (watches and shown and shown[0] <= (watches[-1].mzxid or 0))


def nothing_is_missed(ops: list[Op[Any, Any]], items: list[Any], at: int) -> bool:
    for key in {x.key for x in ops}:
        known = [x.mzxid for x in ops if x.key == key and x.mzxid is not None]
        for watch in open_watches(items, key, at):
            if any((watch.mzxid or 0) < change <= items[at].zxid for change in known):
                return False
    return True


def events_are_counted(items: list[Any], at: int) -> bool:
    one = items[at]
    if one.outcome.result.version is None:
        return True
    shows = [i for i in range(at) if isinstance(items[i], Op) and items[i].key == one.key]
    shows = [i for i in shows if items[i].mzxid is not None]
    if not shows or not replies(items[: shows[-1]], Stay, one.key):
        return True
    since = items[shows[-1] : at + 1]
    if any(isinstance(x, Op) and isinstance(x.call, Go) for x in since[1:]):
        return True
    events = sum(is_event(x, one.key) for x in since)
    return bool(events == one.outcome.result.version - since[0].outcome.result.version)


def some_ops(chance: random.Random, size: int) -> list[Op[Any, Any]]:
    """Two sessions and two nodes; now and then an event is lost, late, double or mistaken."""
    keys = ("a", "b")
    version = dict.fromkeys(keys, 0)
    mzxid = dict.fromkeys(keys, 1)
    once: set[tuple[int, str]] = set()
    stays: set[tuple[int, str]] = set()
    coming: dict[int, list[tuple[str, int]]] = {0: [], 1: []}
    late: dict[int, list[tuple[str, int]]] = {0: [], 1: []}
    tells, lies = chance.random() < 0.7, chance.random() < 0.6
    ops: list[Op[Any, Any]] = []
    zxid = 1
    for at in range(size):
        process, key = chance.randrange(2), chance.choice(keys)
        call = chance.choice([Read, Watch, Watch, Stay, Write, Write, Go])()
        if isinstance(call, Write):
            zxid += 1
            version[key] += 1
            mzxid[key] = zxid
            for who in (0, 1):
                if (who, key) in once or (who, key) in stays:
                    once.discard((who, key))
                    event = (key, zxid if tells else 0)
                    kind = chance.randrange(16) if lies else 16
                    if kind == 0:
                        late[who].append(event)
                    elif kind == 1:
                        event = (key, event[1] + 1)
                    if kind not in (0, 2):
                        coming[who].append(event)
                    if kind == 3:
                        coming[who].append(event)
        if lies and chance.random() < 0.02:
            coming[process].append((key, 0))
        heard, coming[process], late[process] = tuple(coming[process]), late[process], []
        told = Told(None if isinstance(call, Stay) else version[key], heard)
        shown = None if isinstance(call, Stay) else mzxid[key]
        times = 10 * at, 10 * at + 5
        ops.append(op(process, call, told, *times, zxid=zxid, mzxid=shown, key=key))
        if isinstance(call, Watch):
            once.add((process, key))
        elif isinstance(call, Stay):
            stays.add((process, key))
    return ops


def cases(seed: int, number: int) -> Iterator[tuple[list[Op[Any, Any]], bool]]:
    chance = random.Random(seed)
    for _ in range(number):
        ops = some_ops(chance, chance.randrange(3, 16))
        yield ops, by_definition(ops)


def test_events_are_judged_by_definition() -> None:
    seen: Counter[bool] = Counter()
    kinds: Counter[str] = Counter()
    for ops, legal in cases(9, 4000):
        found = hearing(History.of(ops))
        assert (found.verdict is Verdict.VALID) == legal, (ops, found)
        seen[legal] += 1
        kinds.update(wrong.kind for wrong in found.wrongs)
    assert min(seen.values()) > 500, seen
    assert set(kinds) == {"missed", "made up", "from nowhere", "out of order"}
    assert min(kinds.values()) > 50, kinds


WATCHED = op(0, Watch(), Told(3), 0, 5, zxid=7, mzxid=6, key="a")
CHANGED = op(1, Write(), Told(4), 10, 15, zxid=8, mzxid=8, key="a")


@pytest.mark.parametrize(
    ("kind", "later"),
    [
        ("missed", op(0, Read(), Told(0), 20, 25, zxid=8, mzxid=1, key="b")),
        ("missed", op(0, Go(), Told(4), 20, 25, zxid=9, mzxid=8, key="a")),
        ("made up", op(0, Read(), Told(3, (("a", 0),)), 20, 25, zxid=7, mzxid=6, key="a")),
        ("from nowhere", op(0, Read(), Told(0, (("b", 0),)), 20, 25, zxid=7, mzxid=1, key="b")),
        ("out of order", op(0, Read(), Told(4, (("a", 9),)), 20, 25, zxid=8, mzxid=8, key="a")),
    ],
)
def test_each_wrong_has_its_name(kind: str, later: Op[Any, Any]) -> None:
    found = hearing(history(WATCHED, CHANGED, later))
    assert [wrong.kind for wrong in found.wrongs] == [kind]
    assert all(wrong.rows and wrong.because for wrong in found.wrongs)


def test_who_is_behind_has_missed_nothing_yet() -> None:
    behind = op(0, Read(), Told(0), 20, 25, zxid=7, mzxid=1, key="b")
    told = op(0, Read(), Told(4, (("a", 8),)), 30, 35, zxid=8, mzxid=8, key="a")
    doubtful = op(1, Write(), None, 16, key="a", session=3)
    found = hearing(history(WATCHED, CHANGED, doubtful, behind, told))
    assert found.verdict is Verdict.VALID, found


def test_what_changes_during_a_move_is_not_owed_to_who_watches_always() -> None:
    ops = [
        op(0, Stay(), Told(None), 0, 5, zxid=5, key="a"),
        op(0, Read(), Told(3), 6, 7, zxid=7, mzxid=6, key="a"),
        CHANGED,
        op(0, Go(), Told(4), 20, 25, zxid=8, mzxid=8, key="a"),
    ]
    assert hearing(history(*ops)).verdict is Verdict.VALID
    stayed = op(0, Read(), Told(4), 20, 25, zxid=8, mzxid=8, key="a")
    assert hearing(history(*ops[:-1], stayed)).verdict is Verdict.INVALID


def test_what_was_written_of_watches_is_read_again() -> None:
    model = Watches()
    for call in (Read(), Watch(), Stay(), Write(), Go()):
        again = model.read_call(*model.write_call(call))
        told = Told(7, (("w0", 3), ("w1", 0)))
        version, events = model.write_result(call, told)
        assert again == call
        assert model.read_result(again, (version, tuple(map(tuple, events)))) == told


def test_all_kinds_of_calls_are_made() -> None:
    chance = random.Random(1)
    asked = {type(Watching().calls(0, chance.randrange).call) for _ in range(200)}
    assert asked == {Read, Watch, Stay, Write, Go}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("one.base = None", "pass"),
        ("if key.once is None and not key.stays:", "if key.once is None:"),
        ("key.changed, key.once = key.once, None", "key.changed = key.once"),
        ("at < session.last or", "False or"),
        ("at > zxid)", "at > zxid + 9)"),
        ("bisect_right(known, key.once)", "bisect_right(known, key.once + 1)"),
        ("known[after] <= zxid:", "known[after] < zxid:"),
        ("if mzxid <= key.changed:", "if mzxid < key.changed:"),
        ("key.events != told.version - key.base:", "key.events < told.version - key.base:"),
        ("key.events != told.version - key.base:", "key.events > told.version - key.base:"),
        ("key.base = told.version if key.stays else None", "key.base = told.version"),
        ("        key.events = 0", "        pass"),
    ],
)
def test_a_changed_judge_is_noticed(before: str, after: str) -> None:
    changed = mutated("hearing", before, after)
    assert differs(lambda ops: changed.hearing(History.of(ops)).verdict, cases(9, 4000))
