"""How many calls ended in each of the last seconds?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

SECOND: Final = 1_000_000_000


class Rates:
    """A ring of so many seconds. Time never goes back."""

    def __init__(self, seconds: int) -> None:
        self._ring = [0] * seconds
        self._newest = 0

    def ended(self, now_ns: int) -> None:
        """One more has ended now."""
        self._advance(now_ns // SECOND)
        self._ring[self._newest % len(self._ring)] += 1

    def before(self, now_ns: int) -> Sequence[int]:
        """The whole seconds before this moment, the last one last."""
        ring, newest, now = self._ring.copy(), self._newest, now_ns // SECOND
        return [
            ring[second % len(ring)] if second <= newest else 0
            for second in range(max(now - len(ring) + 1, 0), now)
        ]

    def _advance(self, second: int) -> None:
        """In seconds that were passed over nothing ended."""
        size = len(self._ring)
        for empty in range(max(self._newest + 1, second - size + 1), second + 1):
            self._ring[empty % size] = 0
        self._newest = max(self._newest, second)
