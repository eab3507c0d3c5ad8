"""How does a session show that it lives, on a ZooKeeper-like service?"""

from __future__ import annotations

from typing import Final

from checker.outcome import DONE
from workloads.lives import (
    LOST,
    Begin,
    Go,
    Leave,
    Look,
    Put,
    Twice,
    late_name_of,
    name_of,
)
from workloads.roaming import Close, Get, RoamingSession
from workloads.session import Create, InDoubt, NotDone, Refusal, Reply, SetData
from workloads.workload import Answer, Ask
from workloads.zookeeper.nodes import ROOT, make

FOLDER: Final = f"{ROOT}/session"


class SessionsOnZooKeeper:
    """Remembers of which version each session's own node is."""

    def __init__(self) -> None:
        self._versions: dict[int, int] = {}

    async def prepare(self, session: RoamingSession) -> None:
        """The folder of all nodes."""
        await make(session, FOLDER)

    async def perform(self, session: RoamingSession, ask: Ask) -> Answer:
        """One call of a session about itself, or a look at all of them."""
        own = f"{FOLDER}/{name_of(session.session_id)}"
        try:
            match ask.call:
                case Begin():
                    made = await session.create(own, b"0", ephemeral=True)
                    mzxid = made.stat.czxid if made.stat else None
                    self._versions[session.session_id] = 0
                    return Answer(result=session.timeout_ms, zxid=made.zxid, mzxid=mzxid)
                case Put(value):
                    wrote, read = await session.together((SetData(own, b"%d" % value), Get(own)))
                    self._remember(session, _sure(wrote))
                    return Answer(result=int(_sure(read).data), zxid=_sure(read).zxid)
                case Twice(value):
                    return await self._twice(session, own, value)
                case Go(value):
                    return await self._go(session, own, value)
                case Look():
                    seen = await session.children(FOLDER, synced=True)
                    return Answer(result=tuple(sorted(seen.names)), zxid=seen.zxid)
                case Leave():
                    late = f"{FOLDER}/{late_name_of(session.session_id)}"
                    ahead = (Create(late, b"", ephemeral=True), Close())
                    made_late, closed = await session.together(ahead)
                    _sure(made_late)
                    return Answer(result=DONE, zxid=_sure(closed).zxid)
                case _:
                    raise AssertionError(f"a session has no call {ask.call!r}")
        except Refusal as refusal:
            if refusal.code == "no-node":
                return Answer(result=LOST, zxid=refusal.zxid)
            raise

    async def _twice(self, session: RoamingSession, own: str, value: int) -> Answer:
        version = self._versions[session.session_id]
        writes = [SetData(own, b"%d" % one, version) for one in (value, value + 1)]
        *wrote, read = await session.together((*writes, Get(own)))
        for one in wrote:
            if isinstance(one, Refusal) and one.code != "bad-version":
                raise one
            if isinstance(one, Reply):
                self._remember(session, one)
        done = [isinstance(one, Reply) for one in wrote]
        return Answer(result=(*done, int(_sure(read).data)), zxid=_sure(read).zxid)

    async def _go(self, session: RoamingSession, own: str, value: int) -> Answer:
        servers = session.servers
        if len(servers) < 2:
            raise NotDone("there is no other server")
        await session.move(servers[(servers.index(session.node) + 1) % len(servers)])
        before = await session.get(own)
        # Only a leader that a quorum follows does this; so it knows where the session is now.
        self._remember(session, await session.set(own, b"%d" % value))
        await session.haunt(SetData(own, b"%d" % (value + 1)))
        try:
            after = await session.get(own, synced=True)
        except NotDone as failure:
            raise InDoubt(f"it was written, and then: {failure.reason}") from None
        return Answer(result=(int(before.data), int(after.data)), zxid=after.zxid)

    def _remember(self, session: RoamingSession, wrote: Reply) -> None:
        if wrote.stat is not None:
            self._versions[session.session_id] = wrote.stat.version


def _sure(one: Reply | Refusal) -> Reply:
    if isinstance(one, Refusal):
        raise one
    return one
