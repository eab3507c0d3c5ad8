"""Are sessions judged by what each of them was told, and by who was there when?"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest

from checker.history import History, Note, Op
from checker.outcome import DONE, Failed, Ok
from checker.verdict import Verdict
from tests.workloads.histories import history, op
from tests.workloads.judging import differs, mutated
from workloads.lifetimes import lifetimes
from workloads.lives import (
    LOST,
    Begin,
    Go,
    Leave,
    Lives,
    Look,
    Put,
    Sessions,
    Twice,
    late_name_of,
    name_of,
)
from workloads.workload import Ask

TIMEOUT_MS = 5
MS = 1_000_000
GAP = MS


def own_is_right(ops: list[Op[Any, Any]], one: Op[Any, Any]) -> bool:
    """An answer of a session, held against all that it had asked before, from the beginning."""
    assert isinstance(one.outcome, Ok)
    result = one.outcome.result
    before = [x for x in ops if x.process == one.process and x.called_ns < one.called_ns]
    before = [x for x in before if isinstance(x.outcome, Ok)]
    if not any(isinstance(x.call, Begin) for x in before) or isinstance(one.call, Begin | Look):
        return True
    if result == LOST:
        return False
    wrote = [x.call.value for x in before if isinstance(x.call, Put | Twice | Go)]
    match one.call, result:
        case Put(value), read:
            return bool(read == value)
        case Twice(value), told:
            return bool(told == (True, False, value))
        case Go(value), told:
            return bool(told == ((wrote or [0])[-1], value))
        case _:
            return True


def look_is_right(ops: list[Op[Any, Any]], look: Op[Any, Any]) -> bool:
    """A look, held against all that is known of each session."""
    assert isinstance(look.outcome, Ok)
    there = look.outcome.result
    assert look.returned_ns is not None
    assert look.zxid is not None
    for begin in ops:
        if not isinstance(begin.call, Begin) or not isinstance(begin.outcome, Ok):
            continue
        assert begin.mzxid is not None
        mine = [x for x in ops if x.process == begin.process and x.called_ns >= begin.called_ns]
        leave = next((x for x in mine if isinstance(x.call, Leave)), None)
        names = {name_of(begin.process), late_name_of(begin.process)}
        left = leave.zxid if leave is not None and isinstance(leave.outcome, Ok) else None
        if left is not None and left <= look.zxid:
            if names & set(there):
                return False
            continue
        if name_of(begin.process) in there or begin.called_ns >= look.called_ns:
            continue
        leaves = 1 << 62 if leave is None else leave.called_ns
        if look.process == begin.process and look.called_ns < leaves:
            return False
        if look.zxid < begin.mzxid or leaves <= look.returned_ns:
            continue
        answers = [x for x in mine if isinstance(x.outcome, Ok)]
        moved = [i for i, x in enumerate(answers) if isinstance(x.call, Go)]
        answers = [x for x in answers[(moved or [0])[-1] :] if x.called_ns <= look.returned_ns]
        for first in range(len(answers)):
            some = answers[first:]
            steady = some[-1].called_ns - some[0].called_ns >= 4 * GAP
            steady &= look.returned_ns - some[-1].called_ns <= GAP
            steady &= all((x.returned_ns or 0) - x.called_ns <= GAP for x in some)
            steady &= all(b.called_ns - (a.returned_ns or 0) <= GAP for a, b in pairwise(some))
            if steady:
                return False
    return True


def by_definition(ops: list[Op[Any, Any]]) -> bool:
    answered = [one for one in ops if isinstance(one.outcome, Ok)]
    looks = [one for one in answered if isinstance(one.call, Look)]
    return all(own_is_right(ops, one) for one in answered) and all(
        look_is_right(ops, one) for one in looks
    )


def some_ops(chance: random.Random, size: int) -> list[Op[Any, Any]]:
    """Two or three sessions of a service that mostly behaves; each now and then waits long."""
    ops: list[Op[Any, Any]] = []
    there: dict[str, None] = {}
    held: dict[int, int] = {}
    alive = list(range(chance.choice([2, 2, 3])))
    now = 0
    for zxid in range(100, 100 + size):
        if not alive:
            break
        process = chance.choice(alive)
        now += chance.choice([1, 1, 2, 2, 3] if chance.random() < 0.98 else [12]) * GAP // 10
        took = chance.choice([1, 1, 2] if chance.random() < 0.98 else [12]) * GAP // 10
        called, now = now, now + took
        lie = chance.random() < 0.02
        wrong = chance.choice([-1, 1, 7])
        kind = chance.randrange(10)
        value = 2 * zxid
        lag = 0
        call: Any
        result: Any
        if process not in held:
            call, result = Begin(), TIMEOUT_MS
            held[process] = 0
            there[name_of(process)] = None
        elif kind < 3:
            call = Put(value)
            held[process] = value
            result = LOST if lie and wrong == 7 else value + lie * wrong
        elif kind == 3:
            call = Twice(value)
            result = (True, lie and wrong == 7, value + (lie and wrong == -1))
            held[process] = value
        elif kind == 4:
            call = Go(value)
            result = (held[process] + (lie and wrong == 1), value + (lie and wrong != 1))
            held[process] = value
        elif kind == 5 and chance.random() < 0.3:
            call, result = Leave(), DONE
            there.pop(name_of(process), None)
            alive.remove(process)  # a session's number is not given again
            if chance.random() < 0.1:
                there[late_name_of(process)] = None
        else:
            call = Look()
            lag = chance.choice([0] * 10 + [2, 30])
            odds = 0.5 if lag == 30 else 0.04
            gone = chance.choice(sorted(there)) if there and chance.random() < odds else ""
            result = tuple(sorted(one for one in there if one != gone))
        mzxid = zxid if isinstance(call, Begin) else None
        knew = zxid - lag if isinstance(call, Look) else zxid
        ops.append(op(process, call, result, called, called + took, zxid=knew, mzxid=mzxid))
    return ops


def cases(seed: int, number: int) -> Iterator[tuple[list[Op[Any, Any]], bool]]:
    chance = random.Random(seed)
    for _ in range(number):
        ops = some_ops(chance, chance.randrange(4, 45))
        yield ops, by_definition(ops)


def test_sessions_are_judged_by_definition() -> None:
    seen: Counter[bool] = Counter()
    kinds: Counter[str] = Counter()
    for ops, legal in cases(8, 3000):
        found = lifetimes(History.of(ops))
        assert (found.verdict is Verdict.VALID) == legal, (ops, found)
        seen[legal] += 1
        kinds.update(wrong.kind for wrong in found.wrongs)
    assert min(seen.values()) > 1000, seen
    assert set(kinds) == {
        "overtaken",
        "both",
        "went back",
        "obeyed",
        "lost",
        "outlives",
        "too early",
    }
    assert min(kinds.values()) > 4, kinds


STEADY = [
    op(5, Begin(), TIMEOUT_MS, 0, 1, zxid=1, mzxid=1),
    *(
        op(5, Look(), (name_of(5),), at, at + 1, zxid=2)
        for at in range(GAP // 2, 6 * GAP, GAP // 2)
    ),
]
GONE = op(6, Look(), (), 6 * GAP, 6 * GAP + 1, zxid=9)


def test_who_is_answered_all_the_time_is_not_gone() -> None:
    found = lifetimes(history(*STEADY, GONE))
    assert [wrong.kind for wrong in found.wrongs] == ["too early"]


def test_a_look_at_the_past_accuses_nobody() -> None:
    past = op(6, Look(), (), 6 * GAP, 6 * GAP + 1, zxid=0)
    assert lifetimes(history(*STEADY, past)).verdict is Verdict.VALID


def test_a_changed_rate_excuses_and_a_changed_time_does_not() -> None:
    for rate, verdict in ((2.0, Verdict.VALID), (1.0, Verdict.INVALID)):
        judged = history(*STEADY, GONE)
        fault = {"kind": "clock", "node": "n1", "offset_ms": 7, "rate": rate}
        value = {"nemesis": "clock", "faults": [{"id": 1, "fault": fault}]}
        judged.notes = [Note(3, "nemesis", "info", "inject", value)]
        assert lifetimes(judged).verdict is verdict


def test_who_asked_to_be_closed_may_be_gone_and_may_be_there() -> None:
    leave = op(5, Leave(), None, 6 * GAP - 5, zxid=None)
    there = op(6, Look(), (name_of(5), late_name_of(5)), 7 * GAP, 7 * GAP + 1, zxid=99)
    assert lifetimes(history(*STEADY, leave, GONE, there)).verdict is Verdict.VALID
    never_left = op(5, Leave(), None, 6 * GAP - 5, 6 * GAP - 4)
    failed: Op[Any, Any] = Op(
        process=5,
        call=never_left.call,
        outcome=Failed("no connection"),
        called_ns=never_left.called_ns,
        returned_ns=never_left.returned_ns,
        session=5,
    )
    assert lifetimes(history(*STEADY, failed, GONE)).verdict is Verdict.INVALID


def test_what_was_written_of_sessions_is_read_again() -> None:
    model = Lives()
    pairs: list[tuple[Any, Any]] = [
        (Begin(), 4000),
        (Put(3), 3),
        (Go(5), (3, 5)),
        (Look(), (name_of(5),)),
        (Leave(), DONE),
    ]
    for call, result in pairs:
        told = model.write_result(call, result)
        again = model.read_call(*model.write_call(call))
        assert again == call
        assert model.read_result(again, tuple(told) if isinstance(told, list) else told) == result
    assert model.refusal(Put(3), "lost") == LOST


def test_a_session_begins_before_all_else() -> None:
    workload, chance = Sessions(), random.Random(1)
    assert workload.calls(0, chance.randrange) == Ask("e", Begin())
    workload.heard(0, Ask("e", Begin()), Ok(4000), None)
    asked = {type(workload.calls(0, chance.randrange).call) for _ in range(200)}
    assert asked == {Put, Twice, Go, Look, Leave}
    workload.heard(2, Ask("e", Begin()), Ok(4000), None)
    looker = [type(workload.calls(2, chance.randrange).call) for _ in range(400)]
    assert set(looker) == {Look, Leave}
    assert looker.count(Leave) < 20


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("life.answers.clear()", "pass"),
        ("life.left <= zxid:", "life.left < zxid - 3:"),
        ("(name, late_name_of(life.session))", "(name,)"),
        ("elif read != life.value:", "elif read < life.value:"),
        ("(first, second) != (True, False)", "not first"),
        ('yield from _read(life, before, "went back", "at another server")', "pass"),
        ("if result == LOST:", "if False:"),
        ("life is own and", "False and"),
        ("returned >= min(life.leaves, rates)", "returned >= rates"),
        ("gap = life.timeout // 5", "gap = life.timeout // 4"),
        ("if last - called >= 4 * gap:", "if last - called >= 5 * gap:"),
        ("if now - called > gap:", "if now - called > 2 * gap:"),
        ("elif next_begins - returned > gap:", "elif next_begins - returned > 2 * gap:"),
        ("if returned - called > gap:", "if returned - called > 2 * gap:"),
    ],
)
def test_a_changed_judge_is_noticed(before: str, after: str) -> None:
    changed = mutated("lifetimes", before, after)
    assert differs(lambda ops: changed.lifetimes(History.of(ops)).verdict, cases(8, 3000))
