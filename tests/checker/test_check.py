"""Does every way of judging agree with the definition?"""

import random
import sys
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from checker.certificate import complaint
from checker.check import Ask, Limits, check
from checker.formats import jsonl
from checker.history import History, Op
from checker.models.kv import Append, Get
from checker.models.register import Cas, CasRegister, Read, Write
from checker.outcome import DONE, Failed, Ok, Refused, Unknown
from checker.search import run
from checker.search.part import Options
from checker.verdict import Verdict
from tests.checker.agreement import COMBINATIONS, agree, crowded_ops
from tests.checker.oracle import CALLS, is_linearizable, model_of, random_ops


@pytest.mark.parametrize("name", CALLS)
def test_agrees_with_the_definition(name: str) -> None:
    told = [agree(name, random_ops(name, seed), seed) for seed in range(1_000)]
    assert 50 < sum(told) < 950, "the random histories must be legal and illegal ones"


@pytest.mark.prove
@pytest.mark.parametrize("name", CALLS)
def test_agrees_with_the_definition_in_full(name: str) -> None:
    for seed in range(1_000, 26_000):
        agree(name, random_ops(name, seed), seed)
        agree(name, crowded_ops(name, seed), seed)


@pytest.mark.parametrize("seed", range(100))
def test_ties_and_line_order_decide_nothing(seed: int) -> None:
    model = model_of("cas-register")
    ops = random_ops("cas-register", seed)
    verdicts = set()
    for shuffle in range(4):
        random.Random(shuffle).shuffle(ops)
        verdicts.add(check(History.of(ops), model).verdict)
    assert len(verdicts) == 1


def test_every_combination_of_reductions_agrees() -> None:
    model = model_of("cas-register")
    for seed in range(60):
        ops = random_ops("cas-register", seed, size=10)
        legal = is_linearizable(ops, model)
        for options in COMBINATIONS:
            judged = check(History.of(ops), model, ask=Ask(options=options, shortcuts=False))
            assert (judged.verdict is Verdict.VALID) is legal


# -- named traps --------------------------------------------------------------------------------


def op(process: int, call: Any, result: Any, called: int, returned: int | None) -> Op[Any, Any]:
    outcome = Unknown("timeout") if returned is None else Ok(result)
    return Op(process=process, call=call, outcome=outcome, called_ns=called, returned_ns=returned)


MISMATCH = Refused("mismatch")


def verdict_of(*ops: Op[Any, Any], **options: bool) -> Verdict:
    ask = Ask(options=Options(**options), shortcuts=False)
    by_search = check(History.of(ops), CasRegister(), ask=ask).verdict
    assert by_search is check(History.of(ops), CasRegister()).verdict
    assert (by_search is Verdict.VALID) is is_linearizable(ops, CasRegister())
    return by_search


def test_only_a_visible_overwriter_lets_others_vanish() -> None:
    assert (
        verdict_of(
            op(0, Write(1), DONE, 1, 3),
            op(1, Write(0), DONE, 2, 5),
            op(2, Write(0), DONE, 4, 6),
            op(3, Cas(0, 1), MISMATCH, 7, 8),
        )
        is Verdict.INVALID
    )


def test_a_write_that_could_vanish_may_be_needed_by_a_later_read() -> None:
    assert (
        verdict_of(
            op(0, Write(1), DONE, 1, 10),
            op(1, Write(2), DONE, 2, 4),
            op(2, Read(), 2, 5, 6),
            op(3, Read(), 1, 11, 12),
        )
        is Verdict.VALID
    )


def test_a_write_of_the_standing_value_is_not_free() -> None:
    # write(1) must take effect before the compare-and-set moves on, or be seen after it.
    assert (
        verdict_of(
            op(0, Write(1), DONE, 0, 1),
            op(1, Write(1), DONE, 2, 9),
            op(2, Cas(1, 2), DONE, 3, 4),
            op(3, Read(), 1, 5, 6),
            op(4, Read(), 2, 10, 11),
        )
        is Verdict.INVALID
    )


def test_a_crashed_write_may_take_effect_long_after() -> None:
    assert (
        verdict_of(
            op(0, Write(1), None, 0, None),
            op(1, Write(2), DONE, 1, 2),
            op(2, Read(), 2, 3, 4),
            op(3, Read(), 1, 5, 6),
        )
        is Verdict.VALID
    )


