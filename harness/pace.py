"""How fast do all clients together go?"""

from __future__ import annotations

import asyncio


class Pace:
    """So many calls a second in all, evenly; with a rate of 0, as many as there are.

    Whoever waits here is let go at once when it is time to stop.
    """

    def __init__(self, rate: float, stop: asyncio.Event) -> None:
        self._every_s = 1 / rate if rate > 0 else 0.0
        self._stop = stop
        self._loop = asyncio.get_running_loop()
        self._next = 0.0

    async def turn(self) -> None:
        """Wait until it is our turn to make a call. Turns that nobody took are lost."""
        if not self._every_s:
            return
        now = self._loop.time()
        mine = max(now, self._next)
        self._next = mine + self._every_s
        if mine > now:
            await self.rest(mine - now)

    async def rest(self, seconds: float) -> None:
        """Wait, unless it is time to stop."""
        try:
            async with asyncio.timeout(seconds):
                await self._stop.wait()
        except TimeoutError:
            pass
