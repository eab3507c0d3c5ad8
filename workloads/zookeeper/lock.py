"""How is a lock had on a ZooKeeper-like service? The smallest ephemeral node holds it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Final

from workloads.lock import HELD, LOST, Acquire, Held, Release, Use
from workloads.session import (
    Check,
    Delete,
    InDoubt,
    NotDone,
    Refusal,
    SetData,
    Step,
    ZooKeeperSession,
)
from workloads.workload import Answer, Ask
from workloads.zookeeper.nodes import ROOT, make

FOLDER: Final = f"{ROOT}/lock"
# For a lock, which is well below what any client waits for an answer: who is left in doubt leaves a
# node in the queue until its session is over, and if many did, nobody would ever be the first.
WAIT_S: Final = 0.6
PAUSE_S: Final = 0.05  # between two looks at the queue


@dataclass(frozen=True, slots=True)
class _Ticket:
    """The node by which a session holds a lock."""

    path: str
    held: Held


class LocksOnZooKeeper:
    """Remembers by which node each session holds each lock."""

    def __init__(self) -> None:
        self._tickets: dict[tuple[int, str], _Ticket] = {}

    async def prepare(self, session: ZooKeeperSession) -> None:
        """The folder of all locks."""
        await make(session, FOLDER)

    async def perform(self, session: ZooKeeperSession, ask: Ask) -> Answer:
        """One acquisition, use or release."""
        match ask.call:
            case Acquire():
                return await self._acquire(session, ask.key)
            case Use():
                return await self._guarded(session, ask.key, releases=False)
            case Release():
                return await self._guarded(session, ask.key, releases=True)
            case _:
                raise AssertionError(f"a lock has no call {ask.call!r}")

    async def _acquire(self, session: ZooKeeperSession, key: str) -> Answer:
        queue = f"{FOLDER}/{key}/queue"
        loop = asyncio.get_running_loop()
        until = loop.time() + WAIT_S
        path, held = await self._line_up(session, key, queue)
        try:
            while True:
                seen = await session.children(queue)
                numbers = [_number(name) for name in seen.names]
                if held.number not in numbers:
                    return Answer(result=LOST, zxid=seen.zxid)
                if held.number == min(numbers):
                    self._tickets[session.session_id, key] = _Ticket(path, held)
                    holds_from = seen.stat.pzxid if seen.stat else None
                    return Answer(result=held, zxid=seen.zxid, mzxid=holds_from)
                if loop.time() >= until:
                    break
                await asyncio.sleep(PAUSE_S)
            away = await session.delete(path)
        except NotDone as failure:
            raise InDoubt(f"the node is in the queue, and then: {failure.reason}") from None
        except Refusal as refusal:
            if refusal.code == "no-node":
                return Answer(result=LOST, zxid=refusal.zxid)
            raise InDoubt(f"the node is in the queue, and then: {refusal.code}") from None
        return Answer(result=HELD, zxid=away.zxid)

    async def _line_up(self, session: ZooKeeperSession, key: str, queue: str) -> tuple[str, Held]:
        try:
            made = await session.create(f"{queue}/n-", b"", ephemeral=True, sequential=True)
        except Refusal as refusal:
            if refusal.code != "no-node":
                raise
            await make(session, _resource(key))
            await make(session, queue)
            made = await session.create(f"{queue}/n-", b"", ephemeral=True, sequential=True)
        return made.path, Held(_number(made.path), made.stat.czxid if made.stat else 0)

    async def _guarded(self, session: ZooKeeperSession, key: str, *, releases: bool) -> Answer:
        at = (session.session_id, key)
        ticket = self._tickets.pop(at, None) if releases else self._tickets.get(at)
        if ticket is None:
            raise NotDone("this session holds no such lock")
        first: Step = Delete(ticket.path) if releases else Check(ticket.path)
        token = b"%d" % ticket.held.number
        try:
            _, wrote = await session.multi((first, SetData(_resource(key), token)))
        except Refusal as refusal:
            if refusal.code == "no-node":
                return Answer(result=LOST, zxid=refusal.zxid)
            raise
        stat = wrote.stat
        if stat is None:
            return Answer(result=ticket.held)
        return Answer(
            result=ticket.held,
            zxid=wrote.zxid,
            version=stat.version,
            mzxid=stat.mzxid,
        )


def _resource(key: str) -> str:
    return f"{FOLDER}/{key}/resource"


def _number(name: str) -> int:
    return int(name.rsplit("-", 1)[1])