def test_a_crashed_write_takes_effect_once() -> None:
    assert (
        verdict_of(
            op(0, Write(1), None, 0, None),
            op(1, Read(), 1, 1, 2),
            op(2, Write(2), DONE, 3, 4),
            op(3, Read(), 1, 5, 6),
        )
        is Verdict.INVALID
    )


def test_a_refused_change_is_evidence() -> None:
    ops = [
        op(0, Write(1), DONE, 0, 1),
        op(1, Cas(1, 2), MISMATCH, 2, 3),
    ]
    assert verdict_of(*ops) is Verdict.INVALID
    dropped = [ops[0], replace(ops[1], outcome=Failed("mismatch"))]
    assert verdict_of(*dropped) is Verdict.VALID


def test_equal_times_are_concurrent() -> None:
    assert verdict_of(op(0, Write(1), DONE, 0, 5), op(1, Read(), None, 5, 6)) is Verdict.VALID
    assert verdict_of(op(0, Write(1), DONE, 0, 4), op(1, Read(), None, 5, 6)) is Verdict.INVALID


def test_absent_is_a_value() -> None:
    assert verdict_of(op(0, Read(), None, 0, 1)) is Verdict.VALID
    assert verdict_of(op(0, Read(), 0, 0, 1)) is Verdict.INVALID
    assert verdict_of(op(0, Cas(None, 1), DONE, 0, 1), op(0, Read(), 1, 2, 3)) is Verdict.VALID


def test_of_equal_calls_the_one_that_returns_first_must_not_wait() -> None:
    assert (
        verdict_of(
            op(0, Cas(1, 2), DONE, 0, 20),
            op(1, Cas(1, 2), DONE, 1, 6),
            op(2, Write(1), DONE, 2, 3),
            op(3, Read(), 2, 7, 8),
            op(4, Write(1), DONE, 9, 10),
            op(5, Read(), 2, 21, 22),
        )
        is Verdict.VALID
    )


# -- budgets and several keys -------------------------------------------------------------------


def test_a_budget_makes_it_inconclusive_and_says_how_far_it_got() -> None:
    ops = random_ops("cas-register", 3, size=10)
    judged = check(History.of(ops), CasRegister(), limits=Limits(steps=0), ask=Ask(shortcuts=False))
    assert judged.verdict is Verdict.INCONCLUSIVE
    assert "0 steps" in judged.parts[0].because


@pytest.mark.parametrize(
    ("limits", "because"),
    [
        (Limits(seconds=0.0), "the time of 0 s is up"),
        (Limits(memory_mb=1), "MB are in use, more than the 1 allowed"),
    ],
)
def test_time_and_memory_are_bounded_too(
    limits: Limits, because: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "SLICE", 1)  # somebody asks after every step
    ops = [op(p, Write(p % 3), DONE, 10 * p, 10 * p + 35) for p in range(20)]
    ops += [op(20 + p, Read(), p % 3, 10 * p + 20, 10 * p + 40) for p in range(20)]
    assert check(History.of(ops), CasRegister()).verdict is Verdict.VALID
    judged = check(History.of(ops), CasRegister(), limits=limits, ask=Ask(shortcuts=False))
    assert judged.verdict is Verdict.INCONCLUSIVE
    assert because in judged.parts[0].because
    assert 0 <= judged.parts[0].reached < 1


def test_keys_are_judged_apart() -> None:
    ops = [replace(op(0, Write(1), DONE, 0, 1), key="a"), replace(op(1, Read(), 1, 2, 3), key="b")]
    judged = check(History.of(ops), CasRegister())
    assert {part.key: part.verdict for part in judged.parts} == {
        "a": Verdict.VALID,
        "b": Verdict.INVALID,
    }
    assert judged.verdict is Verdict.INVALID


