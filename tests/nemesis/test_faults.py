"""Do faults add up, mask each other, and come back from paper as they were?"""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nemesis.fault import (
    BrokenDisk,
    ClientLink,
    ClockSkew,
    Crash,
    Fault,
    FlippedBit,
    FullDisk,
    LosesADisk,
    Packets,
    Partition,
    Pause,
    PowerLoss,
    Slow,
    SlowDisk,
    Wipe,
)
from nemesis.grudge import between
from nemesis.union import Lag, Skew, masked, union
from nemesis.written import read, written

nodes = st.sampled_from(("n1", "n2", "n3"))
links = st.frozensets(st.tuples(nodes, nodes).filter(lambda link: link[0] != link[1]))
faults: st.SearchStrategy[Fault] = st.one_of(
    st.builds(Partition, links),
    st.builds(
        Slow, links, st.integers(0, 99), st.integers(0, 99), st.floats(0, 1), st.integers(0, 9)
    ),
    st.builds(Packets, links, st.floats(0, 1), st.floats(0, 1), st.floats(0, 1)),
    st.builds(Crash, nodes),
    st.builds(Pause, nodes),
    st.builds(ClockSkew, nodes, st.integers(-9, 9), st.sampled_from((0.5, 1.0, 2.0))),
    st.builds(Wipe, nodes),
    st.builds(FlippedBit, nodes, st.integers(0, 2), st.integers(0, 2)),
    st.builds(SlowDisk, nodes, st.integers(0, 99)),
    st.builds(FullDisk, nodes),
    st.builds(BrokenDisk, nodes, st.booleans()),
    st.builds(PowerLoss, nodes, st.booleans()),
    st.builds(ClientLink, nodes, st.booleans()),
)


@given(st.lists(faults), st.randoms())
def test_the_order_of_faults_means_nothing(active: list[Fault], chance: object) -> None:
    other = sorted(active, key=repr)
    one, two = union(active), union(other)
    assert (one.cut, one.down, one.wiped, one.paused, one.clocks) == (
        *(two.cut, two.down, two.wiped, two.paused, two.clocks),
    )
    assert (one.slow_disks, one.full, one.broken, one.dark, one.flipped) == (
        *(two.slow_disks, two.full, two.broken, two.dark, two.flipped),
    )
    assert (one.stalled, one.reset, one.slow.keys()) == (two.stalled, two.reset, two.slow.keys())


@given(st.lists(faults), faults)
def test_a_masked_crash_pause_or_cut_changes_nothing_that_shows(
    others: list[Fault], fault: Fault
) -> None:
    without, so = union(others), union([*others, fault])
    if masked(fault, others):
        silent = without.down | without.paused
        assert so.down == without.down
        assert so.reset - without.down == without.reset - without.down
        assert all(set(link) & silent for link in so.cut - without.cut)
        assert (so.ill - silent, so.dark.keys() - without.wiped) == (
            *(without.ill - silent, without.dark.keys() - without.wiped),
        )
        assert not isinstance(fault, FlippedBit) or fault.node in so.wiped or so == without
    elif isinstance(
        fault, Crash | Pause | LosesADisk | Partition | FullDisk | BrokenDisk | PowerLoss
    ):
        assert so != without


def test_what_slows_a_link_twice_adds_up() -> None:
    way = frozenset({("n1", "n2")})
    so = union([Slow(way, 10, 5, 0.5, 1000), Slow(way, 20, 0, 0.5, 0), Slow(way, bytes_per_s=10)])
    assert so.slow == {("n1", "n2"): Lag(30, 5, 0.75, 10)}


def test_what_becomes_of_packets_twice_becomes_of_more() -> None:
    way = frozenset({("n1", "n2")})
    so = union([Packets(way, 0.5), Slow(way, 20), Packets(way, 0.5, reorder=0.25, corrupt=0.5)])
    assert so.slow == {("n1", "n2"): Lag(20, 0, 0, 0, 0.75, 0.25, 0.5)}


