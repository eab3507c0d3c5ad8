"""Who comes, whom do they want, and how do the two sides of a connection end together?

A door is a port on which one place is reached from another: what comes in is connected to the
target, and bytes go both ways over the two links between the places.

Rules of this file:
1. A connection over a cut link is taken in and hears nothing: neither does the target, which is
   dialled when both links are whole, if somebody still waits by then.
2. Each side is told of the other's end over the link between them, when that link is whole.
3. The port stays ours also while connects are refused.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from enum import StrEnum
from typing import Final, cast

from harness.local.flow import Flow, Link

BACKLOG: Final = 1024
DIAL_SECONDS: Final = 5.0
HIGH_WATER: Final = 64 << 10
_NO_LINGER: Final = struct.pack("ii", 1, 0)
HOST: Final = "127.0.0.1"
# One for all sockets: what has been read is taken out at once.
_BUFFER: Final = memoryview(bytearray(64 << 10))


class Mode(StrEnum):
    """What a door does with those who come."""

    OPEN = "open"
    RESET = "reset"  # those who are inside are thrown out too
    REFUSE = "refuse"


class Side(asyncio.BufferedProtocol):
    """One socket of a pair: what it says goes into `outgoing`, what it hears is of `incoming`."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self.outgoing: Flow | None = None
        self.incoming: Flow | None = None
        self._held = False

    def hold(self, *, held: bool) -> None:
        transport = self.transport
        if held != self._held and transport is not None and not transport.is_closing():
            self._held = held
            (transport.pause_reading if held else transport.resume_reading)()

    def put(self, data: bytes) -> None:
        if self.transport is not None:
            self.transport.write(data)

    def finish(self, *, broken: bool) -> None:
        if self.transport is None or self.transport.is_closing():
            return
        if broken:
            self.abort()
        elif self._silent:
            self.transport.close()
        else:
            self.transport.write_eof()

    def settle(self) -> None:
        if self._silent and self.transport is not None:
            self.transport.close()

    @property
    def _silent(self) -> bool:
        """Whether nothing more can go either way."""
        flows = (self.outgoing, self.incoming)
        return all(flow is not None and flow.finished for flow in flows)

    def abort(self) -> None:
        """End it, with a reset for the other side."""
        if self.transport is not None:
            sock = self.transport.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
            self.transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.transport.set_write_buffer_limits(high=HIGH_WATER)

    def get_buffer(self, sizehint: int) -> memoryview:
        return _BUFFER

    def buffer_updated(self, nbytes: int) -> None:
        if self.outgoing is not None:
            self.outgoing.take(bytes(_BUFFER[:nbytes]))

    def eof_received(self) -> bool:
        if self.outgoing is not None:
            self.outgoing.end(broken=False)
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        broken = exc is not None or not self._silent
        self.transport = None
        if self.outgoing is not None and broken:
            self.outgoing.end(broken=True)
        if self.incoming is not None:
            self.incoming.lose_sink()

    def pause_writing(self) -> None:
        if self.incoming is not None:
            self.incoming.fill(full=True)

    def resume_writing(self) -> None:
        if self.incoming is not None:
            self.incoming.fill(full=False)


class Arrival(Side):
    """The side that came through the door."""

    def __init__(self, door: Door) -> None:
        super().__init__()
        self._door = door
        self._dial: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        if self._door.mode is Mode.RESET:
            self.abort()
            return
        self.outgoing = Flow(self._door.there, self)
        self._door.inside[self] = None
        for link in (self._door.there, self._door.back):
            link.waiting[self.try_to_dial] = None
        self.try_to_dial()

    def eof_received(self) -> bool:
        # Whoever gives up before the way was whole was never heard of by the target.
        return super().eof_received() if self._dial is not None else False

    def connection_lost(self, exc: Exception | None) -> None:
        self._door.inside.pop(self, None)
        self._wait_no_more()
        if self._dial is None and self.outgoing is not None:
            self.outgoing.drop()
        super().connection_lost(exc)

    def try_to_dial(self) -> None:
        """Once both ways are whole."""
        if self._dial is None and not (self._door.there.way.cut or self._door.back.way.cut):
            self._wait_no_more()
            self._dial = asyncio.get_running_loop().create_task(self._connect())

    def _wait_no_more(self) -> None:
        for link in (self._door.there, self._door.back):
            link.waiting.pop(self.try_to_dial, None)

    async def _connect(self) -> None:
        other = Side()
        try:
            async with asyncio.timeout(DIAL_SECONDS):
                await asyncio.get_running_loop().create_connection(
                    lambda: other, *self._door.target
                )
        except OSError:  # a timeout is one
            if self.outgoing is not None:
                self.outgoing.drop()
            self.abort()
            return
        assert self.outgoing is not None
        if self.transport is None and not self.outgoing.link.way.cut:
            other.abort()
            return
        other.incoming = self.outgoing
        self.incoming = other.outgoing = Flow(self._door.back, other)
        other.outgoing.reach(self)
        self.outgoing.reach(other)
        if self.transport is None:
            self.incoming.lose_sink()


class Door:
    """One port. `there` is the link of those who come to the target, `back` its link to them."""

    def __init__(self, target: tuple[str, int], there: Link, back: Link) -> None:
        self.target = target
        self.there = there
        self.back = back
        self.mode = Mode.OPEN
        self.inside: dict[Arrival, None] = {}
        self._anchor = _bound(0)
        self.port: int = self._anchor.getsockname()[1]
        self._server: asyncio.Server | None = None

    async def set(self, mode: Mode) -> None:
        """From now on."""
        self.mode = mode
        if mode is Mode.REFUSE:
            if self._server is not None:
                self._server.close()
                self._server = None
        elif self._server is None:
            self._server = await asyncio.get_running_loop().create_server(
                lambda: Arrival(self), sock=_bound(self.port), backlog=BACKLOG
            )
        if mode is Mode.RESET:
            for arrival in list(self.inside):
                arrival.abort()

    def close(self) -> None:
        """Give up the port."""
        if self._server is not None:
            self._server.close()
        self._anchor.close()


def _bound(port: int) -> socket.socket:
    """A socket that holds this port, also while nobody listens."""
    one = socket.socket()
    one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    one.bind((HOST, port))
    return one
