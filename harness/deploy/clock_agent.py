"""What does a host do with its own clock?

This file runs on the host, which has a Python and nothing of ours besides:

    python3 -P clock_agent.py set OFFSET_MS RATE BOOT   let it be wrong by so much, and go so fast
    python3 -P clock_agent.py tell                      how wrong is it, and how fast does it go?
    python3 -P clock_agent.py reset                     let it be as if nobody had touched it

BOOT tells the controller's kernel. If this is the same one nothing is done: its clock is not ours.

Rules of this file:
1. Before the clock is touched it is written down what it was, beside the one clock of the host that
   nobody can bend (CLOCK_MONOTONIC_RAW). From the two it is known at any time what it would be.
2. What is asked for is a state: asked for twice, it is the same.
3. A rate is the kernel's own, as far as it goes (a tenth more or less): then timers go faster, too.
   Beyond that the clock is set again and again by a process that ends when the state is another
   one, or when the lease is over. Only who holds the lock sets the clock.
"""

from __future__ import annotations

import ctypes
import fcntl
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Protocol

TICK_US: Final = 10_000
MOST: Final = 0.1  # by which the kernel lets a clock go faster or slower
_UNIT: Final = 65536e6  # of the kernel's fine adjustment: a millionth, in 16 binary places
_FREQUENCY: Final = 0x0002
_TICK: Final = 0x4000
# Where they are in the kernel's `struct timex`, in words of 64 bits.
_AT_FINE: Final = 2
_AT_TICK: Final = 11
_STEP_S: Final = 0.02
_TRIES: Final = 10
_SOON_NS: Final = 2_000_000
_LOOK_S: Final = 0.25
_HERE: Final = Path(__file__).resolve().parent
_STATE: Final = _HERE / "clock.json"
_LOCK: Final = _HERE / "clock.lock"
_LEASE: Final = _HERE / "until"


class Clocks(Protocol):
    """Those of a host."""

    def real_ns(self) -> int:
        """What time it is, as everybody on it is told."""

    def raw_ns(self) -> int:
        """How long it has been up, by the clock that nobody bends."""

    def timer_ns(self) -> int:
        """The same by the clock that timers go by."""

    def set_real_ns(self, now_ns: int) -> None:
        """Let it be so late."""

    def tick(self) -> tuple[int, int]:
        """How fast the clocks go: microseconds a tick, and the fine adjustment."""

    def set_tick(self, tick_us: int, fine: int) -> None:
        """Let them go so fast."""


class Kernel:
    """The real ones."""

    def real_ns(self) -> int:
        return time.clock_gettime_ns(time.CLOCK_REALTIME)

    def raw_ns(self) -> int:
        return time.clock_gettime_ns(time.CLOCK_MONOTONIC_RAW)

    def timer_ns(self) -> int:
        return time.clock_gettime_ns(time.CLOCK_MONOTONIC)

    def set_real_ns(self, now_ns: int) -> None:
        time.clock_settime_ns(time.CLOCK_REALTIME, now_ns)

    def tick(self) -> tuple[int, int]:
        said = self._adjust(0)
        return said[_AT_TICK], said[_AT_FINE]

    def set_tick(self, tick_us: int, fine: int) -> None:
        self._adjust(_TICK | _FREQUENCY, tick_us, fine)

    def _adjust(self, modes: int, tick_us: int = 0, fine: int = 0) -> ctypes.Array[ctypes.c_long]:
        timex = (ctypes.c_long * 64)()  # more than any kernel's
        timex[0], timex[_AT_FINE], timex[_AT_TICK] = modes, fine, tick_us
        if ctypes.CDLL(None, use_errno=True).adjtimex(timex) < 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))
        return timex


def rate_of(tick_us: int, fine: int) -> float:
    """How fast a clock goes with these."""
    return tick_us / TICK_US + fine / _UNIT


def tick_for(rate: float) -> tuple[int, int]:
    """The tick and the fine adjustment with which it goes so fast, or as near as it can."""
    rate = min(max(rate, 1 - MOST), 1 + MOST)
    tick_us = round(rate * TICK_US)
    return tick_us, round((rate - tick_us / TICK_US) * _UNIT)


