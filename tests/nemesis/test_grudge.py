"""Does each shape of a partition cut what it says, for any number of nodes and any chance?"""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from nemesis import grudge
from nemesis.fault import Node
from nemesis.grudge import GRUDGES, Links, between, from_to, shuffled
from nemesis.surface import Draw
from tests.nemesis.fakes import zeros

ensembles = st.integers(1, 9).map(lambda n: tuple(f"n{i}" for i in range(1, n + 1)))


@st.composite
def draws(draw: st.DrawFn) -> Draw:
    return lambda below: draw(st.integers(0, below - 1))


def reach(node: Node, nodes: Sequence[Node], cut: Links) -> frozenset[Node]:
    """Whom it can talk with, both ways, and itself."""
    return frozenset(n for n in nodes if (n, node) not in cut and (node, n) not in cut)


def parts(nodes: Sequence[Node], cut: Links) -> list[int]:
    """The sizes of what hangs together, smallest first."""
    left, sizes = set(nodes), []
    while left:
        todo, part = [min(left)], set()
        while todo:
            node = todo.pop()
            part.add(node)
            todo += [n for n in reach(node, nodes, cut) if n not in part]
        sizes.append(len(part))
        left -= part
    return sorted(sizes)


def symmetric(cut: Links) -> bool:
    return cut == frozenset((b, a) for a, b in cut)


@pytest.mark.parametrize("name", GRUDGES)
@given(nodes=ensembles, draw=draws(), leads=st.integers(0, 9))
def test_no_shape_cuts_what_is_not_there(
    name: str, nodes: tuple[Node, ...], draw: Draw, leads: int
) -> None:
    roles = {f"n{leads}": "leader"}
    cut = GRUDGES[name](nodes, roles, draw)
    assert all(a in nodes and b in nodes and a != b for a, b in cut)
    assert symmetric(cut) or name == "one-way"
    assert len(nodes) > 1 or not cut
    if len(nodes) > 2 and (name != "isolate-leader" or f"n{leads}" in nodes):
        assert cut


@given(nodes=ensembles, draw=draws())
def test_halves_are_two_and_differ_by_one_at_most(nodes: tuple[Node, ...], draw: Draw) -> None:
    assume(len(nodes) > 1)
    for shape in (grudge.halves, grudge.random_halves):
        small, large = parts(nodes, shape(nodes, {}, draw))
        assert large - small <= 1
        assert small + large == len(nodes)


def test_halves_without_chance_are_in_order() -> None:
    cut = between(("n1", "n2"), ("n3", "n4", "n5"))
    nodes = ("n1", "n2", "n3", "n4", "n5")
    assert grudge.halves(nodes, {}, zeros) == grudge.random_halves(nodes, {}, zeros) == cut


@given(nodes=ensembles, draw=draws())
def test_one_is_isolated_and_all_others_are_whole(nodes: tuple[Node, ...], draw: Draw) -> None:
    assume(len(nodes) > 1)
    assert parts(nodes, grudge.isolate_one(nodes, {}, draw)) == [1, len(nodes) - 1]


@given(nodes=ensembles, draw=draws(), data=st.data())
def test_the_leader_is_isolated(nodes: tuple[Node, ...], draw: Draw, data: st.DataObject) -> None:
    leader = data.draw(st.sampled_from(nodes))
    cut = grudge.isolate_leader(nodes, {leader: "leader"}, draw)
    assert cut == between([leader], nodes)
    assert not grudge.isolate_leader(nodes, {leader: "follower"}, draw)


@given(nodes=ensembles, draw=draws())
def test_a_bridge_reaches_all_and_no_other_does(nodes: tuple[Node, ...], draw: Draw) -> None:
    assume(len(nodes) > 2)
    cut = grudge.bridge(nodes, {}, draw)
    assert [reach(n, nodes, cut) == frozenset(nodes) for n in nodes].count(True) == 1
    (middle,) = (n for n in nodes if reach(n, nodes, cut) == frozenset(nodes))
    rest = [n for n in nodes if n != middle]
    small, large = parts(rest, cut)
    assert large - small <= 1


@given(nodes=ensembles, draw=draws())
def test_in_a_ring_each_reaches_a_majority_and_no_two_the_same(
    nodes: tuple[Node, ...], draw: Draw
) -> None:
    assume(len(nodes) > 3)
    cut = grudge.majorities_ring(nodes, {}, draw)
    reached = [reach(node, nodes, cut) for node in nodes]
    assert all(2 * len(one) > len(nodes) for one in reached)
    assert len(set(reached)) == len(nodes)


@given(nodes=ensembles, draw=draws())
def test_fewer_than_a_third_are_apart(nodes: tuple[Node, ...], draw: Draw) -> None:
    assume(len(nodes) > 3)
    few, most = parts(nodes, grudge.minority_third(nodes, {}, draw))
    assert 3 * few < len(nodes)
    assert few + most == len(nodes)


@given(nodes=ensembles, draw=draws())
def test_one_way_leaves_the_way_back(nodes: tuple[Node, ...], draw: Draw) -> None:
    assume(len(nodes) > 1)
    cut = grudge.one_way(nodes, {}, draw)
    assert any(cut in (from_to([one], nodes), from_to(nodes, [one])) for one in nodes)


@given(items=st.lists(st.integers()), draw=draws())
def test_shuffling_loses_nothing(items: list[int], draw: Draw) -> None:
    assert sorted(shuffled(items, draw)) == sorted(items)
    assert shuffled(items, zeros) == items
