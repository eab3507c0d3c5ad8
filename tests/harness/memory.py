"""A service of registers in memory, true or lying, and a cluster of it for the runner to break."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from checker.models.register import MISMATCH, Cas, Read
from checker.models.zookeeper import LocalRead
from checker.outcome import DONE
from harness.ends import OURS
from nemesis.fault import Crash, Fault, Pause
from nemesis.surface import Evidence
from workloads.session import InDoubt, NotDone
from workloads.workload import Answer, Ask


class Service:
    """One copy. `lies` are names of what it does wrong, now and then."""

    def __init__(self, nodes: int = 3, lies: Sequence[str] = (), delay_s: float = 0.001) -> None:
        self.nodes = [f"n{number}" for number in range(1, nodes + 1)]
        self.lies = lies
        self.delay_s = delay_s
        self.zxid = 0
        self.held: dict[str, tuple[Any, int, int]] = {}
        self.before: dict[str, tuple[Any, int, int]] = {}
        self.sessions = 0
        self.down: set[str] = set()
        self.paused: set[str] = set()
        self.chance = random.Random(1)

    async def awake(self, node: str) -> None:
        while node in self.paused:  # noqa: ASYNC110 (it need not be fast)
            await asyncio.sleep(0.01)

    def wrong(self, lie: str, one_in: int = 50) -> bool:
        return lie in self.lies and self.chance.randrange(one_in) == 0


class Session:
    """With one node."""

    kind = "memory"

    def __init__(self, service: Service, node: str) -> None:
        service.sessions += 1
        self.service = service
        self.node = node
        self.session_id = service.sessions
        self.alive = True

    async def close(self) -> None:
        self.alive = False

    def abandon(self) -> None:
        self.alive = False

    async def ask(self, key: str, call: Any) -> Answer:
        service = self.service
        await asyncio.sleep(service.delay_s)
        await service.awake(self.node)
        if self.node in service.down:
            self.alive = False
            raise InDoubt("the node went down")
        if service.wrong("crash"):
            raise KeyError("the adapter has a bug")
        if isinstance(call, Read):
            return self.read(key, local=isinstance(call, LocalRead))
        held = service.held.get(key, (None, -1, 0))
        if isinstance(call, Cas) and call.old != held[0]:
            return Answer(result=MISMATCH, zxid=service.zxid)
        answer = self.write(key, held, call.new if isinstance(call, Cas) else call.value)
        if service.wrong("doubt"):
            self.alive = False
            raise InDoubt("no answer")
        if service.wrong("lost answer", 200):
            await asyncio.sleep(60)
        return answer

    def read(self, key: str, *, local: bool) -> Answer:
        service = self.service
        stale = service.wrong("stale local read" if local else "stale read")
        value, version, mzxid = (service.before if stale else service.held).get(key, (None, -1, 0))
        if value is None:
            return Answer(result=None, zxid=service.zxid)
        return Answer(result=value, zxid=service.zxid, version=version, mzxid=mzxid)

    def write(self, key: str, held: tuple[Any, int, int], value: Any) -> Answer:
        service = self.service
        service.zxid += 1
        told = (value, held[1] + 1 + service.wrong("wrong version"), service.zxid)
        if not service.wrong("lost write"):
            service.before[key] = held
            service.held[key] = told
        return Answer(result=DONE, zxid=told[2], version=told[1], mzxid=told[2])


class RegistersInMemory:
    """The adapter that somebody with a system of their own would write."""

    async def prepare(self, session: Session) -> None:
        assert session.alive

    async def perform(self, session: Session, ask: Ask) -> Answer:
        return await session.ask(ask.key, ask.call)


class MemoryCluster:
    """Nodes that can be killed and paused, and where nothing is lost."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.active: tuple[Fault, ...] = ()
        self.applied: list[tuple[Fault, ...]] = []
        self.stopped = 0
        self.recovers = True
        self.differ = False
        self.refuses: set[str] = set()
        self.ended: dict[str, str] = {}
        self.ends = OURS

    @property
    def nodes(self) -> Sequence[str]:
        return self.service.nodes

    @property
    def supports(self) -> frozenset[type]:
        return frozenset({Crash, Pause})

    async def caught_up(self) -> frozenset[str]:
        return frozenset(self.nodes) - self.service.down

    async def roles(self) -> Mapping[str, str]:
        up = [node for node in self.nodes if node not in self.service.down]
        return {
            node: "" if node not in up else "leader" if node == up[0] else "follower"
            for node in self.nodes
        }

    async def apply(self, active: Sequence[Fault]) -> None:
        self.active = tuple(active)
        self.applied.append(self.active)
        self.service.down = {one.node for one in active if isinstance(one, Crash)}
        self.service.paused = {one.node for one in active if isinstance(one, Pause)}

    async def probe(self, fault: Fault, active: Sequence[Fault]) -> Evidence:
        return Evidence(fault in active, "it is so")

    async def deploy(self, directory: Path) -> None:
        pass

    async def connect(self, node: str, *, timeout_s: float) -> Session:
        await asyncio.sleep(0)
        if node in self.service.down or node in self.refuses:
            raise NotDone("connection refused")
        return Session(self.service, node)

    async def recovered(self, *, within_s: float) -> Mapping[str, str]:
        if not self.recovers:
            raise TimeoutError("nobody leads")
        return await self.roles()

    async def fingerprints(self) -> Mapping[str, str]:
        return {node: node if self.differ else "same" for node in self.nodes}

    def event_logs(self) -> Mapping[str, Sequence[Path]]:
        return {}

    async def stop(self) -> None:
        self.stopped += 1
