"""One client's connection to one server, blocking: what it asks, it waits for."""

from __future__ import annotations

import socket
from types import TracebackType
from typing import Final

from target_node.wire.client import (
    OPS,
    Request,
    Response,
    decode_reply,
    encode_request,
    split_reply,
)
from target_node.wire.codes import ErrorCode
from target_node.wire.connect import (
    ConnectRequest,
    decode_connect_response,
    encode_connect_request,
)
from target_node.wire.data import OPEN_ACL_UNSAFE, Stat
from target_node.wire.frames import Frames, frame
from target_node.wire.replies import GetChildrenResponse, GetDataResponse, SetDataResponse
from target_node.wire.requests import (
    CreateRequest,
    GetChildrenRequest,
    GetDataRequest,
    SetDataRequest,
    SyncRequest,
)

_MOST_BYTES: Final = 64 << 20
_SESSION_MS: Final = 4000


class Refusal(Exception):
    """The server's answer is an error."""

    def __init__(self, code: int) -> None:
        super().__init__(ErrorCode(code).name)
        self.code = ErrorCode(code)


class Lost(Exception):
    """No answer: what was asked may have happened, or may yet."""


class RawClient:
    """A session of its own, as long as the connection lasts."""

    def __init__(self, port: int, timeout_s: float = 3.0) -> None:
        self._frames = Frames(_MOST_BYTES)
        self._packets: list[bytes] = []
        self._xid = 0
        try:
            self._socket = socket.create_connection(("127.0.0.1", port), timeout=timeout_s)
        except OSError as problem:
            raise Lost(str(problem)) from problem
        try:
            self._send(encode_connect_request(ConnectRequest(0, _SESSION_MS, 0, bytes(16))))
            if not decode_connect_response(self._receive()).timeout_ms:
                raise Lost("no session")
        except BaseException:
            self._socket.close()
            raise

    def __enter__(self) -> RawClient:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Hang up; the session expires."""
        self._socket.close()

    def ask(self, request: Request) -> Response | None:
        """The answer, `Refusal` or `Lost`."""
        self._xid += 1
        self._send(encode_request(self._xid, request))
        while True:
            header, body = split_reply(self._receive())
            if header.xid == self._xid:
                break
        if header.err:
            raise Refusal(header.err)
        return decode_reply(OPS[type(request)], body)

    def create(self, path: str, data: bytes = b"") -> None:
        self.ask(CreateRequest(path, data, OPEN_ACL_UNSAFE, 0))

    def write(self, path: str, data: bytes, version: int) -> Stat:
        answer = self.ask(SetDataRequest(path, data, version))
        assert isinstance(answer, SetDataResponse)
        return answer.stat

    def read(self, path: str) -> tuple[bytes, Stat]:
        answer = self.ask(GetDataRequest(path, False))
        assert isinstance(answer, GetDataResponse)
        return answer.data or b"", answer.stat

    def children(self, path: str) -> set[str]:
        answer = self.ask(GetChildrenRequest(path, False))
        assert isinstance(answer, GetChildrenResponse)
        return {name for name in answer.children if name is not None}

    def sync(self, path: str = "/") -> None:
        self.ask(SyncRequest(path))

    def _send(self, packet: bytes) -> None:
        try:
            self._socket.sendall(frame(packet))
        except OSError as problem:
            raise Lost(str(problem)) from problem

    def _receive(self) -> bytes:
        try:
            while not self._packets:
                data = self._socket.recv(1 << 16)
                if not data:
                    raise Lost("the connection is gone")
                self._packets.extend(self._frames.feed(data))
        except OSError as problem:
            raise Lost(str(problem)) from problem
        return self._packets.pop(0)
