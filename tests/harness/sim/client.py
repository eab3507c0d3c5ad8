"""A client as small as one can be: one session, over whatever connections it takes."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field

from harness.sim.network import Network
from harness.sim.streams import Writer
from target_node.wire.client import (
    OPS,
    Request,
    Response,
    decode_reply,
    encode_request,
    split_reply,
)
from target_node.wire.codes import ErrorCode, OpCode, Xid
from target_node.wire.connect import (
    ConnectRequest,
    decode_connect_response,
    encode_connect_request,
)
from target_node.wire.frames import frame
from target_node.wire.replies import WatcherEvent
from target_node.wire.requests import CloseSessionRequest, PingRequest, SetWatchesRequest


class Lost(Exception):
    """The connection is gone, or as good as gone."""


@dataclass(frozen=True, slots=True)
class Reply:
    zxid: int
    err: int
    body: Response | None


@dataclass(slots=True)
class Session:
    number: int = 0
    passwd: bytes = b""
    zxid: int = 0  # the last that was seen
    replies: list[int] = field(default_factory=list)  # all zxids, over all connections
    closed: bool = False  # surely


@dataclass(slots=True)
class Asked:
    op: int
    xid: int
    answer: asyncio.Future[Reply]
    heard: Callable[[Reply], None]


def _ignore(reply: Reply) -> None:
    pass


class Client:
    """`told` hears of everything that comes: an event, or a reply to nothing else."""

    def __init__(self, network: Network, host: str, *, timeout_ms: int = 4000) -> None:
        self.network = network
        self.host = host
        self.timeout_ms = timeout_ms
        self.session = Session()
        self.node = ""
        self.told: Callable[[WatcherEvent], None] = lambda event: None
        self.broken: list[BaseException] = []  # what a server should never have said
        self._writer: Writer | None = None
        self._reading: asyncio.Task[None] | None = None
        self._pinging: asyncio.Task[None] | None = None
        self._asked: list[Asked] = []
        self._xid = 0

    @property
    def connected(self) -> bool:
        return self._writer is not None

    async def connect(self, node: str, *, patience_s: float = 5.0) -> bool:
        """Whether it is the same session as before; Lost if it is nothing."""
        assert self._writer is None
        session = self.session
        try:
            async with asyncio.timeout(patience_s):
                reader, writer = await self.network.connect(node, here=self.host)
                try:
                    request = ConnectRequest(
                        session.zxid, self.timeout_ms, session.number, session.passwd or bytes(16)
                    )
                    writer.write(frame(encode_connect_request(request)))
                    answer = decode_connect_response(await _packet(reader))
                except BaseException:
                    writer.close()
                    raise
        except (OSError, EOFError) as problem:
            raise Lost(str(problem)) from problem
        if answer.timeout_ms == 0:
            writer.close()
            self.session = Session(zxid=0)
            return False
        if session.number:
            assert answer.session == session.number, "another session than it asked for"
        session.number, session.passwd = answer.session, answer.passwd or b""
        self._writer, self.node = writer, node
        self._reading = asyncio.create_task(self._read(reader, writer))
        self._reading.add_done_callback(self._read_all)
        self._pinging = asyncio.create_task(self._ping(answer.timeout_ms / 3000))
        return True

    async def call(
        self,
        request: Request,
        heard: Callable[[Reply], None] = _ignore,
        *,
        patience_s: float = 5.0,
    ) -> Reply:
        """The answer; Lost if there is none, whatever came of it.

        `heard` is told of it before anything that comes behind it.
        """
        asked = self.ask(request, heard)
        try:
            async with asyncio.timeout(patience_s):
                return await asked
        except TimeoutError as late:
            self.drop()
            raise Lost("no answer") from late

    def ask(
        self, request: Request, heard: Callable[[Reply], None] = _ignore
    ) -> asyncio.Future[Reply]:
        """It has left when this returns; calls that follow each other so are in order."""
        if self._writer is None:
            raise Lost("not connected")
        self._xid += 1
        return self._ask(self._xid, request, heard)

    def _ask(
        self, xid: int, request: Request, heard: Callable[[Reply], None] = _ignore
    ) -> asyncio.Future[Reply]:
        assert self._writer is not None
        future: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self._asked.append(Asked(OPS[type(request)], xid, future, heard))
        self._writer.write(frame(encode_request(xid, request)))
        return future

    def watch_again(self, paths: tuple[str, ...]) -> None:
        """What was watched over another connection of this session; what changed since is told."""
        self._ask(Xid.SET_WATCHES, SetWatchesRequest(self.session.zxid, paths, (), ()))

    def drop(self) -> None:
        """Away with the connection, not with the session."""
        writer, self._writer = self._writer, None
        if writer is not None:
            writer.close()
        for task in (self._reading, self._pinging):
            if task is not None and task is not asyncio.current_task():
                task.cancel()
        asked, self._asked = self._asked, []
        for one in asked:
            if not one.answer.done():
                one.answer.set_exception(Lost("the connection is gone"))
                one.answer.exception()  # nobody may be waiting for it

    async def close(self) -> None:
        """End the session."""
        await self.call(CloseSessionRequest())
        self.session.closed = True
        self.drop()

    async def _ping(self, every_s: float) -> None:
        with contextlib.suppress(Lost):
            while self._writer is not None:
                await asyncio.sleep(every_s)
                if self._writer is not None:
                    self._ask(Xid.PING, PingRequest())

    async def _read(self, reader: asyncio.StreamReader, writer: Writer) -> None:
        with contextlib.suppress(OSError, EOFError):
            while True:
                packet = await _packet(reader)
                if self._writer is not writer:
                    return
                self._take(packet)
        if self._writer is writer:
            self.drop()

    def _read_all(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (problem := task.exception()) is not None:
            self.broken.append(problem)

    def _take(self, packet: bytes) -> None:
        header, body = split_reply(packet)
        if header.xid == Xid.WATCH_EVENT:
            event = decode_reply(OpCode.NOTIFICATION, body)
            assert isinstance(event, WatcherEvent)
            self.told(event)
            return
        assert self._asked, "an answer to nothing"
        asked = self._asked.pop(0)
        assert asked.xid == header.xid, "an answer out of order"
        session = self.session
        if asked.xid != Xid.PING:
            assert header.zxid >= session.zxid, "the session went back in time"
            session.zxid = header.zxid
            session.replies.append(header.zxid)
        answer = decode_reply(asked.op, body) if header.err == ErrorCode.OK else None
        reply = Reply(header.zxid, header.err, answer)
        asked.heard(reply)
        if not asked.answer.done():
            asked.answer.set_result(reply)


async def _packet(reader: asyncio.StreamReader) -> bytes:
    size = int.from_bytes(await reader.readexactly(4), "big")
    return await reader.readexactly(size)
