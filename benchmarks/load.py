"""How many requests does an ensemble answer in a second, and how long does each take?

A process of its own, so that it takes no time from the servers' processes but that of the cores.
The loop is closed: each client has one connection and one request under way, and sends the next
when the answer is there. Clients are spread over the servers. Requests are encoded beforehand, but
for their numbers, and of an answer nothing is looked at but its length, number and error.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
from collections.abc import Callable
from dataclasses import asdict, dataclass
from struct import Struct
from time import perf_counter_ns
from typing import Final

from target_node.wire.client import encode_body
from target_node.wire.codes import ErrorCode, OpCode
from target_node.wire.connect import ConnectRequest, encode_connect_request
from target_node.wire.data import OPEN_ACL_UNSAFE
from target_node.wire.frames import frame
from target_node.wire.requests import CreateRequest, GetDataRequest, SetDataRequest

HOME: Final = "/load"
SESSION_MS: Final = 30_000
_HEAD: Final = Struct(">iii")  # length, xid, type
_ANSWER: Final = Struct(">iqi")  # xid, zxid, error
_LENGTH: Final = Struct(">i")


@dataclass(frozen=True, slots=True)
class Figures:
    """Of one kind of request; times in milliseconds."""

    count: int
    p50_ms: float
    p99_ms: float


class Client(asyncio.Protocol):
    """One connection, and what it asks one after the other."""

    def __init__(self, number: int, size: int, writes: float) -> None:
        path = f"{HOME}/{number}"
        data = bytes(size)
        self._draw = random.Random(number)
        self._writes = writes
        self._home = encode_body(CreateRequest(HOME, b"", OPEN_ACL_UNSAFE, 0))
        self._create = encode_body(CreateRequest(path, b"", OPEN_ACL_UNSAFE, 0))
        self._write = encode_body(SetDataRequest(path, data, -1))
        self._read = encode_body(GetDataRequest(path, watch=False))
        self._buffer = bytearray()
        self._xid = 0
        self._since = 0
        self._answered: asyncio.Future[int] | None = None
        self._running = False
        self._is_write = False
        self.lost: BaseException | None = None
        self.took_ns: dict[bool, list[int]] = {True: [], False: []}  # by whether it is a write

    async def prepare(self) -> None:
        """A session, and a node of its own."""
        greeting = ConnectRequest(0, SESSION_MS, 0, bytes(16))
        await self._exchange(frame(encode_connect_request(greeting)))
        for op, body, fine in (
            (OpCode.CREATE, self._home, (ErrorCode.OK, ErrorCode.NODE_EXISTS)),
            (OpCode.CREATE, self._create, (ErrorCode.OK, ErrorCode.NODE_EXISTS)),
            (OpCode.SET_DATA, self._write, (ErrorCode.OK,)),
        ):
            error = await self._exchange(self._request(op, body))
            assert error in fine, f"refused with {error}"

    def run(self) -> None:
        """Ask on and on, and note how long answers take."""
        self._running = True
        self._next()

    def forget(self) -> None:
        """What was before does not count: it was for warming up."""
        self.took_ns = {True: [], False: []}

    def stop(self) -> None:
        """The request under way is the last."""
        self._running = False

    def _request(self, op: int, body: bytes) -> bytes:
        self._xid += 1
        return _HEAD.pack(8 + len(body), self._xid, op) + body

    async def _exchange(self, packet: bytes) -> int:
        self._answered = asyncio.get_running_loop().create_future()
        self._transport.write(packet)
        return await self._answered

    def _next(self) -> None:
        self._is_write = self._draw.random() < self._writes
        request = (
            self._request(OpCode.SET_DATA, self._write)
            if self._is_write
            else self._request(OpCode.GET_DATA, self._read)
        )
        self._since = perf_counter_ns()
        self._transport.write(request)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if len(self._buffer) < 4:
            return
        (length,) = _LENGTH.unpack_from(self._buffer)
        if len(self._buffer) < 4 + length:
            return
        now = perf_counter_ns()
        if self._answered is not None:
            error = _ANSWER.unpack_from(self._buffer, 4)[2] if self._xid else 0
            answered, self._answered = self._answered, None
            self._buffer.clear()
            answered.set_result(error)
            return
        xid, _, error = _ANSWER.unpack_from(self._buffer, 4)
        assert xid == self._xid, "an answer to something else"
        assert error == 0, f"refused with {error}"
        assert len(self._buffer) == 4 + length, "more than was asked for"
        self._buffer.clear()
        self.took_ns[self._is_write].append(now - self._since)
        if self._running:
            self._next()

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost = exc or ConnectionError("closed by the server")


async def _measure(asked: argparse.Namespace) -> dict[str, object]:
    loop = asyncio.get_running_loop()
    broken: list[BaseException] = []
    loop.set_exception_handler(lambda _, context: broken.append(context["exception"]))
    ports = [int(port) for port in asked.ports.split(",")]
    clients: list[Client] = []
    for number in range(asked.clients):
        make: Callable[[], Client] = lambda n=number: Client(n, asked.size, asked.writes / 100)  # type: ignore[misc]  # noqa: E731
        _, client = await loop.create_connection(make, "127.0.0.1", ports[number % len(ports)])
        await client.prepare()
        clients.append(client)
    for client in clients:
        client.run()
    await asyncio.sleep(asked.warm)
    for client in clients:
        client.forget()
    since = perf_counter_ns()
    await asyncio.sleep(asked.seconds)
    seconds = (perf_counter_ns() - since) / 1e9
    for client in clients:
        client.stop()
    for lost in [*broken, *(client.lost for client in clients)]:
        if lost is not None:
            raise lost
    writes = [ns for client in clients for ns in client.took_ns[True]]
    reads = [ns for client in clients for ns in client.took_ns[False]]
    return {
        "per_second": (len(writes) + len(reads)) / seconds,
        "all": asdict(_figures(writes + reads)),
        "writes": asdict(_figures(writes)),
        "reads": asdict(_figures(reads)),
    }


def _figures(took_ns: list[int]) -> Figures:
    took_ns.sort()
    count = len(took_ns)
    if not count:
        return Figures(0, 0.0, 0.0)
    return Figures(count, took_ns[count // 2] / 1e6, took_ns[count * 99 // 100] / 1e6)


def main() -> None:
    """Print JSON."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.load", description=__doc__)
    parser.add_argument("ports", help="of the servers on this machine, comma-separated")
    parser.add_argument("--clients", type=int, default=10)
    parser.add_argument("--writes", type=float, default=100, help="percent; the rest are reads")
    parser.add_argument("--size", type=int, default=100, help="of the data, in bytes")
    parser.add_argument("--warm", type=float, default=1.0, help="seconds that do not count")
    parser.add_argument("--seconds", type=float, default=4.0)
    print(json.dumps(asyncio.run(_measure(parser.parse_args()))))


if __name__ == "__main__":
    main()
