"""Do the runs say the same as sets of numbers, and the marks the same as a dictionary?"""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from harness.invariants.memory import Marks, Runs

numbers = st.integers(0, 40)
ranges = st.lists(st.tuples(numbers, st.integers(0, 6)), max_size=12)


def made(pairs: list[tuple[int, int]]) -> tuple[Runs, set[int]]:
    runs, members = Runs(), set[int]()
    for first, more in pairs:
        runs.add(first, first + more)
        members |= set(range(first, first + more + 1))
    return runs, members


def members_of(runs: Runs) -> set[int]:
    pairs = list(runs)
    assert pairs == sorted(pairs)
    assert all(last + 1 < first for (_, last), (first, _) in pairwise(pairs))
    return {one for first, last in pairs for one in range(first, last + 1)}


@given(ranges, ranges, numbers)
def test_runs_are_sets(ours: list[tuple[int, int]], theirs: list[tuple[int, int]], at: int) -> None:
    a, set_a = made(ours)
    b, set_b = made(theirs)
    assert members_of(a) == set_a
    assert a.last == max(set_a, default=None)
    assert (at in a) == (at in set_a)
    assert a.missing_in(b) == min(set_a - set_b, default=None)
    assert a.common_with(b) == min(set_a & set_b, default=None)
    gone = a.cut(at)
    assert members_of(gone) == {one for one in set_a if one > at}
    assert members_of(a) == {one for one in set_a if one <= at}
    b.update(gone)
    assert members_of(b) == set_b | members_of(gone)


@given(st.lists(st.tuples(st.integers(0, 1 << 40), st.integers(1, 3), st.integers(0, 2))))
def test_marks_know_who_was_first(said: list[tuple[int, int, int]]) -> None:
    marks, first = Marks(), dict[int, tuple[int, int]]()
    for zxid, node, mark in said:
        kept_node, kept = first.setdefault(zxid, (node, mark))
        assert marks.other(zxid, node, mark) == (None if kept == mark else kept_node)
        assert marks.differs(zxid, mark) == (None if kept == mark else kept_node)
    assert marks.differs(1 << 41, 0) is None
