"""What was heard of a link: does it prove what was ordered?"""

from __future__ import annotations

import pytest

from harness.deploy.slowness import Heard, burst_for, told_of
from nemesis.fault import Fault, Packets, Slow
from nemesis.union import Lag

WAY = frozenset({("n1", "n2")})
WHOLE = {"sent": 200, "came": 200, "late_ms": 0.1}


@pytest.mark.parametrize(
    ("fault", "lag", "heard", "proven"),
    [
        (Slow(WAY, 40), Lag(40), {**WHOLE, "late_ms": 40.2}, True),
        (Slow(WAY, 40), Lag(40), {**WHOLE, "late_ms": 31.0}, False),
        (Slow(WAY, 40), Lag(90), {**WHOLE, "late_ms": 45.0}, False),
        (Slow(WAY, 40), Lag(40), {"sent": 200}, True),
        (Slow(WAY, loss=0.1), Lag(loss=0.1), {"sent": 200, "came": 180}, True),
        (Slow(WAY, loss=0.1), Lag(loss=0.1), {"sent": 200, "came": 199}, False),
        (Slow(WAY, loss=0.1), Lag(loss=0.1), WHOLE, False),
        (Slow(WAY, bytes_per_s=1000), Lag(bytes_per_s=1000), {**WHOLE, "bytes_per_s": 990.0}, True),
        (Slow(WAY, bytes_per_s=1000), Lag(bytes_per_s=1000), {**WHOLE, "bytes_per_s": 9e6}, False),
        (Slow(WAY, bytes_per_s=1000), Lag(bytes_per_s=1000), WHOLE, False),
        (Slow(WAY, bytes_per_s=1000), Lag(bytes_per_s=1000), {"sent": 3, "came": 1}, True),
        (Slow(WAY, 40, 0, 0.1), Lag(40, 0, 0.1), {"sent": 200, "came": 180, "late_ms": 1.0}, False),
        (Packets(WAY, 0.1), Lag(duplicate=0.1), {**WHOLE, "twice": 20}, True),
        (Packets(WAY, 0.1), Lag(duplicate=0.1), {**WHOLE, "twice": 1}, False),
        (Packets(WAY, 0.1), Lag(duplicate=0.1), {**WHOLE, "spoilt": 20}, False),
        (Packets(WAY, reorder=0.1), Lag(reorder=0.1), {**WHOLE, "overtaken": 20}, True),
        (Packets(WAY, reorder=0.1), Lag(reorder=0.1), WHOLE, False),
        (Packets(WAY, corrupt=0.1), Lag(corrupt=0.1), {**WHOLE, "spoilt": 20}, True),
        (Packets(WAY, corrupt=0.1), Lag(corrupt=0.1), {**WHOLE, "twice": 20}, False),
        (Packets(WAY, 0.1, 0.1), Lag(duplicate=0.1, reorder=0.1), {**WHOLE, "twice": 20}, False),
    ],
)
def test_what_proves_what(
    fault: Slow | Packets, lag: Lag, heard: dict[str, float], proven: bool
) -> None:
    assert told_of(fault, lag, Heard(**heard), was_open=True)[0] is proven  # type: ignore[arg-type]


@pytest.mark.parametrize("fault", [Slow(WAY, 40), Slow(WAY, bytes_per_s=9), Slow(WAY, loss=0.5)])
def test_silence_proves_nothing_of_a_link_that_may_never_have_been_open(fault: Slow) -> None:
    lag = Lag().also(fault)
    for heard in (Heard(), Heard(sent=200)):
        proven, words = told_of(fault, lag, heard, was_open=False)
        assert not proven
        assert "are UDP 3889 and 3890 open between hosts?" in words
    assert not told_of(fault, lag, Heard(), was_open=True)[0], "nothing was sent"


def test_a_burst_outlasts_what_is_late() -> None:
    narrow: list[tuple[Fault, Lag]] = [
        (Slow(WAY, bytes_per_s=rate), Lag(bytes_per_s=rate)) for rate in (1 << 11, 1 << 18)
    ]
    for fault, lag in [*narrow, (Slow(WAY, 1280, 190), Lag(1280, 190)), (Packets(WAY, 0.1), Lag())]:
        assert isinstance(fault, Slow | Packets)
        burst = burst_for(fault, {("n1", "n2"): lag})
        took_s = burst.count * burst.size / lag.bytes_per_s if lag.bytes_per_s else 0
        assert burst.late_s > took_s + (lag.delay_ms + lag.jitter_ms) / 1000
        assert burst.late_s < 10
