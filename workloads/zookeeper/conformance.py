"""How is a ZooKeeper-like service asked for what it must refuse?"""

from __future__ import annotations

from typing import Final

from checker.outcome import DONE
from workloads.conformance import NO_AUTH, UNIMPLEMENTED, CheckAlone, Hidden, Open
from workloads.roaming import RoamingSession
from workloads.session import ANY_VERSION, NotDone, Refusal, Reply
from workloads.workload import Answer, Ask
from workloads.zookeeper.nodes import ROOT, make

OPEN: Final = f"{ROOT}/conformance"
HIDDEN: Final = f"{OPEN}/hidden"


class RulesOnZooKeeper:
    """Two nodes: all may read one, and nobody the other."""

    async def prepare(self, session: RoamingSession) -> None:
        """Both."""
        await make(session, OPEN)
        try:
            await session.create_hidden(HIDDEN)
        except Refusal as refusal:
            if refusal.code != "node-exists":
                raise

    async def perform(self, session: RoamingSession, ask: Ask) -> Answer:
        """One request."""
        try:
            reply = await self._ask(session, ask)
        except Refusal as refusal:
            if refusal.code == NO_AUTH.code:
                return Answer(result=NO_AUTH, zxid=refusal.zxid)
            raise
        except NotDone as failure:
            if failure.reason == UNIMPLEMENTED.code:
                return Answer(result=UNIMPLEMENTED)
            raise
        return Answer(result=DONE, zxid=reply.zxid)

    async def _ask(self, session: RoamingSession, ask: Ask) -> Reply:
        match ask.call:
            case Open():
                return await session.get(OPEN, synced=True)
            case Hidden("exists"):
                return await session.exists(HIDDEN)
            case Hidden("get"):
                return await session.get(HIDDEN)
            case Hidden():
                return await session.children(HIDDEN)
            case CheckAlone():
                return await session.check(OPEN, ANY_VERSION)
            case _:
                raise AssertionError(f"there is no call {ask.call!r}")
