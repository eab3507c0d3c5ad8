"""What does one session with one server say and hear?

Rules of this file:
1. Nothing is retried, and no ambiguity is hidden: a request that may have left is in doubt until
   its own reply has come. After any doubt the connection is dropped, for a late reply must never
   be taken for another's.
2. Every call ends: with its reply, or when its deadline is over.
3. One call at a time. The caller reads its reply from the stream itself, so nothing stands between
   the reply's bytes and the caller but one turn of the loop.
4. Time comes from the loop, and connections from `opener`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, Final

from harness.zookeeper.packets import Writer, operation, packet, reply, words
from target_node.wire.client import ReplyHeader, decode_reply, encode_request, split_reply
from target_node.wire.codes import CreateMode, ErrorCode, OpCode, Xid
from target_node.wire.connect import ConnectResponse
from target_node.wire.data import OPEN_ACL_UNSAFE
from target_node.wire.frames import frame
from target_node.wire.jute import INT, Malformed
from target_node.wire.multi import MultiReadRequest, MultiRequest, MultiResponse
from target_node.wire.replies import ErrorResponse
from target_node.wire.requests import (
    CloseSessionRequest,
    Create2Request,
    DeleteRequest,
    ExistsRequest,
    GetChildren2Request,
    GetDataRequest,
    PingRequest,
    SetDataRequest,
    SyncRequest,
)
from workloads.session import (
    ANY_VERSION,
    InDoubt,
    NotDone,
    Refusal,
    Reply,
    Step,
    complaint,
)

CALL_S: Final = 10.0  # that a session waits for a reply; clients have deadlines of their own
CLOSE_S: Final = 1.0  # that a server may take to say goodbye


class Session:
    """One session, from its making to the first trouble with its connection."""

    kind: Final = "zookeeper"

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: Writer,
        welcome: ConnectResponse,
        *,
        node: str,
        timeout_s: float,
    ) -> None:
        self.node = node
        # Session ids are unsigned, though the wire has them signed.
        self.session_id = welcome.session & (1 << 64) - 1
        self.timeout_s = timeout_s
        self._reader = reader
        self._writer = writer
        self._welcome = welcome
        self._open = True
        self._asking = False
        self._xid = 0
        self._ping_s = welcome.timeout_ms / 3000
        self._loop = asyncio.get_running_loop()
        self._pinging = self._loop.call_later(self._ping_s, self._ping)

    @property
    def alive(self) -> bool:
        """Whether it can be asked; a connection that the server ended cannot."""
        if self._open and (self._reader.at_eof() or self._reader.exception() is not None):
            self.abandon()
        return self._open

    async def create(
        self, path: str, data: bytes, *, ephemeral: bool = False, sequential: bool = False
    ) -> Reply:
        """Make a node; the reply has its path and stat."""
        flags = int(ephemeral) * CreateMode.EPHEMERAL
        flags |= int(sequential) * CreateMode.PERSISTENT_SEQUENTIAL
        return await self._ask(OpCode.CREATE2, Create2Request(path, data, OPEN_ACL_UNSAFE, flags))

    async def get(self, path: str, *, synced: bool = False) -> Reply:
        """Data and stat, as this server knows them, or, synced, once it has caught up."""
        behind = SyncRequest(path) if synced else None
        return await self._ask(OpCode.GET_DATA, GetDataRequest(path, watch=False), behind)

    async def get_all(self, paths: Sequence[str], *, synced: bool = False) -> Sequence[Reply]:
        """The same of all of these at one moment; of what is not there, neither data nor stat."""
        behind = SyncRequest(paths[0]) if synced else None
        request = MultiReadRequest(tuple(GetDataRequest(path, watch=False) for path in paths))
        zxid, response = await self._exchange(OpCode.MULTI_READ, request, behind)
        assert isinstance(response, MultiResponse)
        wrong = [one.err for one in response.results if isinstance(one, ErrorResponse)]
        if any(error != ErrorCode.NO_NODE for error in wrong):
            self._refuse(next(error for error in wrong if error != ErrorCode.NO_NODE), zxid)
        return [reply(zxid, result) for result in response.results]

    async def set(self, path: str, data: bytes, version: int = ANY_VERSION) -> Reply:
        """Let the node hold this; the reply has its stat."""
        return await self._ask(OpCode.SET_DATA, SetDataRequest(path, data, version))

    async def delete(self, path: str, version: int = ANY_VERSION) -> Reply:
        """Away with a node that has no children."""
        return await self._ask(OpCode.DELETE, DeleteRequest(path, version))

    async def exists(self, path: str) -> Reply:
        """The stat, as this server knows it."""
        return await self._ask(OpCode.EXISTS, ExistsRequest(path, watch=False))

    async def children(self, path: str, *, synced: bool = False) -> Reply:
        """Names and the parent's stat, as this server knows them, or once it has caught up."""
        behind = SyncRequest(path) if synced else None
        return await self._ask(OpCode.GET_CHILDREN2, GetChildren2Request(path, watch=False), behind)

    async def sync(self, path: str) -> Reply:
        """Let this server catch up with its leader."""
        return await self._ask(OpCode.SYNC, SyncRequest(path))

    async def multi(self, steps: Sequence[Step]) -> Sequence[Reply]:
        """All of it or nothing; a reply a step. `Refusal` with the code of the step that failed."""
        request = MultiRequest(tuple(operation(step) for step in steps))
        zxid, response = await self._exchange(OpCode.MULTI, request)
        assert isinstance(response, MultiResponse)
        results = response.results
        errors = [one.err for one in results if isinstance(one, ErrorResponse)]
        if errors:
            # The others are told to have been rolled back, or never tried.
            wrong = next((e for e in errors if e not in _BESIDES), errors[0])
            self._refuse(wrong, zxid)
        return [reply(zxid, result) for result in results]

    async def close(self) -> None:
        """End the session, if that can be said; never raises."""
        if not self.alive or self._asking:
            self.abandon()
            return
        self.timeout_s = min(self.timeout_s, CLOSE_S)
        try:
            await self._exchange(OpCode.CLOSE_SESSION, CloseSessionRequest())
        except (Refusal, NotDone, InDoubt):
            pass
        finally:
            self.abandon()

    def abandon(self) -> None:
        """Drop the connection, without a word to the server."""
        if self._open:
            self._open = False
            self._pinging.cancel()
            self._writer.close()

    async def _ask(self, op: OpCode, request: Any, behind: SyncRequest | None = None) -> Reply:
        return reply(*await self._exchange(op, request, behind))

    async def _exchange(
        self, op: OpCode, request: Any, behind: SyncRequest | None = None
    ) -> tuple[int, Any]:
        """Send one request and wait for its own reply: the zxid in its header, and its body.

        A sync that it is to stand behind leaves with it, in one piece: so they are one question, to
        a server that may not be the one it thinks it is by the time that it answers.
        """
        asked = [(op, request)] if behind is None else [(OpCode.SYNC, behind), (op, request)]
        *synced, (header, response) = await self._converse(asked)
        if synced and synced[0][0].err:
            self.abandon()
            raise InDoubt(f"a sync was refused with error {synced[0][0].err}")
        if header.err:
            self._refuse(header.err, header.zxid)
        return header.zxid, response

    async def _converse(
        self, asked: Sequence[tuple[OpCode, Any]]
    ) -> Sequence[tuple[ReplyHeader, Any]]:
        """Send all of these in one piece, and wait for the reply to each."""
        assert not self._asking, "a session makes one call at a time"
        if not self.alive:
            raise NotDone("the connection is gone")
        self._asking = True
        first = self._xid + 1
        self._xid += len(asked)
        answers = []
        try:
            async with asyncio.timeout(self.timeout_s):
                frames = (
                    frame(encode_request(first + at, one)) for at, (_, one) in enumerate(asked)
                )
                self._writer.write(b"".join(frames))
                for at, (op, _) in enumerate(asked):
                    header, body = await self._answer_to(first + at)
                    answers.append((header, None if header.err else decode_reply(op, body)))
        except BaseException as failure:
            self.abandon()
            if isinstance(failure, TimeoutError):
                raise InDoubt(f"no reply within {self.timeout_s:g} s") from None
            if isinstance(failure, OSError | EOFError | Malformed):
                raise InDoubt(words(failure)) from None
            raise
        finally:
            self._asking = False
        return answers

    def _refuse(self, error: int, zxid: int) -> None:
        """Raise what this error means; whoever is in doubt hears no more."""
        problem = complaint(error, zxid)
        if isinstance(problem, InDoubt):
            self.abandon()
        raise problem

    async def _answer_to(self, xid: int) -> tuple[ReplyHeader, bytes]:
        header, body = split_reply(await self._answer())
        if header.xid != xid:
            raise Malformed(f"a reply to request {header.xid}, not to {xid}", 0)
        return header, body

    async def _answer(self) -> bytes:
        """The next packet that is a reply to a request of ours."""
        while True:
            came = await packet(self._reader)
            if len(came) < INT.size:
                raise Malformed("a reply without an xid", 0)
            if (xid := INT.unpack_from(came)[0]) not in _BY_THE_WAY:
                return came
            if xid == Xid.WATCH_EVENT:
                self._told(came)

    def _told(self, packet: bytes) -> None:
        """A watch has something to say; whoever sets some listens."""

    def _ping(self) -> None:
        """Say that we are alive. The answer is read with that of the next call."""
        if self.alive:
            self._writer.write(frame(encode_request(Xid.PING, PingRequest())))
            self._pinging = self._loop.call_later(self._ping_s, self._ping)


_BY_THE_WAY: Final = (Xid.PING, Xid.WATCH_EVENT, Xid.SET_WATCHES)
_BESIDES: Final = (ErrorCode.OK, ErrorCode.RUNTIME_INCONSISTENCY)
