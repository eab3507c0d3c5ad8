"""Is what is impossible for one value alone impossible altogether?"""

import random
from typing import Any

import pytest

from checker.check import check
from checker.core import minimal_core
from checker.history import History, Op
from checker.models.register import Call, Cas, CasRegister, Read, Write
from checker.outcome import DONE, Ok, Refused, Unknown
from checker.search import run
from checker.search.one_value import blurred
from checker.search.part import Classes, Options, split
from checker.search.run import search
from checker.search.space import CellSpace
from checker.verdict import Verdict
from tests.checker.oracle import is_linearizable, random_ops

NEVER = 10**9


def illegal_to_somebody(ops: list[Op[Any, Any]]) -> bool:
    """Whether some value alone refutes the calls."""
    history = History.of(ops)
    for part in split(history, CasRegister()):
        Classes(history, CasRegister(), Options()).classify(part)
        assert isinstance(part.space, CellSpace)
        for value in range(len(part.space)):
            seen = search(blurred(part, value), Options(), NEVER, lambda _: "", order=False)
            if seen.stuck >= 0:
                return True
    return False


def test_what_is_illegal_when_blurred_is_illegal() -> None:
    refuted = missed = 0
    for seed in range(3_000):
        ops = random_ops("cas-register", seed)
        legal = is_linearizable(ops, CasRegister())
        if illegal_to_somebody(ops):
            assert not legal, seed
            refuted += 1
        elif not legal:
            missed += 1
    assert refuted > 10 * missed > 0, "one value is nearly always enough, and not always"


@pytest.mark.prove
def test_what_is_illegal_when_blurred_is_illegal_in_full() -> None:
    for seed in range(3_000, 60_000):
        ops = random_ops("cas-register", seed, size=10)
        if illegal_to_somebody(ops):
            assert not is_linearizable(ops, CasRegister()), seed


def crashing_run(calls: int, seed: int) -> list[Op[Any, Any]]:
    """A legal run of six processes over four values in which every fifth call is never heard of."""
    rng = random.Random(seed)
    ops: list[Op[Any, Any]] = []
    state: Any = None
    for step in range(calls):
        at = 10 * step
        plain: list[Call] = [Read(), Write(rng.randrange(4))]
        call = rng.choice([*plain, Cas(rng.randrange(4), rng.randrange(4))])
        after, said = CasRegister().apply(state, call)
        crashed = rng.random() < 0.2
        if not crashed or rng.random() < 0.5:
            state = after
        outcome: Any = Unknown("timeout") if crashed else Ok(said)
        called, returned = at - rng.randrange(30), at + rng.randrange(1, 30)
        ops.append(
            Op(
                process=1_000 + step,
                call=call,
                outcome=outcome,
                called_ns=max(0, called),
                returned_ns=returned,
            )
        )
    return ops


def twice(value: int, at: int) -> list[Op[Any, Any]]:
    """One crashed write that is seen, overwritten and seen again."""
    told = [(Read(), value), (Write(0), DONE), (Read(), value)]
    crashed: Op[Any, Any] = Op(
        process=1,
        call=Write(value),
        outcome=Unknown("timeout"),
        called_ns=at,
        returned_ns=None,
    )
    return [crashed] + [
        Op(
            process=2,
            call=call,
            outcome=Ok(said),
            called_ns=at + 2 * i,
            returned_ns=at + 2 * i + 1,
        )
        for i, (call, said) in enumerate(told)
    ]


def test_a_crash_heavy_history_in_which_one_write_was_used_twice() -> None:
    ops = crashing_run(4_000, seed=1)
    assert check(History.of(ops), CasRegister()).verdict is Verdict.VALID
    history = History.of(ops + twice(99, 30_000))
    judged = check(history, CasRegister())
    part = judged.worst_part
    assert judged.verdict is Verdict.INVALID
    assert part is not None
    assert part.method == "a search that tells one value from all others"
    core = minimal_core(history, CasRegister(), part)
    assert [history[row].call for row in core] == [Write(99), Read(), Write(0), Read()]


def test_it_is_tried_where_the_search_is_stuck(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "PATIENCE", 0)
    for seed in range(1_500):
        ops = random_ops("cas-register", seed, size=10)
        history = History.of(ops)
        for part in split(history, CasRegister()):
            Classes(history, CasRegister(), Options()).classify(part)
            found = search(part, Options(), NEVER, lambda _: "", order=False)
            assert found.legal is is_linearizable(ops, CasRegister())


def test_a_refused_change_lacks_the_value_it_names() -> None:
    ops: list[Op[Any, Any]] = [
        Op(process=0, call=Write(3), outcome=Ok(DONE), called_ns=0, returned_ns=1),
        Op(
            process=1,
            call=Cas(3, 4),
            outcome=Ok(Refused("mismatch")),
            called_ns=2,
            returned_ns=3,
        ),
    ]
    assert illegal_to_somebody(ops)
