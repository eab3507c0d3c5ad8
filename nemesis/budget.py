"""Whether a disk may be lost now: what is promised only as long as enough disks are whole?

A node that has lost its disk forgets what it acknowledged. What was committed with its vote is safe
only while enough others hold it, so that no majority with the forgetful one in it lacks it.

Rules of this file:
1. A disk is lost only when nothing else is active and all nodes have caught up; until the node has
   caught up again, nothing else is injected.
2. The node is started again only when all others have caught up without it: until then it could
   help to elect somebody who lacks what it has forgotten.
3. Who waits for the budget comes before all who ask for less after it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Final

from nemesis.fault import Node
from nemesis.surface import Surface

PATIENCE_S: Final = 60.0
_LOOK_S: Final = 0.2


class Budget:
    """Many may disturb at once; or one who needs all others to be whole."""

    def __init__(self) -> None:
        self._disturbing = 0
        self._alone = False
        self._waiting = 0
        self._changed = asyncio.Condition()

    @asynccontextmanager
    async def shared(self) -> AsyncIterator[None]:
        """While others may be active too."""
        async with self._changed:
            await self._changed.wait_for(lambda: not self._alone and not self._waiting)
            self._disturbing += 1
        try:
            yield
        finally:
            self._disturbing -= 1
            await self._tell()

    @asynccontextmanager
    async def alone(self) -> AsyncIterator[None]:
        """While nothing else is active."""
        self._waiting += 1
        try:
            async with self._changed:
                await self._changed.wait_for(lambda: not self._alone and not self._disturbing)
                self._alone = True
        finally:
            self._waiting -= 1
            await self._tell()
        try:
            yield
        finally:
            self._alone = False
            await self._tell()

    async def _tell(self) -> None:
        async with self._changed:
            self._changed.notify_all()


async def all_caught_up(surface: Surface, *, but: Sequence[Node] = ()) -> bool:
    """Wait until all have, except for these; whether they have before patience is at its end."""
    wanted = frozenset(surface.nodes) - frozenset(but)
    loop = asyncio.get_running_loop()
    until = loop.time() + PATIENCE_S
    while True:
        if wanted <= await surface.caught_up():
            return True
        if loop.time() >= until:
            return False
        await asyncio.sleep(_LOOK_S)
