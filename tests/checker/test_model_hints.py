"""Does every bundled model keep what its hints promise?

The hints are claims about `outcomes` in every state; here they are held against it in all states
that a random walk reaches, for every answer that was given in one of them, and for some that no
call ever gets.
"""

import random
from collections.abc import Hashable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from checker.formats import jsonl
from checker.history import History, Op
from checker.model import NOTHING, Access
from checker.models import NAMES, named
from checker.models.counter import Counter
from checker.models.kv import KeyValue
from checker.models.register import CasRegister, Write
from checker.models.zookeeper import LocalRead
from checker.outcome import ANYTHING, DONE, Anything, Ok, Refused
from tests.checker.oracle import CALLS, AnyModel

MODELS: dict[str, AnyModel] = {name: named(name) for name in NAMES}
MODELS["kv, absent is empty"] = KeyValue(absent="")
STRANGE = (Refused("no such refusal"), "an answer of no call")


@cache
def walked(name: str) -> tuple[list[Any], dict[Any, list[Any]]]:
    """States that the model reaches, and calls with every answer that they got in one of them."""
    rng = random.Random(name)
    model = MODELS[name]
    base = {"zookeeper": "cas-register", "kv, absent is empty": "kv"}.get(name, name)
    states: dict[Any, None] = {}
    calls: dict[Any, None] = {}
    for _ in range(40):
        state = model.initial()
        for _ in range(rng.randrange(7)):
            states[state] = None
            call = CALLS[base](rng, 2)
            if name == "zookeeper" and rng.random() < 0.2:
                call = LocalRead()
            calls[call] = None
            state = rng.choice(list(model.outcomes(state, call)))[0]
    answers = {
        call: list(
            dict.fromkeys(said for state in states for _, said in model.outcomes(state, call))
        )
        for call in calls
    }
    return list(states), answers


def ways(model: AnyModel, state: Any, call: Any, result: Any) -> list[Any]:
    """Where the call leads from the state, if it answers so."""
    return [
        after
        for after, said in model.outcomes(state, call)
        if isinstance(result, Anything) or said == result
    ]


@pytest.fixture(params=MODELS, name="name")
def _name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_apply_is_one_of_the_outcomes(name: str) -> None:
    model = MODELS[name]
    states, answers = walked(name)
    assert len(states) > 1
    assert len(answers) > 1
    for state in states:
        for call in answers:
            assert model.apply(state, call) in list(model.outcomes(state, call))
            assert hash(state) == hash(state)


def test_what_observes_only_leaves_every_state_as_it_was(name: str) -> None:
    model = MODELS[name]
    states, answers = walked(name)
    found = 0
    for call, said in answers.items():
        for result in (*said, *STRANGE, ANYTHING):
            if model.observes_only(call, result):
                found += 1
                for state in states:
                    assert set(ways(model, state, call, result)) <= {state}, (call, result)
    assert found, "each of these models has calls that change nothing"


def test_what_overwrites_answers_so_everywhere_and_leads_to_one_state(name: str) -> None:
    model = MODELS[name]
    states, answers = walked(name)
    for call, said in answers.items():
        for result in (*said, *STRANGE, ANYTHING):
            if model.overwrites(call, result):
                reached = [ways(model, state, call, result) for state in states]
                assert len({tuple(after) for after in reached}) == 1, (call, result)
                assert len(reached[0]) == 1, (call, result)
                assert all(len(list(model.outcomes(state, call))) == 1 for state in states)


def possible(access: Access, state: Hashable) -> bool:
    """Whether a cell with this value lets the access happen."""
    return access.needs in (NOTHING, state) and access.lacks != state


def test_an_access_is_possible_where_the_answer_is_and_puts_what_it_says(name: str) -> None:
    model = MODELS[name]
    states, answers = walked(name)
    for call, said in answers.items():
        for result in (*said, *STRANGE, ANYTHING):
            access = model.access(call, result)
            if access is None:
                continue
            for state in states:
                after = state if access.puts is NOTHING else access.puts
                if isinstance(result, Anything):
                    effect = after if possible(access, state) else state
                    assert ways(model, state, call, ANYTHING) == [effect], (call, state)
                else:
                    expected = [after] if possible(access, state) else []
                    assert ways(model, state, call, result) == expected, (call, result, state)


@pytest.mark.parametrize("known", ["register", "cas-register", "zookeeper", "mutex"])
def test_a_model_that_is_a_cell_says_so_of_every_answer(known: str) -> None:
    model = MODELS[known]
    for call, said in walked(known)[1].items():
        assert all(model.access(call, result) is not None for result in (*said, ANYTHING))


def test_a_refusal_is_an_answer_that_the_call_gets(name: str) -> None:
    model = MODELS[name]
    for call, said in walked(name)[1].items():
        assert model.refusal(call, "the connection was lost") is None
        refusals = [result for result in said if isinstance(result, Refused)]
        for refusal in refusals:
            assert model.refusal(call, refusal.code) == refusal
        assert model.refusal(call, None) == (refusals[0] if refusals else None)
        assert len(refusals) <= 1


def test_a_call_and_its_answer_come_back_from_a_file(name: str, tmp_path: Path) -> None:
    model = MODELS[name]
    ops: list[Op[Any, Any]] = []
    for call, said in walked(name)[1].items():
        for result in said:
            at = 10 * len(ops)
            ops.append(
                Op(process=0, call=call, outcome=Ok(result), called_ns=at, returned_ns=at + 1)
            )
    jsonl.write(tmp_path / "history.jsonl", History.of(ops), model)
    assert list(jsonl.read(tmp_path / "history.jsonl", model)) == ops


def test_every_call_can_be_told(name: str) -> None:
    model = MODELS[name]
    for call, said in walked(name)[1].items():
        for result in (*said, ANYTHING):
            assert model.tell(call, result).strip()
        for result in STRANGE:
            model.tell(call, result)


def test_calls_of_different_partitions_never_interact(name: str) -> None:
    model = MODELS[name]
    states, answers = walked(name)
    for one in answers:
        for other in answers:
            if model.partition(one) == model.partition(other):
                continue
            for state in states:
                both = {
                    (after, first, second)
                    for between, first in model.outcomes(state, one)
                    for after, second in model.outcomes(between, other)
                }
                turned = {
                    (after, first, second)
                    for between, second in model.outcomes(state, other)
                    for after, first in model.outcomes(between, one)
                }
                assert both == turned


class Overconfident(CasRegister):
    """A model whose hints promise too much."""

    name = "overconfident"

    def overwrites(self, call: Any, result: Any) -> bool:
        return True

    def observes_only(self, call: Any, result: Any) -> bool:
        return isinstance(call, Write)

    def access(self, call: Any, result: Any) -> Access:
        return Access(puts=1)


@pytest.mark.parametrize(
    "claim",
    [
        test_what_observes_only_leaves_every_state_as_it_was,
        test_what_overwrites_answers_so_everywhere_and_leads_to_one_state,
        test_an_access_is_possible_where_the_answer_is_and_puts_what_it_says,
    ],
)
def test_a_broken_promise_is_noticed(claim: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(MODELS, "cas-register", Overconfident())
    with pytest.raises(AssertionError):
        claim("cas-register")


def test_an_answer_nobody_gives_promises_nothing() -> None:
    assert not CasRegister().overwrites(Write(1), Refused("mismatch"))
    assert CasRegister().access(Write(1), Refused("mismatch")) is None
    assert CasRegister().overwrites(Write(1), DONE)
    assert Counter().access(next(iter(walked("counter")[1])), DONE) is None
