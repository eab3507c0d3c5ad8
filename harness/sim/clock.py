"""What time is it for one node?

Its clock may be off, and go faster or slower than the world's. An offset moves only what it takes
for the date; a rate makes all its time flow otherwise from then on.
"""

from __future__ import annotations

from math import ceil
from typing import Final

from harness.sim.loop import MS
from target_node.server.events import Now

BEGINNING_MS: Final = 1_700_000_000_000  # the date on which every simulation begins


class SimClock:
    """Read at a moment of the world's time."""

    def __init__(self) -> None:
        self.offset_ms = 0
        self.rate = 1.0
        self._since_ns = 0
        self._ms_then = 0.0

    def now(self, now_ns: int) -> Now:
        """What it says now."""
        if self.rate == 1.0 and not self._since_ns:
            ms = now_ns // MS
        else:
            ms = int(self._ms_then + (now_ns - self._since_ns) * self.rate / MS)
        return Now(ms, BEGINNING_MS + ms + self.offset_ms)

    def when_ns(self, ms: int) -> int:
        """When it will say so."""
        if self.rate == 1.0 and not self._since_ns:
            return ms * MS
        return self._since_ns + ceil((ms - self._ms_then) * MS / self.rate)

    def set(self, now_ns: int, *, offset_ms: int, rate: float) -> None:
        """From now on."""
        self._ms_then += (now_ns - self._since_ns) * self.rate / MS
        self._since_ns = now_ns
        self.offset_ms, self.rate = offset_ms, rate
