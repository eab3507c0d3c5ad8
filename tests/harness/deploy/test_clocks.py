"""A host's own clock: what the agent does to one, and when it may."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.deploy import clock_agent, clocks
from harness.deploy.clock_agent import Clock, rate_of, tick_for
from harness.deploy.clocks import HostClock, split, why_shared
from harness.deploy.facts import look_at
from harness.deploy.zab import Zab
from harness.lab.lab import Lab
from nemesis.union import Skew
from tests.harness.labs import hosts_of

NEAR_NS = 2_000_000  # a rate is set in steps of a part of a millionth


class Simulated:
    """The clocks of a machine on which time passes when we say so."""

    def __init__(self, tick_us: int, fine: int) -> None:
        self.raw, self.timer, self.real = 5_000.0, 7_000.0, 1e15
        self._tick = (tick_us, fine)

    def pass_s(self, seconds: float) -> None:
        rate = rate_of(*self._tick)
        self.raw += seconds * 1e9
        self.timer += seconds * 1e9 * rate
        self.real += seconds * 1e9 * rate

    def real_ns(self) -> int:
        return int(self.real)

    def raw_ns(self) -> int:
        return int(self.raw)

    def timer_ns(self) -> int:
        return int(self.timer)

    def set_real_ns(self, now_ns: int) -> None:
        self.real = now_ns

    def tick(self) -> tuple[int, int]:
        return self._tick

    def set_tick(self, tick_us: int, fine: int) -> None:
        assert 9_000 <= tick_us <= 11_000, "the kernel takes no other"
        assert abs(fine) <= 500 * 65_536
        self._tick = (tick_us, fine)


SKEWS = st.tuples(
    st.integers(-4_000_000, 4_000_000),
    st.sampled_from([1.0, 1.0, 1.1, 0.9, 1.05, 0.97, 3.0, 0.2]),
    st.floats(0.0, 30.0),
)


@given(st.integers(-30_000_000, 30_000_000), st.lists(SKEWS, max_size=4))
def test_a_clock_is_as_wrong_as_it_is_to_be_and_then_as_if_untouched(
    fine: int, skews: list[tuple[int, float, float]]
) -> None:
    one, untouched = Simulated(10_000, fine), Simulated(10_000, fine)
    clock = Clock(one)
    added, before = 0.0, (0, 1.0)
    for offset_ms, rate, seconds in skews:
        clock.let_be(offset_ms, rate)
        if (offset_ms, rate) != before:
            added, before = 0.0, (offset_ms, rate)
        for _ in range(10):
            for each in (one, untouched):
                each.pass_s(seconds / 10)
            added += seconds / 10 * 1e9 * (rate - 1)
            clock = Clock(one, dict(clock.found))  # each command is a process of its own
            if clock.by_steps:
                clock.step()
            else:
                clock.let_be(offset_ms, rate)  # asked for twice, it is the same
            wrong = one.real - untouched.real
            assert abs(wrong - offset_ms * 1e6 - added) < NEAR_NS, (offset_ms, rate)
        if not clock.by_steps:
            assert abs(rate_of(*one.tick()) / rate_of(10_000, fine) - rate) < 1e-3
    clock.put_back()
    assert one.tick() == untouched.tick()
    assert abs(one.real - untouched.real) < 1_000


def test_who_is_interrupted_sets_it_again() -> None:
    class Interrupted(Simulated):
        """Others run before it is set, so often."""

        times = 0

        def set_real_ns(self, now_ns: int) -> None:
            if self.times:
                self.times -= 1
                self.pass_s(0.05)
            super().set_real_ns(now_ns)

    one, untouched = Interrupted(10_000, 0), Simulated(10_000, 0)
    clock = Clock(one)
    for wrong_ms in (60_000, 0):
        one.times = 3
        if wrong_ms:
            clock.let_be(wrong_ms, 1.0)
        else:
            clock.put_back()
        untouched.pass_s(0.15)
        assert abs(one.real - untouched.real - wrong_ms * 1e6) < NEAR_NS


@given(st.floats(0.9, 1.1))
def test_a_rate_is_what_the_kernel_makes_of_it(rate: float) -> None:
    tick_us, fine = tick_for(rate)
    assert abs(rate_of(tick_us, fine) - rate) < 1e-9
    assert abs(fine) <= 500 * 65_536


def test_only_a_kernel_of_its_own_is_bent() -> None:
    found = {
        "own": HostClock("a", settable=True),
        "ours": HostClock("me", settable=True),
        "twin": HostClock("b", settable=True),
        "other twin": HostClock("b", settable=True),
        "bound": HostClock("c"),
        "kept": HostClock("d", settable=True, keepers=("chronyd",)),
        "silent": HostClock("", settable=True),
    }
    reasons = why_shared(found, "me")
    assert [node for node, why in reasons.items() if not why] == ["own"]
    assert "controller" in reasons["ours"]
    assert reasons["twin"] == reasons["other twin"] == "another host has its kernel"
    assert "chronyd" in reasons["kept"]


@pytest.mark.parametrize(
    ("skew", "by_node", "parts"),
    [
        (Skew(), True, (Skew(), Skew())),
        (Skew(60_000), True, (Skew(60_000), Skew())),
        (Skew(60_000, 1.1), True, (Skew(60_000, 1.1), Skew())),
        (Skew(60_000, 3.0), True, (Skew(60_000), Skew(0, 3.0))),
        (Skew(60_000, 3.0), False, (Skew(60_000, 3.0), Skew())),
        (Skew(0, 0.2), True, (Skew(), Skew(0, 0.2))),
    ],
)
def test_who_does_what(skew: Skew, by_node: bool, parts: tuple[Skew, Skew]) -> None:
    assert split(skew, by_node=by_node) == parts


def test_the_hosts_of_a_lab_have_our_clock(lab: Lab) -> None:
    async def look() -> dict[str, HostClock]:
        async with hosts_of(tuple(lab.logins)) as hosts:
            return {host.name: (await look_at(host, Zab())).clock for host in hosts}

    found = asyncio.run(look())
    assert set(why_shared(found, clocks.boot()).values()) == {"its kernel is the controller's"}
    # Nor with another controller: five hosts on one machine bend none of its clocks.
    assert set(why_shared(found, "another").values()) <= {
        "another host has its kernel",
        "it may not be set there (or there is no python3)",
    } | {clocks.why(one, "another") for one in found.values() if one.keepers}


def test_the_agent_itself_refuses_our_kernel(tmp_path: Path) -> None:
    agent = tmp_path / "agent.py"
    agent.write_bytes(clocks.agent())
    for words, status in (
        (("set", "60000", "1.0", clocks.boot()), 3),
        (("reset",), 0),  # nothing is written down, so nothing is done
        (("tell",), 0),
        (("bend",), 2),
    ):
        command = [sys.executable, "-I", str(agent), *words]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == status, done
    assert not list(tmp_path.glob("clock.json*"))
    assert clock_agent.MOST == 0.1
