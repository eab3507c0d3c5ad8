"""How are sequential nodes made and deleted on a ZooKeeper-like service?"""

from __future__ import annotations

from typing import Final

from checker.outcome import DONE, Refused
from workloads.sequence import GONE, TAKEN, Make, Remove
from workloads.session import Refusal, Reply, ZooKeeperSession
from workloads.workload import Answer, Ask
from workloads.zookeeper.nodes import ROOT, make

FOLDER: Final = f"{ROOT}/sequence"


class SequencesOnZooKeeper:
    """A parent is made when it is first spoken of."""

    async def prepare(self, session: ZooKeeperSession) -> None:
        """The folder of all parents."""
        await make(session, FOLDER)

    async def perform(self, session: ZooKeeperSession, ask: Ask) -> Answer:
        """One node more, or less."""
        prefix = f"{FOLDER}/{ask.key}/n-"
        try:
            match ask.call:
                case Make():
                    made = await self._make(session, f"{FOLDER}/{ask.key}", prefix)
                    number = int(made.path.removeprefix(prefix))
                    mzxid = made.stat.czxid if made.stat else None
                    return Answer(result=number, zxid=made.zxid, mzxid=mzxid)
                case Remove(number):
                    gone = await session.delete(f"{prefix}{number:010d}")
                    return Answer(result=DONE, zxid=gone.zxid)
                case _:
                    raise AssertionError(f"a sequence has no call {ask.call!r}")
        except Refusal as refusal:
            if refusal.code in (GONE.code, TAKEN.code):
                return Answer(result=Refused(refusal.code), zxid=refusal.zxid)
            raise

    async def _make(self, session: ZooKeeperSession, parent: str, prefix: str) -> Reply:
        try:
            return await session.create(prefix, b"", sequential=True)
        except Refusal as refusal:
            if refusal.code != GONE.code:
                raise
            await make(session, parent)
            return await session.create(prefix, b"", sequential=True)
