from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from target_node.driver.clock import LOOK_NS, Clock
from target_node.server.events import Now

MS = 1_000_000
NOON_MS = 1_700_000_000_000


class Machine:
    """The machine's own clocks, moved by hand."""

    def __init__(self) -> None:
        self.monotonic_ns = 5000 * MS
        self.wall_ns = NOON_MS * MS
        self.told: list[str] = []

    def clock(self, file: Path | None = None) -> Clock:
        return Clock(
            file,
            tell=self.told.append,
            monotonic_ns=lambda: self.monotonic_ns,
            wall_ns=lambda: self.wall_ns,
        )

    def sleep(self, ms: int) -> None:
        self.monotonic_ns += ms * MS
        self.wall_ns += ms * MS


def say(file: Path, text: str) -> None:
    """In one step, as whoever drives a node should: no half of it is ever read."""
    new = file.with_suffix(".new")
    new.write_text(text)
    os.replace(new, file)


def bend(file: Path, **said: float) -> None:
    say(file, json.dumps(said))


def test_without_a_file_it_is_the_machines_clock() -> None:
    machine = Machine()
    clock = machine.clock()
    assert clock.now() == Now(5000, NOON_MS)
    machine.sleep(70)
    assert clock.now() == Now(5070, NOON_MS + 70)
    assert clock.seconds_until(6070) == 1.0
    assert clock.seconds_until(5070) == clock.seconds_until(3) == 0.0


def test_an_offset_moves_wall_time_only(tmp_path: Path) -> None:
    machine, file = Machine(), tmp_path / "clock"
    bend(file, offset_ms=-3_600_000)
    assert machine.clock(file).now() == Now(5000, NOON_MS - 3_600_000)


def test_a_rate_bends_both_times_from_its_change_on(tmp_path: Path) -> None:
    machine, file = Machine(), tmp_path / "clock"
    bend(file, rate=1.0)
    clock = machine.clock(file)
    clock.now()
    machine.sleep(1000)
    bend(file, rate=2.0)
    assert clock.now() == Now(6000, NOON_MS + 1000)
    machine.sleep(1000)
    assert clock.now() == Now(8000, NOON_MS + 3000)
    bend(file, rate=0.5)
    machine.sleep(100)
    assert clock.now() == Now(8200, NOON_MS + 3200)
    machine.sleep(100)
    assert clock.now() == Now(8250, NOON_MS + 3250)
    bend(file)
    machine.sleep(100)
    clock.now()
    machine.sleep(1000)
    assert clock.now() == Now(9300, NOON_MS + 4300)


def test_a_step_of_the_machines_wall_clock_is_seen(tmp_path: Path) -> None:
    machine, file = Machine(), tmp_path / "clock"
    bend(file, rate=2)
    clock = machine.clock(file)
    clock.now()
    machine.sleep(100)
    machine.wall_ns -= 60_000 * MS
    assert clock.now() == Now(5200, NOON_MS + 200 - 60_000)


def test_it_says_how_long_to_really_sleep(tmp_path: Path) -> None:
    machine, file = Machine(), tmp_path / "clock"
    bend(file, rate=4)
    clock = machine.clock(file)
    clock.now()
    assert clock.seconds_until(5040) == 0.01
    # Not beyond the next look, which may find another rate.
    assert clock.seconds_until(9000) == LOOK_NS / 1e9


def test_a_clock_may_stand_still(tmp_path: Path) -> None:
    machine, file = Machine(), tmp_path / "clock"
    bend(file, rate=0)
    clock = machine.clock(file)
    clock.now()
    machine.sleep(10_000)
    assert clock.now() == Now(5000, NOON_MS)
    assert clock.seconds_until(5001) == LOOK_NS / 1e9


def test_the_file_is_looked_at_seldom(tmp_path: Path) -> None:
    machine, file = Machine(), tmp_path / "clock"
    bend(file, offset_ms=1)
    clock = machine.clock(file)
    clock.now()
    bend(file, offset_ms=70_000)
    machine.sleep(49)
    assert clock.now().wall_ms == NOON_MS + 50
    machine.sleep(1)
    assert clock.now().wall_ms == NOON_MS + 70_050


@pytest.mark.parametrize(
    "text",
    [
        "", "{", "[]", "7", '{"offset_ms": 1.5}', '{"offset_ms": true}', '{"rate": -1}',
        '{"rate": NaN}', '{"rate": Infinity}', '{"rate": "2"}', '{"skew": 1}', "\xff",
    ],
)  # fmt: skip
def test_a_broken_file_changes_nothing_and_is_told_once(tmp_path: Path, text: str) -> None:
    machine, file = Machine(), tmp_path / "clock"
    bend(file, offset_ms=500, rate=2)
    clock = machine.clock(file)
    clock.now()
    say(file, text)
    for _ in range(3):
        machine.sleep(100)
        clock.now()
    assert clock.now() == Now(5600, NOON_MS + 600 + 500)
    assert len(machine.told) == 1
    assert str(file) in machine.told[0]
    bend(file, rate=1)
    machine.sleep(50)
    assert clock.now() == Now(5700, NOON_MS + 700)
    file.unlink()
    machine.sleep(50)
    clock.now()
    assert len(machine.told) == 2


def test_a_missing_file_is_no_reason_to_stop(tmp_path: Path) -> None:
    machine = Machine()
    clock = machine.clock(tmp_path / "nowhere")
    assert clock.now() == Now(5000, NOON_MS)
    machine.sleep(500)
    clock.now()
    assert len(machine.told) == 1


changes = st.lists(
    st.tuples(
        st.integers(0, 200),
        st.none() | st.tuples(st.integers(-(10**9), 10**9), st.floats(0, 1000)),
    ),
    max_size=12,
)


@settings(deadline=None)
@given(changes=changes)
def test_the_time_of_timers_never_goes_back(
    changes: list[tuple[int, tuple[int, float] | None]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    machine, file = Machine(), tmp_path_factory.mktemp("clock") / "file"
    clock = machine.clock(file)
    last = clock.now().ms
    for ms, said in changes:
        if said is not None:
            bend(file, offset_ms=said[0], rate=said[1])
        machine.sleep(ms)
        now = clock.now().ms
        assert now >= last
        last = now
        asked = now + 17
        assert clock.seconds_until(asked) > 0
