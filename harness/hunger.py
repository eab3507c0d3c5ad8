"""Do clients get so few answers under all these faults that the run would show nothing?

Whoever waits for answers to one kind of call for long is given a rest from all faults, until some
were answered again. A run in which hardly anything can be done says nothing of the service.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Final

from harness.client import Shared
from harness.gates import answered

PHASE: Final = "faults"
STARVED_S: Final = 10.0  # without an answer to any call of a kind
REST_S: Final = 10.0  # at the most
_LOOK_S: Final = 0.5


class Hunger:
    """That of all clients; `enough` is how many calls of each kind the run must see answered."""

    def __init__(self, shared: Shared, enough: int) -> None:
        self._shared = shared
        self._enough = enough

    async def needed(self) -> None:
        """Return when they starve, and have not had enough yet."""
        loop = asyncio.get_running_loop()
        kinds = self._shared.workload.kinds
        fed_at = dict.fromkeys(kinds, loop.time())
        before = self._answered(kinds)
        while True:
            await asyncio.sleep(_LOOK_S)
            now = self._answered(kinds)
            for kind in kinds:
                if now[kind] > before[kind] or now[kind] >= self._enough:
                    fed_at[kind] = loop.time()
            before = now
            if any(loop.time() - at >= STARVED_S for at in fed_at.values()):
                return

    async def over(self) -> None:
        """Return when some of each kind were answered again, or after a while."""
        loop = asyncio.get_running_loop()
        until = loop.time() + REST_S
        kinds = self._shared.workload.kinds
        first = self._answered(kinds)
        some = max(1, self._enough // 2)
        while loop.time() < until:
            now = self._answered(kinds)
            if all(now[kind] - first[kind] >= some for kind in kinds):
                return
            await asyncio.sleep(_LOOK_S)

    def _answered(self, kinds: Sequence[str]) -> Mapping[str, int]:
        return answered(kinds, self._shared.counts.get(PHASE, {}))