def test_what_bends_a_clock_twice_adds_up() -> None:
    so = union([ClockSkew("n1", 100), ClockSkew("n1", -30, 2.0), ClockSkew("n1", 0, 1.5)])
    assert so.clocks == {"n1": Skew(70, 3.0)}


@pytest.mark.parametrize(
    ("fault", "others", "moot"),
    [
        (Partition(between(["n1"], ["n2"])), [Crash("n1")], True),
        (Partition(between(["n1"], ["n2", "n3"])), [Crash("n2")], False),
        (Partition(between(["n1"], ["n2", "n3"])), [Crash("n2"), Pause("n3")], True),
        (Slow(between(["n1"], ["n2"]), 9), [Partition(between(["n1"], ["n2"]))], True),
        (Partition(between(["n1"], ["n2"])), [Slow(between(["n1"], ["n2"]), 9)], False),
        (Packets(between(["n1"], ["n2"]), 0.1), [Crash("n2")], True),
        (Packets(between(["n1"], ["n2"]), 0.1), [Slow(between(["n1"], ["n2"]), 9)], False),
        (Crash("n1"), [Pause("n1")], False),
        (Pause("n1"), [Crash("n1")], True),
        (ClockSkew("n1", 5), [Wipe("n1")], True),
        (Crash("n1"), [Wipe("n1")], True),
        (Wipe("n1"), [Crash("n1")], False),
        (FlippedBit("n1"), [Crash("n1")], False),
        (FlippedBit("n1"), [Wipe("n1")], True),
        (FlippedBit("n1", 0, 5), [FlippedBit("n1", 0, 5)], True),
        (FlippedBit("n1", 0, 5), [FlippedBit("n1", 1, 5)], False),
        (Crash("n1"), [FlippedBit("n1")], True),
        (PowerLoss("n1"), [FlippedBit("n1")], False),
        (SlowDisk("n1", 5), [Pause("n1")], True),
        (SlowDisk("n1", 5), [SlowDisk("n1", 5)], False),
        (FullDisk("n1"), [BrokenDisk("n1")], False),
        (FullDisk("n1"), [BrokenDisk("n1", writes=True)], True),
        (BrokenDisk("n1"), [FullDisk("n1")], False),
        (BrokenDisk("n1"), [BrokenDisk("n1", writes=True)], True),
        (BrokenDisk("n1", writes=True), [BrokenDisk("n1")], False),
        (BrokenDisk("n1"), [PowerLoss("n1")], True),
        (PowerLoss("n1"), [Crash("n1")], False),
        (PowerLoss("n1"), [Wipe("n1")], True),
        (Crash("n1"), [PowerLoss("n1")], True),
        (ClientLink("n1", reset=True), [Pause("n1")], False),
        (ClientLink("n1"), [Pause("n1")], True),
        (ClientLink("n1"), [ClientLink("n1", reset=True)], True),
        (ClientLink("n1"), [Crash("n2")], False),
    ],
)
def test_what_masks_what(fault: Fault, others: list[Fault], moot: bool) -> None:
    assert masked(fault, others) is moot


def test_what_delays_a_disk_twice_adds_up_and_the_worst_of_errors_and_losses_holds() -> None:
    so = union(
        [
            *(SlowDisk("n1", 10), SlowDisk("n1", 5), BrokenDisk("n2", writes=True)),
            *(BrokenDisk("n2"), FullDisk("n3"), PowerLoss("n1"), PowerLoss("n1", torn=True)),
        ]
    )
    assert (so.slow_disks, so.broken) == ({"n1": 15}, {"n2": True})
    assert so.dark == {"n1": True}
    assert (sorted(so.down), sorted(so.ill)) == (["n1"], ["n2", "n3"])


@given(faults)
def test_what_is_written_is_read_again(fault: Fault) -> None:
    assert read(json.loads(json.dumps(written(fault)))) == fault


@pytest.mark.parametrize(
    "said", [{}, {"kind": "flood"}, {"kind": "crash"}, {"kind": "crash", "node": "n1", "x": 1}]
)
def test_what_is_no_fault_is_refused(said: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="fault"):
        read(said)
