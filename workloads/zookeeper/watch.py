"""How are nodes watched on a ZooKeeper-like service?"""

from __future__ import annotations

from typing import Final

from workloads.roaming import RoamingSession
from workloads.session import InDoubt, NotDone, Refusal, Reply
from workloads.watch import KEYS, Go, Read, Stay, Told, Watch, Write
from workloads.workload import Answer, Ask
from workloads.zookeeper.nodes import ROOT, make

FOLDER: Final = f"{ROOT}/watch"


class WatchesOnZooKeeper:
    """All nodes are there from the beginning."""

    async def prepare(self, session: RoamingSession) -> None:
        """Every node."""
        for key in KEYS:
            await make(session, f"{FOLDER}/{key}")

    async def perform(self, session: RoamingSession, ask: Ask) -> Answer:
        """One call, and what had come before its answer."""
        reply = await self._ask(session, f"{FOLDER}/{ask.key}", ask)
        heard = tuple((one.path.removeprefix(f"{FOLDER}/"), one.zxid) for one in session.events())
        if reply.stat is None:
            return Answer(result=Told(None, heard), zxid=reply.zxid)
        told = Told(reply.stat.version, heard)
        version, mzxid = reply.stat.version, reply.stat.mzxid
        return Answer(result=told, zxid=reply.zxid, version=version, mzxid=mzxid)

    async def _ask(self, session: RoamingSession, path: str, ask: Ask) -> Reply:
        match ask.call:
            case Read():
                return await session.get(path, synced=True)
            case Watch():
                return await session.watch(path)
            case Stay():
                return await session.watch_always(path)
            case Write():
                return await session.set(path, b"")
            case Go():
                servers = session.servers
                if len(servers) < 2:
                    raise NotDone("there is no other server")
                await session.move(servers[(servers.index(session.node) + 1) % len(servers)])
                try:
                    return await session.get(path)
                except (NotDone, Refusal) as failure:
                    raise InDoubt(f"it has moved, and then: {failure}") from None
            case _:
                raise AssertionError(f"a watch has no call {ask.call!r}")
