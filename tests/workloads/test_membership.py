"""Is a growing set judged as the definition says?"""

from __future__ import annotations

import random
from collections import Counter
from itertools import permutations
from typing import Any

import pytest

from checker.history import History, Op
from checker.models.set import Add, ListAll
from checker.outcome import DONE, Failed, Ok, Refused
from checker.verdict import Verdict
from tests.checker.oracle import is_linearizable
from tests.workloads.histories import history, op
from workloads.listing import ListLocally, SetWithListings
from workloads.membership import membership


class AsSets(SetWithListings):
    """Answers as tuples, as they come from files."""

    def apply(self, state: Any, call: Any) -> tuple[Any, Any]:
        after, said = super().apply(state, call)
        return after, tuple(sorted(said)) if isinstance(call, ListAll) else said


def has_an_order(ops: list[Op[Any, Any]]) -> bool:
    """By the contract's own words: one legal order of all that must be in it, tried one by one."""
    sure = [one for one in ops if isinstance(one.outcome, Ok)]
    doubtful = [one for one in ops if not isinstance(one.outcome, Ok | Failed)]
    doubtful = [one for one in doubtful if isinstance(one.call, Add)]

    def ahead(one: Op[Any, Any], other: Op[Any, Any]) -> bool:
        if not isinstance(one.outcome, Ok):
            return False
        assert one.returned_ns is not None
        if one.returned_ns >= other.called_ns:
            return False
        return not isinstance(other.call, ListLocally) or one.process == other.process

    for chosen in range(1 << len(doubtful)):
        some = sure + [one for i, one in enumerate(doubtful) if chosen >> i & 1]
        for order in permutations(some):
            place = {id(one): i for i, one in enumerate(order)}
            if any(
                ahead(one, other) and place[id(one)] > place[id(other)]
                for one in some
                for other in some
            ):
                continue
            held: set[Any] = set()
            legal = True
            for one in order:
                if isinstance(one.call, Add):
                    held.add(one.call.value)
                elif frozenset(one.outcome.result) != held:  # type: ignore[union-attr]
                    legal = False
                    break
            if legal:
                return True
    return False


def some_ops(chance: random.Random, size: int, *, local: bool) -> list[Op[Any, Any]]:
    """Calls of three processes to a set that mostly behaves; sometimes a listing is wrong."""
    held: list[int] = []
    ops: list[Op[Any, Any]] = []
    free = [0, 0, 0]
    now = 0
    for value in range(size):
        process = chance.randrange(3)
        called = max(now, free[process]) + chance.randrange(1, 4)
        returned = called + chance.randrange(1, 12)
        now = called - chance.randrange(2)
        free[process] = returned
        if chance.random() < 0.5:
            lost = chance.random() < 0.15
            if not lost or chance.random() < 0.5:
                held.append(value)
            end = None if lost else returned
            ops.append(op(process, Add(value), DONE, called, end))
        else:
            seen = held[: len(held) - chance.choice([0, 0, 0, 1, 2])]
            if chance.random() < 0.15 and seen:
                seen = [one for one in seen if one != chance.choice(seen)]
            if chance.random() < 0.1:  # too early, or never
                seen = [*seen, value + chance.randrange(1, 4)]
            kind = ListLocally() if local and chance.random() < 0.6 else ListAll()
            ops.append(op(process, kind, tuple(sorted(seen)), called, returned))
    return ops


def test_synced_listings_are_judged_as_linearizable() -> None:
    chance = random.Random(1)
    verdicts: Counter[bool] = Counter()
    for _ in range(4000):
        ops = some_ops(chance, chance.randrange(2, 9), local=False)
        expected = is_linearizable(ops, AsSets())
        found = membership(History.of(ops))
        assert (found.verdict is Verdict.VALID) == expected, (ops, found)
        verdicts[expected] += 1
    assert min(verdicts.values()) > 500, verdicts


