"""Are transactions over several nodes judged as what they are: done as a whole, or not at all?"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from checker.history import History, Op
from checker.model import Model
from checker.models.register import Read, Write
from checker.outcome import DONE, Ok, Refused, Unknown
from checker.verdict import Verdict, worst
from tests.checker.oracle import is_linearizable
from tests.workloads.histories import history, op
from tests.workloads.judging import differs, mutated
from workloads.multi import Attempt, Groups, Multi, Wrote
from workloads.wholeness import whole
from workloads.workload import Ask

PARTS = 3
NO = Refused("no-node")


class Nodes(Model[Any, Any, Any]):
    """Three nodes, which transactions write one by one, all of them at once."""

    name = "nodes"

    def initial(self) -> Any:
        return (None,) * PARTS

    def apply(self, state: Any, call: Any) -> tuple[Any, Any]:
        match call:
            case Read():
                return state, state
            case Write(value):
                return (value,) * PARTS, DONE
            case _:
                return state, NO

    def read_call(self, f: str, value: Any) -> Any:
        raise NotImplementedError

    def read_result(self, call: Any, value: Any) -> Any:
        raise NotImplementedError

    def write_call(self, call: Any) -> tuple[str, Any]:
        raise NotImplementedError

    def write_result(self, call: Any, result: Any) -> Any:
        raise NotImplementedError


def by_definition(ops: list[Op[Any, Any]]) -> bool:
    """One order of all calls on three nodes; and a transaction has one zxid."""
    told = [one.outcome.result for one in ops if isinstance(one.outcome, Ok)]
    if any(len(set(one.zxids)) != 1 for one in told if isinstance(one, Wrote)):
        return False
    if any(None in one.zxids for one in told if isinstance(one, Wrote)):
        return False
    plain = [
        replace(one, outcome=Ok(DONE))
        if isinstance(one.outcome, Ok) and isinstance(one.outcome.result, Wrote)
        else one
        for one in ops
    ]
    return is_linearizable(plain, Nodes())


def some_ops(chance: random.Random, size: int) -> list[Op[Any, Any]]:
    """Calls of three processes to nodes that mostly behave."""
    state: tuple[Any, ...] = (None,) * PARTS
    ops: list[Op[Any, Any]] = []
    free, now = [0, 0, 0], 0
    for value in range(1, size + 1):
        process = chance.randrange(3)
        called = max(now, free[process]) + chance.randrange(1, 4)
        returned = called + chance.randrange(1, 8)
        now, free[process] = called, returned
        kind = chance.randrange(3)
        result: Any
        if kind == 0:
            ops.append(op(process, Read(), state, called, returned))
            continue
        half = chance.random() < 0.06
        whole_one = kind == 1 or chance.random() < 0.03
        if half:
            state = (value,) * chance.randrange(1, PARTS) + state[1:]
            state = state[:PARTS]
        elif whole_one:
            state = (value,) * PARTS
        zxids: tuple[int | None, ...] = (value,) * PARTS
        if chance.random() < 0.06:
            zxids = chance.choice([(None,), (value, None), (value, value + 1)])
        call: Any = Write(value) if kind == 1 else Attempt(value)
        result = Wrote(zxids) if kind == 1 or (whole_one and chance.random() < 0.5) else NO
        heard = chance.random() < 0.85
        ops.append(op(process, call, result, called, returned if heard else None))
    return ops


def cases(seed: int, number: int) -> Iterator[tuple[list[Op[Any, Any]], bool]]:
    chance = random.Random(seed)
    for _ in range(number):
        ops = some_ops(chance, chance.randrange(2, 8))
        yield ops, by_definition(ops)


def verdict(judges: Any, ops: list[Op[Any, Any]]) -> Verdict:
    return worst(judge(History.of(ops)).verdict for judge in judges)


def test_groups_are_judged_as_by_their_nodes() -> None:
    judges = [Multi().judges()[name] for name in ("whole", "linearizable")]
    seen: Counter[bool] = Counter()
    for ops, legal in cases(5, 3000):
        assert (verdict(judges, ops) is Verdict.VALID) == legal, ops
        seen[legal] += 1
    assert min(seen.values()) > 300, seen


@pytest.mark.parametrize(
    ("kind", "one"),
    [
        ("torn", op(0, Read(), (1, 1, 2), 20, 21)),
        ("half done", op(0, Attempt(3), Wrote((9,)), 20, 21)),
        ("apart", op(0, Write(3), Wrote((9, 9, 8)), 20, 21)),
        ("apart", op(0, Write(3), Wrote((9, None)), 20, 21)),
    ],
)
def test_each_wrong_has_its_name(kind: str, one: Op[Any, Any]) -> None:
    found = whole(history(op(0, Write(1), Wrote((5, 5)), 0, 5), one))
    assert [wrong.kind for wrong in found.wrongs] == [kind]
    assert found.wrongs[0].rows == (1,)


def test_what_failed_as_it_must_is_never_there() -> None:
    ops = [
        op(0, Write(1), Wrote((5, 5)), 0, 5),
        op(0, Attempt(2), NO, 10, 15),
        op(1, Attempt(3), None, 10),
    ]
    judges = Multi().judges().values()
    assert verdict(judges, [*ops, op(0, Read(), (1, 1, 1), 20, 21)]) is Verdict.VALID
    for ghost in (2, 3):
        read = op(0, Read(), (ghost,) * 3, 20, 21)
        assert verdict(judges, [*ops, read]) is Verdict.INVALID


def test_what_was_written_of_a_group_is_read_again() -> None:
    model = Groups()
    for call, result in [
        (Read(), (1, 1, 1)),
        (Write(2), Wrote((7, 7, None))),
        (Attempt(3), Wrote((8,))),
    ]:
        f, value = model.write_call(call)
        again = model.read_call(f, value)
        told = model.write_result(call, result)
        assert again == call
        assert model.read_result(again, tuple(told)) == result
    assert model.refusal(Attempt(3), "no-node") == NO


def test_a_value_that_must_fail_is_expected_by_nobody() -> None:
    workload = Multi()
    draws = iter([0, 0, 0, 0, 0, 0, 0, 7, 2, *[0] * 99])
    ask = workload.calls(0, lambda below: min(next(draws), below - 1))
    assert isinstance(ask.call, Attempt)
    workload.heard(0, ask, Ok(NO), None)
    workload.heard(0, Ask(ask.key, Attempt(9)), Unknown("lost"), None)
    asked = [workload.calls(0, lambda below: below - 1) for _ in range(50)]
    assert not [one for one in asked if getattr(one.call, "old", None) is not None]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("if len(set(values)) > 1:", "if len(set(values)) > 2:"),
        ("if not isinstance(result, Refused)", "if False"),
        ("if len(set(zxids)) > 1 or", "if"),
        (" or None in zxids", ""),
    ],
)
def test_a_changed_judge_is_noticed(before: str, after: str) -> None:
    changed = mutated("wholeness", before, after)
    judges = [changed.whole, Multi().judges()["linearizable"]]
    assert differs(lambda ops: verdict(judges, ops), cases(5, 3000))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            'return Deed(Write(value), Failed("it must fail"))',
            "return Deed(Write(value), Ok(DONE))",
        ),
        ("return Deed(deed.call, Ok(DONE))", 'return Deed(deed.call, Failed("no"))'),
        ('return Deed(deed.call, Failed("it shows no one value"))', "return deed"),
    ],
)
def test_a_changed_view_of_groups_is_noticed(before: str, after: str) -> None:
    changed = mutated("multi", before, after)

    def judge(ops: list[Op[Any, Any]]) -> Verdict:
        from workloads.judges import linearizable

        deeds = History.of(ops)
        deeds.deeds = [changed.as_register(deed) for deed in deeds.deeds]
        return worst([whole(History.of(ops)).verdict, linearizable(deeds).verdict])

    assert differs(judge, cases(5, 3000))
