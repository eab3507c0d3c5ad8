"""Are the numbers of sequential nodes judged as the definition says?"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from itertools import permutations
from typing import Any

import pytest

from checker.history import History, Op
from checker.outcome import DONE, Failed, Ok
from checker.verdict import Verdict
from tests.workloads.histories import history, op
from tests.workloads.judging import differs, mutated
from workloads.numbering import numbering
from workloads.sequence import GONE, TAKEN, Make, Numbers, Remove, Sequences
from workloads.workload import Ask


def by_definition(ops: list[Op[Any, Any]]) -> bool:
    """Each two nodes looked at, and each deletion held against all that was asked before it."""
    made = [one for one in ops if isinstance(one.call, Make) and isinstance(one.outcome, Ok)]
    if any(one.outcome == Ok(TAKEN) for one in made):
        return False
    for one, other in permutations(made, 2):
        before, after = one.outcome.result, other.outcome.result  # type: ignore[union-attr]
        assert one.returned_ns is not None
        later = one.returned_ns < other.called_ns
        if one.mzxid is not None and other.mzxid is not None:
            later |= one.mzxid < other.mzxid
        if before == after or (later and before > after):
            return False
    for one in ops:
        tries = [other for other in ops if other.call == one.call and other is not one]
        tries = [other for other in tries if not isinstance(other.outcome, Failed)]
        if one.outcome == Ok(GONE) and not [x for x in tries if x.called_ns <= one.called_ns]:
            return False
    return True


def some_ops(chance: random.Random, size: int) -> list[Op[Any, Any]]:
    """Calls of three processes to a parent that mostly behaves."""
    ops: list[Op[Any, Any]] = []
    free, now, number = [0, 0, 0], 0, 0
    stamped = chance.random() < 0.5
    there: list[int] = []
    for zxid in range(10, 10 + size):
        process = chance.randrange(3)
        called = max(now, free[process]) + chance.randrange(1, 4)
        returned = called + chance.randrange(1, 8)
        now, free[process] = called, returned
        heard = returned if chance.random() < 0.9 else None
        if there and chance.random() < 0.4:
            gone = there.pop(chance.randrange(len(there)))
            if chance.random() < 0.1:
                there.append(gone)
            result: Any = GONE if chance.random() < 0.1 else DONE
            ops.append(op(process, Remove(gone), result, called, heard))
            continue
        step = chance.choice([1, 1, 1, 1, 1, 1, 2, 2, 3, 0, -1]) if number > 1 else 1
        number += step
        result = TAKEN if chance.random() < 0.03 else number
        mzxid = zxid if stamped and heard is not None else None
        ops.append(op(process, Make(), result, called, heard, mzxid=mzxid))
        if heard is not None and result is not TAKEN:
            there.append(number)
    return ops


def cases(seed: int, number: int) -> Iterator[tuple[list[Op[Any, Any]], bool]]:
    chance = random.Random(seed)
    for _ in range(number):
        ops = some_ops(chance, chance.randrange(2, 9))
        yield ops, by_definition(ops)


def test_numbers_are_judged_by_definition() -> None:
    seen: Counter[bool] = Counter()
    for ops, legal in cases(6, 6000):
        assert (numbering(History.of(ops)).verdict is Verdict.VALID) == legal, ops
        seen[legal] += 1
    assert min(seen.values()) > 1500, seen


@pytest.mark.parametrize(
    ("kind", "ops"),
    [
        ("one number", [op(1, Make(), 2, 1, 50, mzxid=12)]),
        ("went back", [op(1, Make(), 1, 1, 50, mzxid=12)]),
        ("went back", [op(1, Make(), 1, 20, 21)]),
        ("taken", [op(1, Make(), TAKEN, 20, 21)]),
        ("lost", [op(1, Remove(2), GONE, 20, 21)]),
    ],
)
def test_each_wrong_has_its_name(kind: str, ops: list[Op[Any, Any]]) -> None:
    found = numbering(history(op(0, Make(), 2, 5, 6, mzxid=11), *ops))
    assert kind in {wrong.kind for wrong in found.wrongs}
    assert all(wrong.rows and wrong.because for wrong in found.wrongs)


def test_what_is_in_doubt_may_have_been_done() -> None:
    found = numbering(
        history(
            op(0, Make(), 2, 5, 6, mzxid=11),
            op(1, Make(), None, 5),  # it has number 3, or will have 9
            op(0, Make(), 4, 7, 8, mzxid=15),
            op(1, Remove(2), None, 10),
            op(0, Remove(2), GONE, 20, 21),
            op(0, Make(), 4, 30, 31, mzxid=17, key="another parent"),
        )
    )
    assert found.verdict is Verdict.VALID, found


def test_nobody_deletes_what_another_has_tried_to_delete() -> None:
    workload, chance = Sequences(), random.Random(1)
    asked: list[Ask] = []
    for number in range(400):
        ask = workload.calls(number % 5, chance.randrange)
        asked.append(ask)
        if isinstance(ask.call, Make) and number % 3:
            workload.heard(0, ask, Ok(number), None)
    asked += [ask for process in range(5) for ask in workload.last_calls(process, 5)]
    removed = [ask for ask in asked if isinstance(ask.call, Remove)]
    assert len(removed) > 50
    assert len(set(removed)) == len(removed)


def test_what_was_written_of_numbers_is_read_again() -> None:
    model = Numbers()
    for call, result in ((Make(), 7), (Remove(7), DONE)):
        again = model.read_call(*model.write_call(call))
        assert again == call
        assert model.read_result(again, model.write_result(call, result)) == result
    assert model.refusal(Remove(7), "no-node") == GONE


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("if one.number == other.number:", "if False:"),
        ("if other.number < one.number:", "if other.number > one.number:"),
        ("if other.number < one.number:", "if False:"),
        ("over[at].returned < one.called", "over[at].returned < one.called - 3"),
        ("over[at].returned < one.called", "over[at].returned <= one.called + 3"),
        ("over[at].number > greatest.number:", "over[at].number < greatest.number:"),
        ("one.number < greatest.number:", "one.number > greatest.number:"),
        ("result == TAKEN:", "False:"),
        ("result == GONE and", "False and"),
        (" and (key, number) not in tried", ""),
        ("not isinstance(outcome, Failed):", "False:"),
    ],
)
def test_a_changed_judge_is_noticed(before: str, after: str) -> None:
    changed = mutated("numbering", before, after)
    assert differs(lambda ops: changed.numbering(History.of(ops)).verdict, cases(6, 6000))