def test_local_listings_are_judged_by_the_contract() -> None:
    chance = random.Random(2)
    verdicts: Counter[bool] = Counter()
    for _ in range(1500):
        ops = some_ops(chance, chance.randrange(2, 7), local=True)
        expected = has_an_order(ops)
        found = membership(History.of(ops))
        assert (found.verdict is Verdict.VALID) == expected, (ops, found)
        verdicts[expected] += 1
    assert min(verdicts.values()) > 200, verdicts


ADDED = (op(0, Add(1), DONE, 0, 5), op(0, Add(2), DONE, 10, 15))


@pytest.mark.parametrize(
    ("kind", "ops"),
    [
        ("lost", [op(1, ListAll(), (1,), 20, 25)]),
        ("lost", [op(1, ListAll(), (1, 2), 20, 25), op(1, ListAll(), (2,), 30, 35)]),
        ("stale", [op(1, ListAll(), (1,), 20, 25), op(1, ListAll(), (1, 2), 30, 35)]),
        (
            "resurrected",
            [
                op(1, ListAll(), (1, 2), 20, 25),
                op(2, ListAll(), (1,), 30, 35),
                op(1, ListAll(), (1, 2), 40, 45),
            ],
        ),
        ("duplicated", [op(1, ListAll(), (1, 1, 2), 20, 25)]),
        ("from nowhere", [op(1, ListAll(), (1, 2, 3), 20, 25)]),
        ("from nowhere", [op(1, ListAll(), (1, 2), 0, 7)]),
        ("out of order", [op(1, ListLocally(), (2,), 20, 25)]),
        ("out of order", [op(1, ListAll(), (1,), 11, 12), op(2, ListAll(), (2,), 11, 13)]),
        ("refused", [op(1, Add(3), Refused("node-exists"), 20, 25)]),
        ("missing at its zxid", [op(1, ListLocally(), (), 20, 25, mzxid=7)]),
        ("out of order", [op(1, ListLocally(), (1,), 20, 25, mzxid=3)]),
    ],
)
def test_each_wrong_has_its_name(kind: str, ops: list[Op[Any, Any]]) -> None:
    added = [
        op(0, Add(1), DONE, 0, 5, mzxid=5, zxid=5),
        op(0, Add(2), DONE, 10, 15, mzxid=9, zxid=9),
    ]
    found = membership(history(*added, *ops))
    assert found.verdict is Verdict.INVALID
    assert kind in {wrong.kind for wrong in found.wrongs}, found
    assert all(wrong.rows and wrong.because for wrong in found.wrongs)


@pytest.mark.parametrize(
    "ops",
    [
        [op(1, ListLocally(), (), 20, 25)],  # stale, of a session that had seen nothing
        [op(1, ListAll(), (1, 2), 8, 25)],
        [op(1, ListAll(), (1,), 8, 25)],
        [op(1, Add(3), None, 20), op(0, ListAll(), (1, 2), 30, 35)],
        [
            op(1, Add(3), None, 20),
            op(0, ListAll(), (1, 2), 30, 35),
            op(0, ListAll(), (1, 2, 3), 40, 45),
        ],
        [op(1, ListLocally(), (1,), 20, 25, mzxid=5)],
    ],
)
def test_what_is_right_is_left_alone(ops: list[Op[Any, Any]]) -> None:
    added = [op(0, Add(1), DONE, 0, 5, mzxid=5), op(0, Add(2), DONE, 10, 15, mzxid=9)]
    found = membership(history(*added, *ops))
    assert found.verdict is Verdict.VALID, found


def test_the_words_of_another_key_are_not_mixed_in() -> None:
    found = membership(
        history(
            op(0, Add(1), DONE, 0, 5, key="a"),
            op(0, ListAll(), (), 6, 7, key="b"),
            op(0, ListAll(), (1,), 8, 9, key="a"),
        )
    )
    assert found.verdict is Verdict.VALID
    assert found.figures["added"] == 1
