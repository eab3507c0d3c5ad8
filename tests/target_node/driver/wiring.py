"""Sockets of both sides, and patience: nothing here measures time, it only refuses to hang."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any

from harness.local.ports import free_ports
from target_node.driver.connections import Connections
from target_node.driver.journal import Journal
from target_node.driver.routes import Routes
from target_node.protocol.ensemble import Address
from target_node.server.events import Accepted, Data, Ended, Event, Port

PATIENCE = 180
LOOPBACK = "127.0.0.1"


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not holds():  # noqa: ASYNC110  what is waited for is told to others
            await asyncio.sleep(0.002)


def free_port() -> int:
    (number,) = free_ports(1)
    return number


class Wires:
    """Connections whose core is the test."""

    def __init__(self, routes: Routes | None = None) -> None:
        self.events: list[Event] = []
        self.lines = io.StringIO()
        self.react: Callable[[Event], None] = lambda event: None
        journal = Journal(1, lines=self.lines, verbose=True)
        self.connections = Connections(self._happen, routes or Routes(), journal)

    def _happen(self, event: Event) -> None:
        self.events.append(event)
        self.react(event)
        self.connections.flush()

    def do(self, *effects: Any) -> None:
        """One step."""
        for effect in effects:
            self.connections.carry_out(effect)
        self.connections.flush()

    def received(self, number: int) -> bytes:
        events = [e for e in self.events if isinstance(e, Data) and e.connection == number]
        return b"".join(event.data for event in events)

    def ended(self, number: int) -> bool:
        """Whether it has, and nothing was heard of it since."""
        about = [e for e in self.events if getattr(e, "connection", None) == number]
        endings = about.count(Ended(number))
        assert endings <= 1
        assert not endings or about[-1] == Ended(number)
        return endings == 1


class Peer:
    """The other side of a connection to us."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def read(self, count: int) -> bytes:
        async with asyncio.timeout(PATIENCE):
            return await self.reader.readexactly(count)

    async def rest(self) -> bytes:
        async with asyncio.timeout(PATIENCE):
            return await self.reader.read(-1)

    async def close(self) -> None:
        self.writer.close()
        with suppress(OSError):
            await self.writer.wait_closed()


async def connect(wires: Wires, port: Port = Port.CLIENT) -> tuple[int, Peer]:
    """The number that a new connection has on our side, and its other side."""
    number = await wires.connections.listen(port, Address(LOOPBACK, 0))
    known = sum(isinstance(event, Accepted) for event in wires.events)
    peer = Peer(*await asyncio.open_connection(LOOPBACK, number, limit=1 << 16))
    await until(lambda: sum(isinstance(e, Accepted) for e in wires.events) > known)
    (accepted,) = [e for e in wires.events if isinstance(e, Accepted)][known:]
    assert accepted == Accepted(accepted.connection, port, LOOPBACK)
    return accepted.connection, peer


def wired(test: Callable[[Wires], Coroutine[Any, Any, None]], routes: Routes | None = None) -> None:
    """Run this test, and close all of our side behind it."""

    async def run() -> None:
        wires = Wires(routes)
        problems: list[str] = []
        asyncio.get_running_loop().set_exception_handler(
            lambda _, context: problems.append(str(context))
        )
        try:
            await test(wires)
        finally:
            await wires.connections.close(0)
        assert not problems

    asyncio.run(run())
