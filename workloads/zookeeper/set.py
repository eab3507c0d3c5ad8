"""How are sets kept on a ZooKeeper-like service? A member is a child of the set's node."""

from __future__ import annotations

from typing import Final

from checker.models.set import Add, ListAll
from checker.outcome import DONE, Refused
from workloads.listing import ListLocally, ListOrdered
from workloads.session import Refusal, Reply, ZooKeeperSession
from workloads.workload import Answer, Ask
from workloads.zookeeper.nodes import ROOT, make

FOLDER: Final = f"{ROOT}/set"


class SetsOnZooKeeper:
    """A set's node is made when something is first added to it."""

    async def prepare(self, session: ZooKeeperSession) -> None:
        """The folder of all sets."""
        await make(session, FOLDER)

    async def perform(self, session: ZooKeeperSession, ask: Ask) -> Answer:
        """One addition or listing."""
        path = f"{FOLDER}/{ask.key}"
        match ask.call:
            case Add(value):
                return await self._add(session, path, f"{path}/{value}")
            case ListAll():
                locally = isinstance(ask.call, ListLocally)
                synced = isinstance(ask.call, ListOrdered) or not locally
                return await self._list(session, path, synced=synced)
            case _:
                raise AssertionError(f"a set has no call {ask.call!r}")

    async def _add(self, session: ZooKeeperSession, parent: str, path: str) -> Answer:
        try:
            try:
                reply = await session.create(path, b"")
            except Refusal as refusal:
                if refusal.code != "no-node":
                    raise
                await make(session, parent)  # an empty set is as good as none
                reply = await session.create(path, b"")
        except Refusal as refusal:
            if refusal.code == "node-exists":
                return Answer(result=Refused(refusal.code), zxid=refusal.zxid)
            raise
        mzxid = reply.stat.czxid if reply.stat else None
        return Answer(result=DONE, zxid=reply.zxid, mzxid=mzxid)

    async def _list(self, session: ZooKeeperSession, path: str, *, synced: bool) -> Answer:
        try:
            reply: Reply = await session.children(path, synced=synced)
        except Refusal as refusal:
            if refusal.code == "no-node":
                return Answer(result=(), zxid=refusal.zxid)
            raise
        members = tuple(sorted(int(name) for name in reply.names))
        stat = reply.stat
        if stat is None:
            return Answer(result=members, zxid=reply.zxid)
        return Answer(result=members, zxid=reply.zxid, version=stat.cversion, mzxid=stat.pzxid)
