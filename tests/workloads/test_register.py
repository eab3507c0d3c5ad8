"""Is each kind of wrong of registers found, and by whom?"""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

import pytest

from checker.history import History, Op
from checker.models.register import MISMATCH, Cas, Read, Write
from checker.models.zookeeper import LocalRead
from checker.outcome import DONE, Ok, Unknown
from checker.verdict import Verdict, worst
from tests.workloads.histories import history, op
from workloads.register import LIVE_KEYS, MOST_IN_DOUBT, OrderedRead, Register
from workloads.replies import versions
from workloads.workload import Answer, Ask, Synced

KEY = "r0"


def told(process: int, call: Any, result: Any, at: int, zxid: int, **more: Any) -> Op[Any, Any]:
    """A call of 5 ns that told of zxid `zxid`."""
    return op(process, call, result, at, at + 5, zxid=zxid, key=KEY, **more)


WROTE = [
    told(0, Write(1), DONE, 0, 10, mzxid=10, version=0),
    told(0, Write(2), DONE, 10, 11, mzxid=11, version=1),
]


def judged(*ops: Op[Any, Any]) -> dict[str, set[str]]:
    """The kinds of wrongs, by judge."""
    found = {name: judge(history(*WROTE, *ops)) for name, judge in Register().judges().items()}
    for one in found.values():
        assert (one.verdict is Verdict.INVALID) == bool(one.wrongs)
        assert all(wrong.rows and wrong.because for wrong in one.wrongs)
    return {name: {wrong.kind for wrong in one.wrongs} for name, one in found.items() if one.wrongs}


@pytest.mark.parametrize(
    "ops",
    [
        [],
        [told(1, Read(), 2, 20, 11, mzxid=11, version=1)],
        [told(1, LocalRead(), 1, 20, 10, mzxid=10, version=0)],  # stale
        [told(1, LocalRead(), None, 20, 9)],
        [told(1, Cas(1, 3), MISMATCH, 20, 11)],
        [op(1, Write(3), None, 20, key=KEY), told(2, Read(), 3, 30, 12, mzxid=12, version=2)],
        [op(1, Write(3), None, 20, key=KEY), told(2, Read(), 2, 30, 12, mzxid=11, version=1)],
    ],
)
def test_what_is_right_is_left_alone(ops: list[Op[Any, Any]]) -> None:
    assert judged(*ops) == {}


@pytest.mark.parametrize(
    ("judge", "ops"),
    [
        ("linearizable", [told(1, Read(), 1, 20, 10, mzxid=10, version=0)]),
        ("linearizable", [told(1, Read(), None, 20, 9)]),
        ("linearizable", [told(1, Cas(2, 3), MISMATCH, 20, 11)]),
        ("contract", [told(1, LocalRead(), 9, 20, 11, mzxid=12, version=2)]),
        (
            "contract",
            [
                told(1, LocalRead(), 2, 20, 11, mzxid=11, version=1),
                told(1, LocalRead(), 1, 30, 11, mzxid=10, version=0),
            ],
        ),
        ("replies", [told(0, LocalRead(), 1, 20, 9, mzxid=10, version=0)]),
        ("replies", [told(1, LocalRead(), 1, 20, 9, mzxid=10, version=0)]),
        ("replies", [told(1, Write(3), DONE, 20, 12, mzxid=9, version=2)]),
        ("replies", [told(1, Write(3), DONE, 20, 12, mzxid=11, version=2)]),
        ("versions", [told(1, Write(3), DONE, 20, 12, mzxid=12, version=1)]),
        ("versions", [told(1, Write(3), DONE, 20, 12, mzxid=12, version=3)]),
        ("versions", [told(1, LocalRead(), 2, 20, 12, mzxid=11, version=0)]),
    ],
)
def test_each_wrong_is_found(judge: str, ops: list[Op[Any, Any]]) -> None:
    assert judge in judged(*ops)


