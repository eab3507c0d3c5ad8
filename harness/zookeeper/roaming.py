"""What can a session do besides: move to another server, hear of changes, ask ahead?

Rules of this file:
1. A session that has moved has left its old connection open. It is good for one thing: to see that
   what still comes over it has no effect.
2. Watches are set again with the first packet to another server, so that no reply of it overtakes
   the events of what was missed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Final

from harness.zookeeper.packets import Door, Writer, greeted, operation, reply
from harness.zookeeper.session import Session
from harness.zookeeper.watching import Watching
from target_node.wire.client import OPS, ReplyHeader, encode_request
from target_node.wire.codes import AddWatchMode, CreateMode, OpCode, Perms, Xid
from target_node.wire.connect import ConnectRequest, ConnectResponse
from target_node.wire.data import ACL, ANYONE
from target_node.wire.frames import frame
from target_node.wire.requests import (
    AddWatchRequest,
    CheckVersionRequest,
    CloseSessionRequest,
    Create2Request,
    ExistsRequest,
    GetChildren2Request,
    GetDataRequest,
)
from workloads.roaming import Ahead, Close, Event, Get
from workloads.session import InDoubt, NotDone, Refusal, Reply, complaint

GREETING_S: Final = 1.0  # that another server may take
HAUNT_S: Final = 0.3  # that a server may take over a connection that was left


class RoamingSession(Session):
    """A session that knows the ways to all servers."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: Writer,
        welcome: ConnectResponse,
        *,
        node: str,
        timeout_s: float,
        doors: Mapping[str, Door],
    ) -> None:
        super().__init__(reader, writer, welcome, node=node, timeout_s=timeout_s)
        self.timeout_ms = welcome.timeout_ms
        self._doors = doors
        self._left: tuple[asyncio.StreamReader, Writer] | None = None
        self._seen = 0  # the greatest zxid of a reply
        self._watching = Watching()

    @property
    def servers(self) -> Sequence[str]:
        """All that it could go to."""
        return list(self._doors)

    def events(self) -> Sequence[Event]:
        """What watches have told since this was last asked, up to the last reply."""
        return self._watching.taken()

    async def watch(self, path: str) -> Reply:
        """`get`, and a watch that tells of the next change."""
        told = await self._ask(OpCode.GET_DATA, GetDataRequest(path, watch=True))
        self._watching.data[path] = None
        return told

    async def watch_children(self, path: str) -> Reply:
        """`children`, and a watch that tells of the next one that comes or goes."""
        told = await self._ask(OpCode.GET_CHILDREN2, GetChildren2Request(path, watch=True))
        self._watching.children[path] = None
        return told

    async def watch_for(self, path: str) -> Reply:
        """`exists`, and a watch that tells of the next change, be it that the node is made."""
        try:
            told = await self._ask(OpCode.EXISTS, ExistsRequest(path, watch=True))
        except Refusal:
            self._watching.absent[path] = None
            raise
        self._watching.data[path] = None
        return told

    async def watch_always(self, path: str, *, below: bool = False) -> Reply:
        """A watch that tells of every change, also of nodes below, if that is wished for."""
        mode = AddWatchMode.PERSISTENT_RECURSIVE if below else AddWatchMode.PERSISTENT
        told = await self._ask(OpCode.ADD_WATCH, AddWatchRequest(path, mode))
        (self._watching.recursive if below else self._watching.persistent)[path] = None
        return told

    async def create_hidden(self, path: str) -> Reply:
        """Make a node that anybody may do anything with, but read."""
        acl = (ACL(Perms.ALL & ~Perms.READ, ANYONE),)
        request = Create2Request(path, b"", acl, CreateMode.PERSISTENT)
        return await self._ask(OpCode.CREATE2, request)

    async def check(self, path: str, version: int) -> Reply:
        """A check that is no part of a multi, which no server should take."""
        return await self._ask(OpCode.CHECK, CheckVersionRequest(path, version))

    async def together(self, asked: Sequence[Ahead]) -> Sequence[Reply | Refusal]:
        """Send all of these before any is answered; a reply each, or why it was refused."""
        requests = [_request(one) for one in asked]
        answers = await self._converse([(OPS[type(one)], one) for one in requests])
        told: list[Reply | Refusal] = []
        for header, response in answers:
            problem = complaint(header.err, header.zxid) if header.err else None
            if problem is None:
                told.append(reply(header.zxid, response))
            elif isinstance(problem, Refusal):
                told.append(problem)
            else:
                self.abandon()
                raise InDoubt(problem.reason)
        if any(isinstance(one, Close) for one in asked):
            self.abandon()
        return told

    async def move(self, node: str) -> None:
        """Go on at this server. `NotDone` where that cannot be; the session may be over then."""
        if not self.alive:
            raise NotDone("the connection is gone")
        hello = self._hello(self._seen)
        reader, writer, welcome = await greeted(self._doors[node], hello, GREETING_S)
        if welcome.timeout_ms <= 0:
            writer.close()
            self.abandon()
            raise NotDone("the session is gone")
        self._forget_left()
        self._left = self._reader, self._writer
        self._reader, self._writer, self.node = reader, writer, node
        if (again := self._watching.again(self._seen)) is not None:
            self._writer.write(frame(encode_request(Xid.SET_WATCHES, again)))

    async def haunt(self, step: Ahead) -> None:
        """Ask this over the connection that was left, and give the server time to do it."""
        if self._left is None:
            return
        reader, writer = self._left
        self._xid += 1
        writer.write(frame(encode_request(self._xid, _request(step))))
        try:
            async with asyncio.timeout(HAUNT_S):
                while await reader.read(1 << 12):
                    pass
        except (TimeoutError, OSError):
            pass
        self._forget_left()

    def abandon(self) -> None:
        """Drop the connection, without a word to the server; and that which was left."""
        self._forget_left()
        super().abandon()

    def _forget_left(self) -> None:
        if self._left is not None:
            self._left[1].close()
            self._left = None

    def _hello(self, seen: int) -> ConnectRequest:
        one = self._welcome
        return ConnectRequest(seen, one.timeout_ms, one.session, one.passwd)

    def _told(self, packet: bytes) -> None:
        self._watching.heard(packet)

    async def _converse(
        self, asked: Sequence[tuple[OpCode, Any]]
    ) -> Sequence[tuple[ReplyHeader, Any]]:
        answers = await super()._converse(asked)
        self._seen = max(self._seen, *(header.zxid for header, _ in answers))
        return answers


def _request(one: Ahead) -> Any:
    match one:
        case Get(path):
            return GetDataRequest(path, watch=False)
        case Close():
            return CloseSessionRequest()
        case step:
            return operation(step)
