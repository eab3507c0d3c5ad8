"""Does a core prove what it is said to prove, and is it small?"""

import random
from dataclasses import replace
from typing import Any

import pytest

from checker.certificate import complaint
from checker.check import Ask, check
from checker.core import Rule, minimal_core
from checker.explain import explain
from checker.history import History, Op
from checker.models.register import Call, Cas, CasRegister, Read, Write
from checker.outcome import DONE, Failed, Ok, Refused, Unknown
from checker.verdict import Verdict
from tests.checker.oracle import CALLS, is_linearizable, model_of, random_ops


def kept_by_chance(history: History, name: str, rng: random.Random) -> set[int] | None:
    """Some calls of the history that the rule allows to be kept alone."""
    rows = [
        row
        for row, deed in enumerate(history.deed)
        if not isinstance(history.deeds[deed].outcome, Failed)
    ]
    rule = Rule(history, model_of(name), rows)
    kept = {row for row in rows if rng.random() < rng.choice([0.3, 0.6])}
    for row in sorted(rows, key=lambda _: rng.random()):
        if rule.in_the_way(kept):
            kept.add(row)
    return None if rule.in_the_way(kept) else kept


def implication_holds(name: str, seed: int) -> bool:
    """Shrink one random history by the rule; whether what is left is illegal by itself."""
    ops = random_ops(name, seed)
    history = History.of(ops)
    kept = kept_by_chance(history, name, random.Random(seed))
    if kept is None or len(kept) == len(history):
        return False
    model = model_of(name)
    if is_linearizable([history[row] for row in kept], model):
        return False
    assert not is_linearizable(ops, model), (name, seed, kept)
    return True


@pytest.mark.parametrize("name", CALLS)
def test_what_is_illegal_when_shrunk_was_illegal(name: str) -> None:
    illegal = sum(implication_holds(name, seed) for seed in range(3_000))
    assert illegal >= 50, "the rule must leave something to be shown"


@pytest.mark.prove
def test_what_is_illegal_when_shrunk_was_illegal_ten_thousand_times() -> None:
    shrunk = 0
    for name in CALLS:
        shrunk += sum(implication_holds(name, seed) for seed in range(3_000, 43_000))
    assert shrunk >= 10_000


@pytest.mark.parametrize("name", CALLS)
def test_a_core_is_illegal_allowed_and_minimal(name: str) -> None:
    model = model_of(name)
    seen = 0
    for seed in range(400):
        history = History.of(random_ops(name, seed))
        judged = check(history, model)
        part = judged.worst_part
        if part is None:
            continue
        seen += 1
        core = minimal_core(history, model, part)
        assert not is_linearizable([history[row] for row in core], model)
        rows = [
            row
            for row, deed in enumerate(history.deed)
            if not isinstance(history.deeds[deed].outcome, Failed)
        ]
        rule = Rule(history, model, rows)
        assert not rule.in_the_way(set(core))
        for row in core:
            fewer = set(core) - {row}
            legal = is_linearizable([history[r] for r in fewer], model)
            assert legal or rule.in_the_way(fewer), "one call more could be left out"
    assert seen > 10


def op(process: int, call: Any, result: Any, called: int, returned: int | None) -> Op[Any, Any]:
    outcome = Unknown("timeout") if returned is None else Ok(result)
    return Op(process=process, call=call, outcome=outcome, called_ns=called, returned_ns=returned)


def rule_for(*ops: Op[Any, Any]) -> Rule:
    history = History.of(ops)
    return Rule(history, CasRegister(), range(len(ops)))


def test_a_write_that_could_have_been_seen_stays() -> None:
    rule = rule_for(op(0, Write(1), DONE, 0, 10), op(1, Read(), 1, 5, 20))
    assert rule.in_the_way({1}) == [0]


def test_a_write_of_another_value_is_not_what_a_read_saw() -> None:
    rule = rule_for(op(0, Write(2), DONE, 0, 10), op(1, Read(), 1, 5, 20))
    assert rule.in_the_way({1}) == []


def test_a_refused_change_may_have_seen_any_write() -> None:
    rule = rule_for(op(0, Write(2), DONE, 0, 10), op(1, Cas(1, 3), Refused("mismatch"), 5, 20))
    assert rule.in_the_way({1}) == [0]


