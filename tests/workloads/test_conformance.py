"""Is every answer that the rules do not allow found, and no other?"""

from __future__ import annotations

import random
from typing import Any

import pytest

from checker.history import History
from checker.outcome import DONE, Refused
from checker.verdict import Verdict
from tests.workloads.histories import history, op
from tests.workloads.judging import differs, mutated
from workloads.conformance import (
    HOWS,
    NO_AUTH,
    UNIMPLEMENTED,
    CheckAlone,
    Conformance,
    Hidden,
    Open,
    Rules,
    answers,
)

CALLS: list[Any] = [Open(), CheckAlone(), *map(Hidden, HOWS)]
RIGHT = {"open": DONE, "check-alone": UNIMPLEMENTED, "hidden": NO_AUTH}


def cases() -> list[tuple[list[Any], bool]]:
    chance = random.Random(4)
    made = []
    for _ in range(500):
        ops, legal = [], True
        for at in range(chance.randrange(1, 5)):
            call = chance.choice(CALLS)
            result = right = RIGHT[Rules().write_call(call)[0]]
            if chance.random() < 0.15:
                result = chance.choice([DONE, NO_AUTH, UNIMPLEMENTED])
            heard = chance.random() < 0.9
            legal &= not heard or result == right
            ops.append(op(0, call, result, 10 * at, 10 * at + 5 if heard else None))
        made.append((ops, legal))
    return made


def test_answers_are_judged_by_the_rules() -> None:
    verdicts = [legal for _, legal in cases()]
    assert min(verdicts.count(True), verdicts.count(False)) > 50
    assert not differs(lambda ops: answers(History.of(ops)).verdict, cases())


def test_a_wrong_tells_what_was_asked_and_what_should_have_come() -> None:
    found = answers(history(op(0, Hidden("exists"), DONE, 0, 5)))
    assert [one.kind for one in found.wrongs] == ["hidden"]
    told = "hidden exists got an answer, where there must be no-auth"
    assert found.wrongs[0].because == told
    assert found.verdict is Verdict.INVALID


def test_what_was_written_of_calls_is_read_again() -> None:
    model = Rules()
    for call in CALLS:
        assert model.read_call(*model.write_call(call)) == call
    assert model.refusal(Open(), "no-auth") == NO_AUTH
    assert model.refusal(Open(), "no connection") is None
    chance = random.Random(1)
    asked = {Conformance().calls(0, chance.randrange).call for _ in range(200)}
    assert asked == set(CALLS)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("return state, NO_AUTH", "return state, DONE"),
        ("return state, UNIMPLEMENTED", "return state, NO_AUTH"),
        ("deed.outcome.result != rules", "deed.outcome.result == rules"),
        ("isinstance(deed.outcome, Ok) and deed", "deed"),
    ],
)
def test_a_changed_judge_is_noticed(before: str, after: str) -> None:
    changed = mutated("conformance", before, after)

    def verdict(ops: list[Any]) -> Verdict:
        same = History.of(ops)
        same.deeds = [deed._replace(call=_of(changed, deed.call)) for deed in same.deeds]
        result: Verdict = changed.answers(same).verdict
        return result

    assert differs(verdict, cases())


def _of(changed: Any, call: Any) -> Any:
    made = getattr(changed, type(call).__name__)
    return made(call.how) if isinstance(call, Hidden) else made()


def test_a_refusal_of_another_kind_is_no_answer_of_ours() -> None:
    assert Rules().refusal(Open(), Refused("no-node").code) is None
