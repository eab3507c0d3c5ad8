"""How do connections come about, and which number has which?

Those that come get the numbers 1, 2, 3 …; those that the core dials have the negative ones that it
gave them.
"""

from __future__ import annotations

import asyncio
import errno
import os
import resource
import socket
from functools import partial
from typing import Final

from target_node.driver.connection import Connection, Happen
from target_node.driver.journal import Journal
from target_node.driver.routes import Routes
from target_node.protocol.ensemble import Address
from target_node.server.events import (
    Accepted,
    Connected,
    Dial,
    Ended,
    Event,
    HangUp,
    Hold,
    Port,
    Resume,
    Stream,
    Write,
)

DIAL_SECONDS: Final = 5.0
BACKLOG: Final = 1024
# The kernel's reasons for not accepting now; the loop tries again after a second by itself.
SCARCE: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})


class Connections:
    """All sockets of a node. `flush` after each step of the core."""

    def __init__(self, happen: Happen, routes: Routes, journal: Journal) -> None:
        self._happen_outside = happen
        self._routes = routes
        self._journal = journal
        self._open: dict[int, Connection] = {}
        self._dialling: dict[int, asyncio.Task[None]] = {}
        self._listening: list[asyncio.Server] = []
        self._one_gone = asyncio.Event()
        self._touched: dict[int, Connection] = {}  # in this step
        self._last_number = 0

    async def listen(self, port: Port, address: Address) -> int:
        """Take connections in from now on; the port's number, if 0 was asked for."""
        server = await asyncio.get_running_loop().create_server(
            lambda: Connection(port, self._happen, self._journal.note, self._accept),
            address.host,
            address.port,
            # asyncio accepts so many in a row, also when every one of them fails for lack of
            # descriptors; the real backlog is set below.
            backlog=1,
            reuse_address=True,
        )
        for listening in server.sockets:
            with socket.socket(fileno=os.dup(listening.fileno())) as same:
                same.listen(BACKLOG)
        self._listening.append(server)
        number: int = server.sockets[0].getsockname()[1]
        return number

    def dial(self, effect: Dial) -> None:
        """`Connected` or `Ended` will be said of it."""
        number = effect.connection
        assert number < 0, "those that are dialled have negative numbers"
        assert number not in self._dialling, "a number is used once"
        connection = Connection(
            effect.port, self._happen, self._journal.note, partial(self._made, number)
        )
        task = asyncio.get_running_loop().create_task(self._connect(effect, connection))
        self._dialling[number] = task
        # Not at the end of the task: one that is cancelled at once never begins.
        task.add_done_callback(partial(self._dialled, effect, connection))

    def carry_out(self, effect: Write | Stream | HangUp | Hold | Resume) -> None:
        """Nothing, if the connection has gone."""
        number = effect.connection
        connection = self._open.get(number)
        if connection is None:
            if isinstance(effect, HangUp) and number in self._dialling:
                self._dialling[number].cancel()
            return
        match effect:
            case Write():
                connection.write(effect.data)
            case Stream():
                connection.stream(effect.chunks)
            case HangUp():
                connection.hang_up()
            case Hold():
                connection.hold()
                return
            case Resume():
                connection.resume()
                return
        self._touched[number] = connection

    def flush(self) -> None:
        """A step is over: let what was written in it go."""
        if self._touched:
            touched, self._touched = self._touched, {}
            for connection in touched.values():
                connection.flush()

    async def close(self, seconds: float) -> None:
        """Take nobody in any more, let what was written leave, so long at most, and close all.

        With 0 seconds not even what was written in this step leaves.
        """
        for server in self._listening:
            server.close()
        for task in self._dialling.values():
            task.cancel()
        for connection in self._open.values():
            if seconds:
                connection.hang_up()
                connection.flush()
            else:
                connection.abort()
        try:
            async with asyncio.timeout(seconds):
                await self._all_gone()
        except TimeoutError:
            for connection in self._open.values():
                connection.abort()
            await self._all_gone()

    async def _all_gone(self) -> None:
        while self._open or self._dialling:
            self._one_gone.clear()
            await self._one_gone.wait()

    async def _connect(self, effect: Dial, connection: Connection) -> None:
        way = self._routes.way_to(effect.port, effect.sid, effect.address)
        async with asyncio.timeout(DIAL_SECONDS):
            await asyncio.get_running_loop().create_connection(
                lambda: connection, way.host, way.port
            )

    def _made(self, number: int, connection: Connection) -> int:
        self._open[number] = connection
        self._happen_outside(Connected(number))
        return number

    def _dialled(self, effect: Dial, connection: Connection, task: asyncio.Task[None]) -> None:
        del self._dialling[effect.connection]
        self._one_gone.set()
        failure = None if task.cancelled() else task.exception()
        # A name may be unfit for DNS, and a port too large: that is as good as nobody there.
        if not isinstance(failure, None | OSError | ValueError | OverflowError):
            raise failure
        # A connection that was made tells its own end, even if the time was up just then.
        if connection.transport is None:
            why = "given up" if failure is None else str(failure) or "no answer"
            self._journal.chat("dial_failed", {"sid": effect.sid, "port": effect.port, "why": why})
            self._happen(Ended(effect.connection))

    def _accept(self, connection: Connection) -> int:
        assert connection.transport is not None
        self._last_number += 1
        number = self._last_number
        self._open[number] = connection
        peer = connection.transport.get_extra_info("peername") or ("",)
        self._journal.chat(
            "accepted", {"connection": number, "port": connection.port, "from": peer[0]}
        )
        self._happen_outside(Accepted(number, connection.port, peer[0]))
        return number

    def _happen(self, event: Event) -> None:
        if isinstance(event, Ended):
            self._open.pop(event.connection, None)
            self._one_gone.set()
        self._happen_outside(event)


def raise_open_files_limit() -> None:
    """Every session is a socket: take as many as the system lets us have."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
