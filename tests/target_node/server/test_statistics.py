"""Are the counters right, and what is forgotten with a reset?"""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from target_node.server.statistics import UNKNOWN, Distribution, Latency, Statistics, Traffic
from target_node.wire.codes import OpCode

LATENCIES = st.lists(st.integers(0, 3_000_000))


def noted(many: list[int]) -> Distribution:
    latencies = Distribution()
    for ms in many:
        latencies.note(ms)
    return latencies


@given(LATENCIES, LATENCIES)
def test_least_average_and_most(some: list[int], others: list[int]) -> None:
    both = some + others
    joined = noted(some).joined(noted(others))
    for found in (noted(both), joined):
        assert (found.count, found.total) == (len(both), sum(both))
        assert (found.least, found.most) == (min(both, default=0), max(both, default=0))
        assert found.average == (sum(both) / len(both) if both else 0)


@given(LATENCIES.filter(bool), st.sampled_from([1, 50, 95, 99, 99.9, 100]))
def test_a_percentile_is_never_too_low_and_hardly_too_high(many: list[int], percent: float) -> None:
    distribution = noted(many)
    rank = next(i for i in range(1, len(many) + 1) if i * 100 >= percent * len(many))
    exact = sorted(many)[rank - 1]
    found = distribution.percentile(percent)
    if exact < 1 << 20:
        assert exact <= found <= exact * 9 / 8
    else:
        assert (1 << 20) - 1 <= found <= max(many)
    if exact < 16:
        assert found == exact


def test_nothing_took_no_time() -> None:
    for latency in (Latency(), noted([])):
        assert (latency.least, latency.average, latency.most) == (0, 0.0, 0)
    assert noted([]).percentile(99) == 0


def test_a_connection_counts_for_the_server_too() -> None:
    server = Statistics()
    one, other = Traffic(server), Traffic(server)
    for traffic in (one, one, other):
        traffic.came()
    for traffic in (one, one, other):
        traffic.went()
    one.answered(OpCode.CREATE, 1, 0x10, now_ms=70, latency_ms=9, update=True)
    assert (one.received, one.sent) == (2, 2)
    assert (one.last_op, one.last_cxid, one.last_zxid) == (OpCode.CREATE, 1, 0x10)
    assert (one.last_ms, one.last_latency_ms, one.latency.average) == (70, 9, 9)
    other.answered(OpCode.EXISTS, 1, 0x10, now_ms=71, latency_ms=2, update=False)
    assert (server.received, server.sent) == (3, 3)
    assert (server.updates.count, server.reads.count) == (1, 1)
    assert (server.latency.least, server.latency.average, server.latency.most) == (2, 5.5, 9)


def test_connections_and_server_are_reset_apart() -> None:
    server = Statistics()
    one = Traffic(server)
    one.came()
    one.went()
    one.answered(OpCode.PING, -2, 0x10, now_ms=70, latency_ms=9, update=False)
    server.proposals.note(40)
    one.reset()
    assert (one.received, one.sent, one.latency.most, one.last_op) == (0, 0, 0, None)
    assert (one.last_cxid, one.last_zxid) == (UNKNOWN, UNKNOWN)
    assert (server.received, server.reads.most, server.proposals.last) == (1, 9, 40)
    server.reset()
    assert (server.received, server.sent, server.latency.count) == (0, 0, 0)
    assert (server.reads.percentile(50), server.proposals.last) == (0, UNKNOWN)


def test_sizes() -> None:
    sizes = Statistics().proposals
    for size in (50, 30, 40):
        sizes.note(size)
    assert (sizes.last, sizes.least, sizes.most) == (40, 30, 50)
