"""What time is it for this node?

A node's clock is the machine's unless a clock file says otherwise: a JSON object whose `offset_ms`
moves wall time, and whose `rate` makes both times flow faster or slower from the moment on at which
the node sees the change. So one node's clock can be wrong while its neighbours' on the same machine
are right. Time that timers use never goes back, whatever the file says.
"""

from __future__ import annotations

import json
import math
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from target_node.server.events import Now

LOOK_NS: Final = 50_000_000  # between two looks at the file
_MOST_RATE: Final = 1000.0

Tell = Callable[[str], None]


class Clock:
    """Reads `monotonic_ns` and `wall_ns`, and bends them as the file says."""

    def __init__(
        self,
        file: Path | None = None,
        *,
        tell: Tell = lambda problem: None,
        monotonic_ns: Callable[[], int] = time.monotonic_ns,
        wall_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self._file = file
        self._tell = tell
        self._monotonic_ns = monotonic_ns
        self._wall_ns = wall_ns
        # Ours was `_since_ours` at the machine's `_since_raw`, and has flowed at `_rate` since.
        self._since_raw = self._since_ours = monotonic_ns()
        self._rate = 1.0
        self._offset_ns = 0
        self._ahead_ns = 0  # of the machine's, because of rates; as of `_since_raw`
        self._look_at = self._since_raw
        self._seen: tuple[int, int, int] | None = None
        self._complained = False

    def now(self) -> Now:
        """The time of timers, and the time of day."""
        raw = self._monotonic_ns()
        if self._file is not None and raw >= self._look_at:
            self._look(raw)
        ours = self._ours(raw)
        ahead = self._ahead_ns + (ours - self._since_ours) - (raw - self._since_raw)
        wall = self._wall_ns() + ahead + self._offset_ns
        return Now(ours // 1_000_000, wall // 1_000_000)

    def seconds_until(self, ms: int) -> float:
        """How long to really sleep before asking again whether it is that late; 0: it is.

        With a clock file no longer than until the next look at it, which may change the answer.
        """
        raw = self._monotonic_ns()
        missing = ms * 1_000_000 - self._ours(raw)
        if missing <= 0:
            return 0.0
        longest = math.inf if self._file is None else LOOK_NS / 1e9
        return min(missing / self._rate / 1e9, longest) if self._rate else longest

    def _ours(self, raw: int) -> int:
        flowed = raw - self._since_raw
        return self._since_ours + (flowed if self._rate == 1.0 else int(flowed * self._rate))

    def _look(self, raw: int) -> None:
        self._look_at = raw + LOOK_NS
        assert self._file is not None
        try:
            status = os.stat(self._file)
            mark = (status.st_mtime_ns, status.st_ino, status.st_size)
            if mark == self._seen:
                return
            offset_ms, rate = _read(self._file)
        except (OSError, ValueError) as problem:
            # A node does not stop for its clock file: the clock goes on as it went.
            self._seen = None
            if not self._complained:
                self._complained = True
                self._tell(f"{self._file}: {problem}")
            return
        self._seen = mark
        self._complained = False
        ours = self._ours(raw)
        self._ahead_ns += (ours - self._since_ours) - (raw - self._since_raw)
        self._since_raw, self._since_ours = raw, ours
        self._offset_ns = offset_ms * 1_000_000
        self._rate = rate


def _read(file: Path) -> tuple[int, float]:
    said = json.loads(file.read_bytes())
    if not isinstance(said, dict) or not said.keys() <= {"offset_ms", "rate"}:
        raise ValueError('not {"offset_ms": 0, "rate": 1.0}')
    offset_ms, rate = said.get("offset_ms", 0), said.get("rate", 1.0)
    if type(offset_ms) is not int:
        raise ValueError(f"offset_ms is {offset_ms!r}, not a whole number")
    if type(rate) not in (int, float) or not 0 <= rate <= _MOST_RATE:
        raise ValueError(f"rate is {rate!r}, not a number from 0 to {_MOST_RATE:g}")
    return offset_ms, float(rate)
