"""Does whoever waits for a lock give up before its client does?"""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

from harness.plan import Plan
from harness.sim.loop import run as simulate
from workloads.lock import HELD, Acquire
from workloads.workload import Ask
from workloads.zookeeper.lock import LocksOnZooKeeper

SLOW_S = 0.15  # for every answer


class Crowded:
    """A session whose node is never the first in the queue."""

    session_id = 1

    def __init__(self) -> None:
        self.deleted: list[str] = []

    async def create(self, path: str, *_: Any, **__: Any) -> Any:
        await asyncio.sleep(SLOW_S)
        return SimpleNamespace(path=f"{path}0000000007", stat=None)

    async def children(self, path: str) -> Any:
        await asyncio.sleep(SLOW_S)
        return SimpleNamespace(names=("n-0000000003", "n-0000000007"), zxid=9, stat=None)

    async def delete(self, path: str) -> Any:
        await asyncio.sleep(SLOW_S)
        self.deleted.append(path)
        return SimpleNamespace(zxid=10)


def test_who_waits_in_vain_leaves_nothing_in_the_queue() -> None:
    async def main() -> float:
        loop = asyncio.get_running_loop()
        began = loop.time()
        session: Any = Crowded()
        answer = await LocksOnZooKeeper().perform(session, Ask("l0", Acquire()))
        assert answer.result == HELD
        assert len(session.deleted) == 1
        return loop.time() - began

    shortest_s = min(Plan().patience_s(place, 1) for place in range(2))
    assert simulate(main()) < shortest_s