def test_a_write_applied_twice_counts_once_too_often() -> None:
    """Values stay right, so nobody notices but who counts."""
    chance = random.Random(4)
    for _ in range(300):
        twice = chance.randrange(8)
        ops, version, zxid, now = [], -1, 100, 0
        for value in range(8):
            version += 2 if value == twice else 1
            zxid += 1
            now += 10
            ops.append(told(0, Write(value), DONE, now, zxid, mzxid=zxid, version=version))
        found = versions(History.of(ops))
        assert {wrong.kind for wrong in found.wrongs} == {"a write too many"}


def test_versions_of_a_true_register_are_always_right() -> None:
    chance = random.Random(5)
    for _ in range(300):
        ops: list[Op[Any, Any]] = []
        version, zxid, value, seen = -1, 100, None, 0
        for number in range(12):
            at = 10 * number - chance.randrange(9)  # calls of three processes overlap
            process = number % 3
            long = chance.randrange(1, 19)
            if chance.random() < 0.5:
                zxid += chance.randrange(1, 3)
                kept = chance.random() < 0.9
                if kept:
                    version, value = version + 1, number
                stat = {"zxid": zxid, "mzxid": zxid, "version": version, "key": KEY}
                if kept and chance.random() < 0.8:
                    ops.append(op(process, Write(number), DONE, at, at + long, **stat))
                else:
                    ops.append(op(process, Write(number), None, at, key=KEY))
                seen = zxid if kept else seen
            elif value is not None:
                stat = {"zxid": zxid, "mzxid": seen, "version": version, "key": KEY}
                ops.append(op(process, Read(), value, at, at + long, **stat))
        assert versions(History.of(ops)).verdict is Verdict.VALID


def test_a_key_with_too_many_doubts_gives_way() -> None:
    workload = Register()
    asked: Counter[str] = Counter()
    for number in range(3000):
        ask = workload.calls(0, random.Random(number).randrange)
        asked[ask.key] += 1
        doubtful = isinstance(ask.call, Write | Cas)
        workload.heard(0, ask, Unknown("?") if doubtful else Ok(None), None)
    assert len(asked) > 3000 / 2 / MOST_IN_DOUBT / 2
    assert max(asked.values()) < 200


def test_all_keys_are_read_at_the_end() -> None:
    workload = Register()
    chance = random.Random(6)
    asked = set()
    for _ in range(30_000):
        ask = workload.calls(0, chance.randrange)
        asked.add(ask.key)
        workload.heard(0, ask, Ok(DONE), Answer(result=DONE))
    assert len(asked) > LIVE_KEYS
    last = [workload.last_calls(process, 4) for process in range(4)]
    assert {ask.key for asks in last for ask in asks} == asked
    live = set.intersection(*({ask.key for ask in asks} for asks in last))
    assert len(live) == LIVE_KEYS


def test_no_value_is_written_twice_and_smaller_draws_are_calmer() -> None:
    workload = Register()
    chance = random.Random(7)
    values = []
    for _ in range(2000):
        ask = workload.calls(0, chance.randrange)
        if isinstance(ask.call, Write):
            values.append(ask.call.value)
            workload.heard(0, ask, Ok(DONE), None)
        elif isinstance(ask.call, Cas):
            values.append(ask.call.new)
    assert len(values) == len(set(values))
    assert isinstance(Register().calls(0, lambda n: 0).call, Read)


def test_where_a_sync_orders_only_no_read_is_claimed_to_be_newest() -> None:
    workload = Register(Synced.ORDERED)
    ask = workload.calls(0, lambda n: 0)
    assert isinstance(ask.call, OrderedRead)
    assert workload.model.write_call(ask.call) == ("local-read", None)
    stale = told(1, ask.call, 1, 20, 10, mzxid=10, version=0)
    found = [judge(history(*WROTE, stale)) for judge in workload.judges().values()]
    assert worst(one.verdict for one in found) is Verdict.VALID
    assert isinstance(Ask(KEY, ask.call).call, LocalRead)
