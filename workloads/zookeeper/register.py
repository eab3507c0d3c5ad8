"""How are registers read and written on a ZooKeeper-like service?

A key is a node, absent until it is first written. A compare-and-set is a write of the version that
the expected value was told with: since no value is written twice, a register holds the value if
and only if its node has that version.
"""

from __future__ import annotations

from typing import Any, Final

from checker.models.register import MISMATCH, Cas, Read, Write
from checker.models.zookeeper import LocalRead
from checker.outcome import DONE
from workloads.register import OrderedRead
from workloads.session import NotDone, Refusal, Reply, ZooKeeperSession
from workloads.workload import Answer, Ask
from workloads.zookeeper.nodes import ROOT, make

FOLDER: Final = f"{ROOT}/register"


class RegistersOnZooKeeper:
    """Remembers which version each value came with."""

    def __init__(self) -> None:
        self._versions: dict[tuple[str, object], int] = {}

    async def prepare(self, session: ZooKeeperSession) -> None:
        """The folder of all registers."""
        await make(session, FOLDER)

    async def perform(self, session: ZooKeeperSession, ask: Ask) -> Answer:
        """One read, write or compare-and-set."""
        path = f"{FOLDER}/{ask.key}"
        match ask.call:
            case LocalRead() if not isinstance(ask.call, OrderedRead):
                return await self._read(session, path, ask.key)
            case Read():
                return await self._read(session, path, ask.key, synced=True)
            case Write(value):
                return await self._write(session, path, ask.key, value)
            case Cas(old, new):
                return await self._cas(session, path, ask.key, old, new)
            case _:
                raise AssertionError(f"a register has no call {ask.call!r}")

    async def _read(
        self, session: ZooKeeperSession, path: str, key: str, *, synced: bool = False
    ) -> Answer:
        try:
            reply = await session.get(path, synced=synced)
        except Refusal as refusal:
            if refusal.code == "no-node":
                return Answer(result=None, zxid=refusal.zxid)
            raise
        value = int(reply.data)
        return self._told(reply, key, value, result=value)

    async def _write(self, session: ZooKeeperSession, path: str, key: str, value: Any) -> Answer:
        data = b"%d" % value
        for _ in range(2):  # it may be made by another between our two requests, and stays then
            try:
                return self._told(await session.set(path, data), key, value, result=DONE)
            except Refusal as refusal:
                if refusal.code != "no-node":
                    raise
            try:
                return self._told(await session.create(path, data), key, value, result=DONE)
            except Refusal as refusal:
                if refusal.code != "node-exists":
                    raise
        raise NotDone("the node was there for one request and gone for the next")

    async def _cas(
        self, session: ZooKeeperSession, path: str, key: str, old: Any, new: Any
    ) -> Answer:
        version = self._versions.get((key, old))
        if version is None:
            raise NotDone("nobody was told the version of the expected value")
        try:
            reply = await session.set(path, b"%d" % new, version)
        except Refusal as refusal:
            if refusal.code in ("bad-version", "no-node"):
                return Answer(result=MISMATCH, zxid=refusal.zxid)
            raise
        return self._told(reply, key, new, result=DONE)

    def _told(self, reply: Reply, key: str, value: Any, *, result: object) -> Answer:
        stat = reply.stat
        if stat is None:
            return Answer(result=result, zxid=reply.zxid)
        self._versions[key, value] = stat.version
        return Answer(result=result, zxid=reply.zxid, version=stat.version, mzxid=stat.mzxid)