def test_other_processes_give_the_same_verdicts_in_the_same_order(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ops = []
    for seed in range(60):
        ops += [replace(o, key=seed) for o in random_ops("cas-register", seed)]
    history = History.of(ops)
    alone = check(history, CasRegister(), ask=Ask(order=True))
    module = sys.modules["checker.check"]  # the package's `check` is the function
    monkeypatch.setattr(module, "ALONE_S", -1.0)
    monkeypatch.setattr(module, "BATCH", 100)
    shared = check(
        history, CasRegister(), ask=Ask(order=True), executor=lambda: ProcessPoolExecutor(2)
    )
    assert shared.parts == alone.parts
    assert {part.verdict for part in shared.parts} == {Verdict.VALID, Verdict.INVALID}


@pytest.mark.parametrize("name", ["cas-register", "fifo-queue", "mutex"])
def test_the_evidence_is_a_legal_order_of_all_that_had_returned(name: str) -> None:
    model = model_of(name)
    seen = 0
    for seed in range(600):
        history = History.of(random_ops(name, seed))
        part = check(history, model).worst_part
        if part is None or part.stuck is None:
            continue
        seen += 1
        stuck_at = history[part.stuck.row].returned_ns
        assert stuck_at is not None
        for prefix in part.stuck.prefixes:
            assert part.stuck.row not in prefix.order
            placed = sorted(prefix.order)
            order = [placed.index(row) for row in prefix.order]
            assert complaint([history[row] for row in placed], model, order) == ""
            for row, op in enumerate(history):
                ended = op.returned_ns is not None and op.returned_ns < stuck_at
                if isinstance(op.outcome, Ok) and ended:
                    assert row in prefix.order
    assert seen > 20


def test_a_witness_proves_valid_and_never_invalid() -> None:
    first = replace(op(0, Write(1), DONE, 0, 9), zxid=1)
    second = replace(op(1, Write(2), DONE, 1, 8), zxid=2)
    seen = replace(op(2, Read(), 2, 10, 11), zxid=2)
    judged = check(History.of([first, second, seen]), CasRegister(), ask=Ask(order=True))
    assert judged.parts[0].method == "the order of zxids"
    assert judged.parts[0].order == (0, 1, 2)
    misled = [replace(first, zxid=2), replace(second, zxid=1), seen]
    judged = check(History.of(misled), CasRegister())
    assert judged.verdict is Verdict.VALID
    assert judged.parts[0].method != "the order of zxids"


@pytest.mark.parametrize("name", ["cas-register", "mutex", "fifo-queue", "unordered-queue"])
@pytest.mark.parametrize("failed", ["auto", "dropped", "evidence"])
def test_both_meanings_of_a_failed_call_agree_with_the_definition(
    name: str, failed: str, tmp_path: Path
) -> None:
    model = model_of(name)
    path = tmp_path / "history.jsonl"
    differ = 0
    for seed in range(150):
        ops = random_ops(name, seed)
        jsonl.write(path, History.of(ops), model)
        meant = [replace(o, outcome=meaning(o, failed, model)) for o in ops]
        legal = is_linearizable(meant, model)
        differ += legal != is_linearizable(ops, model)
        judged = check(jsonl.read(path, model, failed), model)
        assert (judged.verdict is Verdict.VALID) is legal, seed
    assert differ == 0 if failed == "auto" else differ > 0 or failed == "evidence"


def meaning(o: Op[Any, Any], failed: str, model: Any) -> Any:
    """What the outcome is taken for, as the command's help says it."""
    refused = isinstance(o.outcome, Ok) and isinstance(o.outcome.result, Refused)
    if failed == "dropped" and refused:
        return Failed("refused")
    if failed == "evidence" and isinstance(o.outcome, Failed):
        refusal = model.refusal(o.call, None)
        return o.outcome if refusal is None else Ok(refusal)
    return o.outcome


def test_appends_are_ordered_by_what_later_gets_saw() -> None:
    model = model_of("kv")
    rng = random.Random(4)
    ops: list[Op[Any, Any]] = []
    state: Any = None
    for step in range(1_500):
        call = Get() if rng.random() < 0.4 else Append(f"{step} ")
        state, said = model.apply(state, call)
        at = 10 * step
        called, returned = at - rng.randrange(40), at + rng.randrange(1, 40)
        ops.append(op(step, call, said, max(0, called), returned))
    judged = check(History.of(ops), model)
    assert judged.verdict is Verdict.VALID
    assert judged.parts[0].steps < 5_000, "an order that no later get can have seen is not tried"
    swapped = [i for i, o in enumerate(ops) if isinstance(o.call, Get)][-1]
    outcome = ops[swapped].outcome
    assert isinstance(outcome, Ok)
    ops[swapped] = replace(ops[swapped], outcome=Ok(outcome.result[2:]))
    judged = check(History.of(ops), model)
    assert judged.verdict is Verdict.INVALID
    assert judged.parts[0].stuck is not None
    assert History.of(ops)[judged.parts[0].stuck.row] == ops[swapped]