def test_a_kept_write_in_between_hides_an_earlier_one() -> None:
    ops = (
        op(0, Write(1), DONE, 0, 1),
        op(1, Write(2), DONE, 2, 3),
        op(2, Read(), 1, 4, 5),
    )
    assert rule_for(*ops).in_the_way({1, 2}) == []
    assert rule_for(*ops).in_the_way({2}) == [0]
    crashed = replace(ops[1], outcome=Unknown("timeout"))
    assert rule_for(ops[0], crashed, ops[2]).in_the_way({1, 2}) == [0]


def test_a_crashed_change_is_an_observer_too() -> None:
    rule = rule_for(op(0, Write(1), DONE, 0, 1), op(1, Cas(1, 2), None, 2, None))
    assert rule.in_the_way({1}) == [0]


def long_history(calls: int, seed: int) -> list[Op[Any, Any]]:
    """A legal run of eight processes over few values, and one late read that sees double."""
    rng = random.Random(seed)
    state: Any = None
    ops: list[Op[Any, Any]] = []
    for step in range(calls):
        at = 10 * step
        plain: list[Call] = [Read(), Write(rng.randrange(4))]
        call = rng.choice([*plain, Cas(rng.randrange(4), rng.randrange(4))])
        state, said = CasRegister().apply(state, call)
        ops.append(op(step % 8, call, said, at - rng.randrange(20), at + rng.randrange(1, 20)))
    wrong = (state or 0) + 1 if state != 3 else 2
    at = 10 * calls + 40
    ops.append(op(8, Write(wrong), None, at - 1, None))
    ops += [op(9, Read(), wrong, at, at + 1), op(9, Write(0), DONE, at + 2, at + 3)]
    ops += [op(9, Read(), wrong, at + 4, at + 5)]
    return ops


def test_a_long_history_has_a_short_core() -> None:
    history = History.of(long_history(10_000, seed=7))
    part = check(history, CasRegister()).worst_part
    assert part is not None
    assert part.verdict is Verdict.INVALID
    core = minimal_core(history, CasRegister(), part)
    assert len(core) <= 10
    assert not is_linearizable([history[row] for row in core], CasRegister())


def test_the_sentence_names_who_read_what_and_what_overwrote_it() -> None:
    ops = [
        op(0, Write(4), DONE, 100_000_000, 200_000_000),
        op(1, Write(7), DONE, 300_000_000, 980_000_000),
        op(3, Read(), 4, 1_230_000_000, 1_300_000_000),
    ]
    history = History.of(ops)
    part = check(history, CasRegister()).worst_part
    assert part is not None
    told = explain(history, CasRegister(), part)
    assert told.core == (1, 2)
    assert told.sentence == (
        "p3 read 4 at 1.230 s, but 4 had been overwritten: p1 wrote 7, which completed at "
        "0.980 s, and nobody wrote 4 after that."
    )


def test_the_sentence_says_that_nobody_wrote_it() -> None:
    history = History.of([op(3, Read(), 4, 0, 1)])
    part = check(history, CasRegister()).worst_part
    assert part is not None
    sentence = explain(history, CasRegister(), part).sentence
    assert sentence == "p3 read 4 at 0.000 s, but nobody had begun to write 4 by then."


def test_a_certificate_is_not_believed_blindly() -> None:
    ops = [
        op(0, Write(1), DONE, 0, 1),
        op(1, Read(), 1, 2, 3),
        op(2, Write(2), None, 0, None),
        replace(op(3, Write(3), DONE, 0, 9), outcome=Failed("never left")),
    ]
    model = CasRegister()
    assert complaint(ops, model, [0, 1]) == ""
    assert complaint(ops, model, [2, 0, 1]) == ""
    assert "not in the order" in complaint(ops, model, [0])
    assert "twice" in complaint(ops, model, [0, 0, 1])
    assert "cannot have been answered" in complaint(ops, model, [0, 2, 1])
    late = [ops[0], op(1, Write(2), DONE, 2, 3)]
    assert complaint(late, model, [0, 1]) == ""
    assert "had returned before" in complaint(late, model, [1, 0])
    assert "failed" in complaint(ops, model, [0, 1, 3])


def test_order_is_given_only_when_asked_for() -> None:
    history = History.of([op(0, Write(1), DONE, 0, 1)])
    assert check(history, CasRegister()).parts[0].order is None
    assert check(history, CasRegister(), ask=Ask(order=True)).parts[0].order == (0,)