class Clock:
    """The host's, as it was found, and as it is to be."""

    def __init__(self, clocks: Clocks, found: dict[str, Any] | None = None) -> None:
        self._clocks = clocks
        if found is None:
            tick, fine = clocks.tick()
            found = {"tick": tick, "fine": fine, **self._now(), "offset_ms": 0, "rate": 1.0}
            found |= {"since": found["raw"], "turn": 0}
        self.found = found

    def _now(self) -> dict[str, int]:
        # Between two looks at the one clock the other one is looked at: the narrowest counts.
        looks = []
        for _ in range(5):
            before = self._clocks.raw_ns()
            real = self._clocks.real_ns()
            after = self._clocks.raw_ns()
            looks.append((after - before, {"real": real, "raw": (before + after) // 2}))
        return min(looks, key=lambda one: one[0])[1]

    def true_ns(self, raw_ns: int) -> int:
        """What it would be if nobody had touched it."""
        own = rate_of(self.found["tick"], self.found["fine"])
        real: int = self.found["real"]
        return real + int((raw_ns - self.found["raw"]) * own)

    def wanted_ns(self, raw_ns: int) -> int:
        """What it is to be."""
        gone = (raw_ns - self.found["since"]) * (self.found["rate"] - 1)
        offset_ms: int = self.found["offset_ms"]
        return self.true_ns(raw_ns) + offset_ms * 1_000_000 + int(gone)

    @property
    def by_steps(self) -> bool:
        """Whether the kernel alone cannot make it go so fast."""
        rate: float = self.found["rate"]
        return abs(rate - 1) > MOST + 1e-9

    def let_be(self, offset_ms: int, rate: float) -> None:
        """Let it be so wrong, and go so fast, from now on."""
        found = self.found
        if (offset_ms, rate) != (found["offset_ms"], found["rate"]):
            # What a rate has added is over with it: a skew says what is so, not what was.
            found |= {"offset_ms": offset_ms, "rate": rate, "since": self._clocks.raw_ns()}
            found["turn"] += 1
        own = rate_of(found["tick"], found["fine"])
        self._clocks.set_tick(*tick_for(own * rate))
        self.step()

    def step(self) -> None:
        """Set it."""
        self._be(self.wanted_ns)

    def _be(self, should_ns: Callable[[int], int]) -> None:
        # Whoever is interrupted before it is set sets it to what it should have been by then.
        for _ in range(_TRIES):
            raw_ns = self._clocks.raw_ns()
            self._clocks.set_real_ns(should_ns(raw_ns))
            if self._clocks.raw_ns() - raw_ns < _SOON_NS:
                break

    def put_back(self) -> None:
        """Let it be what it would be if nobody had touched it."""
        self._clocks.set_tick(self.found["tick"], self.found["fine"])
        self._be(self.true_ns)

    def wrong_ms(self) -> float:
        """By how much it is wrong now."""
        now = self._now()
        return (now["real"] - self.true_ns(now["raw"])) / 1e6


def _boot() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


@contextmanager
def _locked() -> Iterator[None]:
    with _LOCK.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _read() -> dict[str, Any] | None:
    """What is written down; of another boot it means nothing."""
    try:
        found: dict[str, Any] = json.loads(_STATE.read_text())
    except (OSError, ValueError):
        return None
    return found if found.get("boot") == _boot() else None


def _write(found: dict[str, Any]) -> None:
    fresh = _STATE.with_suffix(".new")
    with fresh.open("w") as file:
        file.write(json.dumps({**found, "boot": _boot()}))
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(_STATE)


def _set(offset_ms: int, rate: float) -> None:
    with _locked():
        clock = Clock(Kernel(), _read())
        turn = clock.found["turn"]
        _write(clock.found)  # what it was, before it is touched
        clock.let_be(offset_ms, rate)
        _write(clock.found)
    if clock.by_steps and clock.found["turn"] != turn:
        _go_on(clock.found["turn"])


def _go_on(turn: int) -> None:
    """Set it again and again, in a process of its own."""
    if os.fork():
        return
    os.setsid()
    silent = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(silent, stream)
    while True:
        with _locked():
            found = _read()
            if found is None or found["turn"] != turn or not _LEASE.exists():
                os._exit(0)
            Clock(Kernel(), found).step()
        time.sleep(_STEP_S)


def _reset() -> None:
    with _locked():
        found = _read()
        if found is not None:
            Clock(Kernel(), found).put_back()
        _STATE.unlink(missing_ok=True)


def _tell() -> None:
    kernel = Kernel()
    clock = Clock(kernel, _read())
    wrong_ms, since = clock.wrong_ms(), (kernel.real_ns(), kernel.timer_ns(), kernel.raw_ns())
    time.sleep(_LOOK_S)
    until = (kernel.real_ns(), kernel.timer_ns(), kernel.raw_ns())
    wall, timers, raw = (b - a for a, b in zip(since, until, strict=True))
    own = rate_of(clock.found["tick"], clock.found["fine"])
    sys.stdout.write(
        f"wrong_ms={wrong_ms:.3f}\nwall={wall / raw / own:.5f}\ntimers={timers / raw / own:.5f}\n"
    )


def main(*words: str) -> int:
    """Do what is asked for."""
    match words:
        case ("set", offset_ms, rate, theirs):
            if theirs == _boot():
                sys.stderr.write("this is the controller's kernel\n")
                return 3
            _set(int(offset_ms), float(rate))
        case ("tell",):
            _tell()
        case ("reset",):
            _reset()
        case _:
            sys.stderr.write(f"{__doc__}\n")
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
