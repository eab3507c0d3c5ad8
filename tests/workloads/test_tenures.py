"""Are the holders of a lock judged in the order of zxids?"""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

import pytest

from checker.history import History, Op
from checker.verdict import Verdict
from tests.workloads.histories import history, op
from workloads.lock import LOST, Acquire, Held, Release, Use
from workloads.tenures import tenures


def tenure(
    process: int, number: int, at: int, *uses: int, until: int | None = None, now: int
) -> list[Op[Any, Any]]:
    """Somebody who saw the lock to be theirs as of `at`."""
    held = Held(number, at)
    ops = [op(process, Acquire(), held, now, now + 1, mzxid=at, zxid=at)]
    for place, zxid in enumerate(uses, 1):
        when = now + 2 * place
        ops.append(op(process, Use(), held, when, when + 1, mzxid=zxid, zxid=zxid))
    if until is not None:
        ops.append(op(process, Release(), held, now + 50, now + 51, mzxid=until, zxid=until))
    return ops


def test_one_after_the_other_is_right() -> None:
    found = tenures(
        history(
            *tenure(0, 1, 10, 11, 12, until=13, now=0),
            *tenure(1, 2, 13, 14, now=100),  # it crashes
            *tenure(2, 3, 20, until=21, now=200),
        )
    )
    assert found.verdict is Verdict.VALID, found
    assert found.figures["tenures"] == 3


def test_two_who_believe_at_once_are_counted_and_no_wrong() -> None:
    found = tenures(
        history(*tenure(0, 1, 10, 11, until=12, now=0), *tenure(1, 2, 12, 14, until=15, now=30))
    )
    assert found.verdict is Verdict.VALID
    assert found.figures["two believed at once"] == 1


@pytest.mark.parametrize(
    ("kind", "ops"),
    [
        ("two holders", [*tenure(0, 1, 10, 14, now=0), *tenure(1, 2, 12, 15, now=100)]),
        ("two holders", [*tenure(0, 1, 10, until=14, now=0), *tenure(1, 2, 12, now=100)]),
        ("two holders", [*tenure(0, 1, 10, now=0), *tenure(1, 2, 10, now=100)]),
        ("out of turn", [*tenure(0, 2, 10, 11, now=0), *tenure(1, 1, 12, 13, now=100)]),
        ("one number", [*tenure(0, 1, 10, 11, now=0), *tenure(1, 1, 12, 13, now=100)]),
        ("lost", [*tenure(0, 1, 10, now=0), op(0, Use(), LOST, 100, 101)]),
        ("lost", [op(0, Acquire(), LOST, 100, 101)]),
    ],
)
def test_each_wrong_has_its_name(kind: str, ops: list[Op[Any, Any]]) -> None:
    found = tenures(history(*ops))
    assert found.verdict is Verdict.INVALID
    assert kind in {wrong.kind for wrong in found.wrongs}
    assert all(wrong.rows and wrong.because for wrong in found.wrongs)


def test_two_holders_are_found_as_by_looking_at_every_zxid() -> None:
    chance = random.Random(3)
    verdicts: Counter[bool] = Counter()
    for _ in range(3000):
        ops: list[Op[Any, Any]] = []
        spans = []
        at = 10
        for number in range(chance.randrange(2, 6)):
            first = at + chance.choice([0, 1, 2, 2, 2])
            uses = sorted(first + 1 + chance.randrange(6) for _ in range(chance.randrange(3)))
            last = max([first, *uses])
            until = last + 1 + chance.randrange(3) if chance.random() < 0.7 else None
            ops += tenure(number, number, first, *uses, until=until, now=100 * number)
            spans.append(range(first, last + 1 if until is None else until))
            at = spans[-1].stop - chance.choice([0, 0, 0, 0, 1, 3])
        expected = any(sum(z in span for span in spans) > 1 for z in range(200))
        found = tenures(History.of(ops))
        assert ("two holders" in {w.kind for w in found.wrongs}) == expected, (spans, found)
        verdicts[expected] += 1
    assert min(verdicts.values()) > 500, verdicts
