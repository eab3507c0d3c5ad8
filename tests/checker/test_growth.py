"""Do the models keep what they promise of calls that only add to a state?"""

import random
from typing import Any

import pytest

from checker import models
from checker.outcome import ANYTHING
from tests.checker.oracle import CALLS

GROWING = ["kv", "set", "counter"]


def growing_call(name: str, rng: random.Random) -> Any:
    """A call of the model that says of itself that it only adds."""
    model = models.named(name)
    while True:
        call = CALLS[name](rng, 3)
        if model.grows(call, ANYTHING):
            return call


@pytest.mark.parametrize("name", GROWING)
def test_an_answer_that_was_outgrown_never_comes_again(name: str) -> None:
    model = models.named(name)
    outgrown = 0
    for seed in range(2_000):
        rng = random.Random(seed)
        states = [model.initial()]
        for _ in range(6):
            states.append(model.apply(states[-1], growing_call(name, rng))[0])
        other = rng.choice(states)
        for _ in range(rng.randrange(3)):
            other = model.apply(other, growing_call(name, rng))[0]
        call = CALLS[name](rng, 3)
        if not model.observes_only(call, ANYTHING):
            continue
        result = model.apply(other, call)[1]
        for at, state in enumerate(states):
            if model.outgrown(state, call, result):
                outgrown += 1
                assert all(model.apply(later, call)[1] != result for later in states[at:])
    assert outgrown > 100


@pytest.mark.parametrize("name", models.NAMES)
def test_no_other_model_claims_to_grow(name: str) -> None:
    model = models.named(name)
    rng = random.Random(1)
    calls = [CALLS[name](rng, 3) for _ in range(200)] if name in CALLS else []
    assert any(model.grows(call, ANYTHING) for call in calls) is (name in GROWING)
