"""Would the tests notice if a judge were a little wrong?

Each mutation changes one place of a judge's source. The same random histories that hold the judge
against its oracle must then find a difference.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import pytest

from checker.history import History, Op
from tests.checker.oracle import is_linearizable
from tests.workloads.judging import differs, mutated
from tests.workloads.test_membership import AsSets, has_an_order, some_ops
from tests.workloads.test_tenures import tenure

MEMBERSHIP = [
    ("one.returned < added.called:", "one.returned < added.called - 2:"),
    ("added is None or one.returned", "added is not None and one.returned"),
    ("if not less.values <= more.values:", "if False:"),
    ("and shows[at][0] < one.called", "and shows[at][0] < one.called - 2"),
    ("and shows[at][0] < one.called", "and shows[at][0] <= one.called + 1"),
    ("if one.local else owed | own[one.row]", "if True else owed"),
    ("if one.local else owed | own[one.row]", "if False else owed"),
    ("mine = seen.get(one.owner, {})", "mine = seen.get(None, {})"),
    ("else len(first.values)", "else -len(first.values)"),
    ("if place(over[at]) > last:", "if place(over[at]) < last:"),
    ("return NEVER if first is None", "return 0 if first is None"),
    ("over[at].returned < added.called", "over[at].returned < added.called - 3"),
    ("over[at].returned < added.called", "over[at].returned <= added.called + 6"),
    ("if last > place(added):", "if last < place(added):"),
    ("yield from _from_nowhere(key)", "pass"),
    ("yield from _missing(key)", "pass"),
    ("yield from _out_of_order(key, seen)", "pass"),
]
TENURES = [
    ("one.first <= farthest.last", "one.first < farthest.last"),
    ("one.first <= farthest.last", "one.first <= farthest.first"),
    ("mzxid - 1 if isinstance(call, Release)", "mzxid if isinstance(call, Release)"),
    ("max(tenure.last, last), row", "tenure.last, row"),
    ("one.last > farthest.last:", "one.last > farthest.last + 99:"),
]


def sets() -> Iterator[tuple[list[Op[Any, Any]], bool]]:
    """Histories, and whether they are legal."""
    chance = random.Random(11)
    for _ in range(3000):
        ops = some_ops(chance, chance.randrange(2, 9), local=False)
        yield ops, is_linearizable(ops, AsSets())
        ops = some_ops(chance, chance.randrange(2, 6), local=True)
        yield ops, has_an_order(ops)


def locks() -> Iterator[tuple[list[Op[Any, Any]], bool]]:
    chance = random.Random(12)
    for _ in range(2000):
        ops: list[Op[Any, Any]] = []
        spans = []
        at = 10
        for number in range(chance.randrange(2, 5)):
            first = at + chance.randrange(3)
            uses = sorted(first + 1 + chance.randrange(6) for _ in range(chance.randrange(3)))
            until = max([first, *uses]) + 1 + chance.randrange(2)
            ends = chance.random() < 0.6
            ops += tenure(
                number, number, first, *uses, until=until if ends else None, now=100 * number
            )
            spans.append(range(first, until if ends else max([first, *uses]) + 1))
            at = spans[-1].stop - chance.choice([0, 0, 0, 1])
        # With nodes made in turn and used in turn, only two holders can be wrong.
        turns = [z for span in spans for z in (span.start, span.stop - 1)]
        if turns == sorted(turns):
            yield ops, not any(sum(z in span for span in spans) > 1 for z in range(100))


@pytest.mark.parametrize(("before", "after"), MEMBERSHIP)
def test_a_changed_judge_of_sets_is_noticed(before: str, after: str) -> None:
    judge = mutated("membership", before, after).membership
    assert differs(lambda ops: judge(History.of(ops)).verdict, sets())


@pytest.mark.parametrize(("before", "after"), TENURES)
def test_a_changed_judge_of_locks_is_noticed(before: str, after: str) -> None:
    judge = mutated("tenures", before, after).tenures
    assert differs(lambda ops: judge(History.of(ops)).verdict, locks())


def test_unchanged_judges_are_not() -> None:
    from workloads.tenures import tenures

    assert not differs(lambda ops: tenures(History.of(ops)).verdict, locks())
