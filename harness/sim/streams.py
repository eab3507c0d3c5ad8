"""How does ordinary asyncio code speak over a simulated connection?

With a reader and a writer as `asyncio.open_connection` gives them, as far as clients use them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final, TypeAlias

from harness.sim.connection import End, Host, Taker
from harness.sim.loop import SECOND

if TYPE_CHECKING:
    from harness.sim.network import Network

PATIENCE_NS: Final = 127 * SECOND  # a system's own, for who sets no timeout

Reader: TypeAlias = asyncio.StreamReader


class Writer:
    """What a client writes to."""

    def __init__(self, end: End, reader: Reader) -> None:
        self._end = end
        self._reader = reader
        self._closed = asyncio.get_running_loop().create_future()

    def write(self, data: bytes) -> None:
        """Send these bytes behind all others."""
        self._end.write(bytes(data))

    def writelines(self, data: Iterable[bytes]) -> None:
        """Send all of them."""
        self.write(b"".join(data))

    async def drain(self) -> None:
        """There is always room, but not on a connection that is gone."""
        if self._closed.done():
            raise ConnectionResetError("the connection is gone")

    def is_closing(self) -> bool:
        """Whether it is closed, or about to be."""
        return self._end.closing

    def close(self) -> None:
        """Once all has left that was written."""
        self._end.hang_up()

    async def wait_closed(self) -> None:
        """Until it is."""
        await asyncio.shield(self._closed)

    def gone(self) -> None:
        """It is closed."""
        if not self._closed.done():
            self._closed.set_result(None)


class _Client:
    """Who takes the bytes for a client."""

    def __init__(self, end: End) -> None:
        self.end = end
        self.reader = Reader()
        self.writer = Writer(end, self.reader)

    def came(self, data: bytes) -> None:
        self.reader.feed_data(data)

    def finished(self) -> None:
        self.reader.feed_eof()

    def ended(self) -> None:
        self.writer.gone()
        if not self.reader.at_eof():
            self.reader.set_exception(ConnectionResetError("the connection was reset"))


async def connect(
    network: Network, here: Host, there: Host, port: int
) -> tuple[asyncio.StreamReader, Writer]:
    """Dial, and wait for what comes of it."""
    answer: asyncio.Future[_Client] = asyncio.get_running_loop().create_future()

    def made(end: End) -> Taker:
        client = _Client(end)
        if answer.cancelled():
            end.abort()
        else:
            answer.set_result(client)
        return client

    def failed(problem: OSError) -> None:
        if not answer.cancelled():
            answer.set_exception(problem)

    dialling = network.dial(here, there, port, made, failed, patience_ns=PATIENCE_NS)
    try:
        client = await answer
    except asyncio.CancelledError:
        dialling.cancel()
        if answer.done() and not answer.cancelled() and answer.exception() is None:
            answer.result().end.abort()
        raise
    return client.reader, client.writer
