"""A client that says what it is told to and nothing else: it does not even ping."""

from __future__ import annotations

import socket
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Any, Self, TypeVar

from target_node.wire.client import (
    OPS,
    ReplyHeader,
    Request,
    Response,
    decode_reply,
    encode_request,
    split_reply,
)
from target_node.wire.codes import ErrorCode, EventType, Xid
from target_node.wire.connect import (
    ConnectRequest,
    ConnectResponse,
    decode_connect_response,
    encode_connect_request,
)
from target_node.wire.frames import CLIENT_LIMIT, Frames, frame
from target_node.wire.multi import MultiReadRequest, MultiRequest, MultiResponse
from target_node.wire.replies import WatcherEvent
from target_node.wire.requests import (
    AuthRequest,
    CloseSessionRequest,
    PingRequest,
    SetWatches2Request,
    SetWatchesRequest,
)
from tests.target_node.ensemble import PATIENCE_S

_XIDS = {AuthRequest: Xid.AUTH, PingRequest: Xid.PING} | dict.fromkeys(
    (SetWatchesRequest, SetWatches2Request), Xid.SET_WATCHES
)
_Wanted = TypeVar("_Wanted")


class No(Exception):
    """The server has answered with an error."""

    def __init__(self, code: int) -> None:
        super().__init__(ErrorCode(code).name)
        self.code = ErrorCode(code)


class Link:
    """Packets to a server and back; the system's `ConnectionError` once it has hung up."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S)
        self._frames = Frames(4 * CLIENT_LIMIT)
        self._came: list[bytes] = []

    def send(self, *packets: bytes) -> None:
        """All in one piece."""
        self.socket.sendall(b"".join(map(frame, packets)))

    def receive(self) -> bytes:
        while not self._came:
            data = self.socket.recv(65536)
            if not data:
                raise ConnectionResetError("the server has hung up")
            self._came += self._frames.feed(data)
        return self._came.pop(0)

    def receive_all(self) -> list[bytes]:
        """Until the server hangs up."""
        came: list[bytes] = []
        with suppress(ConnectionError):
            while True:
                came.append(self.receive())
        return came

    @property
    def is_cut(self) -> bool:
        """Nothing more came but the end."""
        try:
            return not self._came and not self.socket.recv(1)
        except ConnectionError:
            return True

    def close(self) -> None:
        self.socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class Session(Link):
    """A session on one connection: a new one, or that of `resumed`."""

    def __init__(
        self,
        port: int,
        resumed: Session | None = None,
        *,
        timeout_ms: int = 4000,
        last_zxid_seen: int = 0,
    ) -> None:
        super().__init__(port)
        self.events: list[tuple[EventType, str]] = []
        self.event_zxids: list[int] = []
        self.header = ReplyHeader(0, 0, 0)  # of the last answer
        self._xid = 0
        self.id: int = resumed.id if resumed else 0
        self.password: bytes = resumed.password if resumed else bytes(16)
        try:
            self.welcome = self._greet(timeout_ms, last_zxid_seen)
        except BaseException:
            self.close()
            raise
        self.id, self.password = self.welcome.session, self.welcome.passwd or b""

    def _greet(self, timeout_ms: int, last_zxid_seen: int) -> ConnectResponse:
        greeting = ConnectRequest(last_zxid_seen, timeout_ms, self.id, self.password)
        self.send(encode_connect_request(greeting))
        return decode_connect_response(self.receive())

    def say(self, *requests: Request) -> list[tuple[int, int]]:
        """Without waiting for answers; the xids and ops that `hear` wants."""
        asked: list[tuple[int, int]] = []
        packets: list[bytes] = []
        for request in requests:
            self._xid += 1
            xid = _XIDS.get(type(request), self._xid)
            packets.append(encode_request(xid, request))
            asked.append((xid, OPS[type(request)]))
        self.send(*packets)
        return asked

    def hear(self, xid: int, op: int) -> Response | None:
        """The next answer, which must be to this; events before it go into `events`."""
        while (packet := self._next()) is None:
            pass
        self.header, body = packet
        assert self.header.xid == xid, "answers come in the order of the questions"
        if self.header.err:
            assert body == b""
            raise No(self.header.err)
        return decode_reply(op, body)

    def _next(self) -> tuple[ReplyHeader, bytes] | None:
        header, body = split_reply(self.receive())
        if header.xid != Xid.WATCH_EVENT:
            return header, body
        event = decode_reply(0, body)
        assert isinstance(event, WatcherEvent)
        self.events.append((EventType(event.type), event.path))
        self.event_zxids.append(header.zxid)
        return None

    def ask(self, request: Request) -> Response | None:
        """Say it and hear the answer."""
        ((xid, op),) = self.say(request)
        return self.hear(xid, op)

    def get(self, request: Request, kind: type[_Wanted]) -> _Wanted:
        """The answer, which is of this kind."""
        answer = self.ask(request)
        assert isinstance(answer, kind)
        return answer

    def results(self, request: MultiRequest | MultiReadRequest) -> tuple[Any, ...]:
        """Of all its operations."""
        return self.get(request, MultiResponse).results

    def refusal(self, request: Request) -> ErrorCode | None:
        """None, if it is not refused."""
        try:
            self.ask(request)
        except No as no:
            return no.code
        return None

    def await_events(self, enough: Callable[[list[tuple[EventType, str]]], bool]) -> None:
        """Of a session that asks nothing meanwhile but pings."""
        while not enough(self.events):
            self.ask(PingRequest())

    def take_events(self) -> list[tuple[EventType, str]]:
        """All that came since they were taken last."""
        events, self.events = self.events, []
        return events

    def end(self) -> None:
        """Close the session and the connection."""
        self.ask(CloseSessionRequest())
        assert self.is_cut
        self.close()
