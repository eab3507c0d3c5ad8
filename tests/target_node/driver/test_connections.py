from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from target_node.driver import connection, connections
from target_node.driver.connection import Connection
from target_node.driver.routes import Routes
from target_node.protocol.ensemble import Address
from target_node.server.events import (
    Accepted,
    Connected,
    Data,
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
from tests.target_node.driver.wiring import LOOPBACK, Wires, connect, free_port, until, wired

MIB = 1 << 20


def test_a_connection_from_its_beginning_to_its_end() -> None:
    async def test(wires: Wires) -> None:
        number, peer = await connect(wires)
        peer.writer.write(b"one")
        await until(lambda: wires.received(number) == b"one")
        wires.do(Write(number, b"two"), Write(number, b"three"))
        assert await peer.read(8) == b"twothree"
        await peer.close()
        await until(lambda: wires.ended(number))
        wires.do(Write(number, b"late"), HangUp(number), Hold(number), Resume(number))
        second, other = await connect(wires, Port.QUORUM)
        assert (number, second) == (1, 2)
        await other.close()

    wired(test)


def test_what_is_written_in_a_step_leaves_in_one_piece() -> None:
    class Transport(asyncio.Transport):
        def __init__(self) -> None:
            super().__init__()
            self.writes: list[bytes] = []

        def write(self, data: bytes | bytearray | memoryview) -> None:
            self.writes.append(bytes(data))

        def is_closing(self) -> bool:
            return False

        def get_write_buffer_size(self) -> int:
            return 0

        def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
            pass

    one = Connection(Port.CLIENT, lambda event: None, lambda event, detail: None, lambda made: 1)
    transport = Transport()
    one.connection_made(transport)
    for data in (b"a", b"b", b"c"):
        one.write(data)
    assert transport.writes == []
    one.flush()
    one.flush()
    one.write(b"d")
    one.flush()
    assert transport.writes == [b"abc", b"d"]


def test_a_stream_is_taken_as_it_can_leave_and_the_rest_waits_behind_it() -> None:
    async def test(wires: Wires) -> None:
        number, peer = await connect(wires, Port.QUORUM)
        taken = 0

        def chunks(mark: bytes, count: int) -> Iterator[bytes]:
            nonlocal taken
            for _ in range(count):
                taken += 1
                yield mark * MIB

        wires.do(
            Write(number, b"before"),
            Stream(number, chunks(b"x", 100)),
            Write(number, b"between"),
            Stream(number, chunks(b"y", 2)),
        )
        wires.do(Write(number, b"behind"))
        assert await peer.read(6) == b"before"
        at_first = taken
        for _ in range(20):
            await asyncio.sleep(0.01)
        # The kernel's buffers, the peer's and ours, and no more.
        assert at_first <= taken < 60
        for _ in range(100):
            assert await peer.read(MIB) == b"x" * MIB
        assert await peer.read(7) == b"between"
        assert await peer.read(2 * MIB) == b"y" * 2 * MIB
        assert await peer.read(6) == b"behind"
        wires.do(Write(number, b"again"))
        assert await peer.read(5) == b"again"
        await peer.close()

    wired(test)


def test_others_are_served_while_a_stream_leaves() -> None:
    async def test(wires: Wires) -> None:
        number, peer = await connect(wires, Port.QUORUM)
        ticks = 0

        async def tick() -> None:
            nonlocal ticks
            while True:
                ticks += 1
                await asyncio.sleep(0)

        ticking = asyncio.create_task(tick())
        seen: list[int] = []

        def chunks() -> Iterator[bytes]:
            for _ in range(64):
                seen.append(ticks)
                yield bytes(1 << 17)

        wires.do(Stream(number, chunks()))
        await peer.read(64 << 17)
        # Two chunks make a piece, and between two pieces the loop has turned.
        assert all(before < after for before, after in zip(seen[::2], seen[2::2], strict=False))
        ticking.cancel()
        await peer.close()

    wired(test)


def test_an_empty_stream_is_nothing() -> None:
    async def test(wires: Wires) -> None:
        number, peer = await connect(wires)
        wires.do(Stream(number, []), Write(number, b"x"), Stream(number, [b""]), HangUp(number))
        assert await peer.rest() == b"x"
        await peer.close()

    wired(test)


@pytest.mark.parametrize("streamed", [False, True])
def test_a_hang_up_comes_behind_all_that_was_written(streamed: bool) -> None:
    async def test(wires: Wires) -> None:
        number, peer = await connect(wires)
        data = [bytes([i]) * MIB for i in range(20)]
        if streamed:
            wires.do(Stream(number, iter(data)), HangUp(number))
        else:
            wires.do(*[Write(number, piece) for piece in data], HangUp(number))
        wires.do(Write(number, b"after"))
        peer.writer.write(b"unheard")
        assert await peer.rest() == b"".join(data)
        await peer.close()
        await until(lambda: wires.ended(number))
        assert wires.received(number) == b""

    wired(test)


def test_a_hang_up_does_not_wait_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "FLUSH_SECONDS", 0.05)

    async def test(wires: Wires) -> None:
        number, peer = await connect(wires)
        wires.do(Stream(number, (bytes(MIB) for _ in range(1000))), HangUp(number))
        await until(lambda: wires.ended(number))
        await peer.close()

    wired(test)


def test_who_never_closes_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "LINGER_SECONDS", 0.05)
    monkeypatch.setattr(connection, "FLUSH_SECONDS", 10_000)

    async def test(wires: Wires) -> None:
        number, peer = await connect(wires)
        wires.do(Write(number, b"bye"), HangUp(number))
        assert await peer.rest() == b"bye"
        await until(lambda: wires.ended(number))
        await peer.close()

    wired(test)


def test_who_shuts_his_half_still_gets_his_answer() -> None:
    async def test(wires: Wires) -> None:
        def answer(event: Event) -> None:
            if isinstance(event, Data):
                chunks = (bytes(MIB) for _ in range(20))
                wires.connections.carry_out(Stream(event.connection, chunks))

        wires.react = answer
        number, peer = await connect(wires)
        peer.writer.write(b"dump")
        peer.writer.write_eof()
        assert len(await peer.rest()) == 20 * MIB
        await until(lambda: wires.ended(number))
        await peer.close()

    wired(test)


def test_nothing_is_read_between_hold_and_resume() -> None:
    async def test(wires: Wires) -> None:
        number, peer = await connect(wires)
        wires.do(Hold(number))
        peer.writer.write(b"held")
        for _ in range(20):
            await asyncio.sleep(0.01)
        assert wires.received(number) == b""
        wires.do(Resume(number))
        await until(lambda: wires.received(number) == b"held")
        await peer.close()

    wired(test)


@pytest.mark.parametrize("port", [Port.CLIENT, Port.QUORUM])
def test_a_client_that_takes_no_answers_may_not_ask_for_more_but_a_peer_may(port: Port) -> None:
    async def test(wires: Wires) -> None:
        number, peer = await connect(wires, port)
        wires.do(Write(number, bytes(30 * MIB)))
        peer.writer.write(b"more")
        if port is Port.QUORUM:
            await until(lambda: wires.received(number) == b"more")
        else:
            for _ in range(20):
                await asyncio.sleep(0.01)
            assert wires.received(number) == b""
        # Not even when the core itself has enough of holding it.
        wires.do(Hold(number), Resume(number))
        await peer.read(30 * MIB)
        await until(lambda: wires.received(number) == b"more")
        await peer.close()

    wired(test)


@pytest.mark.parametrize("behind_a_stream", [False, True])
def test_who_is_too_far_behind_is_given_up(
    monkeypatch: pytest.MonkeyPatch, behind_a_stream: bool
) -> None:
    monkeypatch.setattr(connection, "MOST_WAITING", 20 * MIB)

    async def test(wires: Wires) -> None:
        number, peer = await connect(wires, Port.QUORUM)
        if behind_a_stream:
            wires.do(Stream(number, (bytes(MIB) for _ in range(1000))))
        for _ in range(100):
            wires.do(Write(number, bytes(MIB)))
            await asyncio.sleep(0)
        await until(lambda: wires.ended(number))
        assert "output_not_read" in wires.lines.getvalue()
        await peer.close()

    wired(test)


def test_a_dial_that_succeeds() -> None:
    async def test(wires: Wires) -> None:
        number = await wires.connections.listen(Port.ELECTION, Address(LOOPBACK, 0))
        wires.connections.dial(Dial(-1, Port.ELECTION, 2, Address(LOOPBACK, number)))
        await until(lambda: Connected(-1) in wires.events)
        await until(lambda: any(isinstance(event, Accepted) for event in wires.events))
        wires.do(Write(-1, b"hello"))
        await until(lambda: wires.received(1) == b"hello")
        wires.do(HangUp(1))
        await until(lambda: wires.ended(1) and wires.ended(-1))

    wired(test)


@pytest.mark.parametrize(
    "address",
    [Address(LOOPBACK, 0), Address(LOOPBACK, 70_000), Address("a..b", 1), Address("x" * 80, 1)],
    ids=str,
)
def test_a_dial_that_fails_has_ended(address: Address) -> None:
    async def test(wires: Wires) -> None:
        to = Address(LOOPBACK, free_port()) if address.port == 0 else address
        wires.connections.dial(Dial(-1, Port.QUORUM, 2, to))
        await until(lambda: wires.ended(-1))
        assert Connected(-1) not in wires.events
        assert "dial_failed sid=2 port=quorum" in wires.lines.getvalue()

    wired(test)


@pytest.mark.parametrize("at_once", [False, True])
def test_a_dial_that_nobody_answers(monkeypatch: pytest.MonkeyPatch, at_once: bool) -> None:
    monkeypatch.setattr(connections, "DIAL_SECONDS", 0.2)

    async def test(wires: Wires) -> None:
        with ExitStack() as sockets:
            deaf = sockets.enter_context(socket.socket())
            deaf.bind((LOOPBACK, 0))
            deaf.listen(0)
            # One fits into its queue; of the others the kernel forgets that they have knocked.
            for _ in range(2):
                caller = sockets.enter_context(socket.socket())
                caller.setblocking(False)
                caller.connect_ex(deaf.getsockname())
            wires.connections.dial(Dial(-1, Port.QUORUM, 2, Address(*deaf.getsockname())))
            if at_once:
                wires.do(HangUp(-1))
            await until(lambda: wires.ended(-1))
        assert wires.events == [Ended(-1)]
        assert ("given up" if at_once else "no answer") in wires.lines.getvalue()

    wired(test)


def test_a_dial_takes_the_way_that_the_routes_say(tmp_path: Path) -> None:
    file = tmp_path / "routes"

    async def test(wires: Wires) -> None:
        number = await wires.connections.listen(Port.QUORUM, Address(LOOPBACK, 0))
        file.write_text(json.dumps({"quorum": {"2": f"{LOOPBACK}:{number}"}}))
        wires.connections.dial(Dial(-1, Port.QUORUM, 2, Address(LOOPBACK, free_port())))
        await until(lambda: Connected(-1) in wires.events)

    wired(test, Routes(file))


def test_closing_lets_the_last_words_leave_and_takes_nobody_in() -> None:
    async def test(wires: Wires) -> None:
        number, peer = await connect(wires)
        at = peer.writer.get_extra_info("peername")
        wires.do(Write(number, bytes(5 * MIB)))
        closing = asyncio.create_task(wires.connections.close(30))
        assert len(await peer.rest()) == 5 * MIB
        await peer.close()
        await closing
        assert wires.ended(number)
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection(*at)

    wired(test)


def test_closing_does_not_wait_for_those_who_do_not_read() -> None:
    async def test(wires: Wires) -> None:
        number, peer = await connect(wires)
        wires.do(Stream(number, (bytes(MIB) for _ in range(1000))))
        await wires.connections.close(0.05)
        assert wires.ended(number)
        await peer.close()

    wired(test)


def test_many_at_once() -> None:
    async def test(wires: Wires) -> None:
        def echo(event: Event) -> None:
            if isinstance(event, Data):
                wires.connections.carry_out(Write(event.connection, event.data))

        wires.react = echo
        number = await wires.connections.listen(Port.CLIENT, Address(LOOPBACK, 0))

        async def one(i: int) -> None:
            reader, writer = await asyncio.open_connection(LOOPBACK, number)
            writer.write(f"{i:05}".encode())
            assert await reader.readexactly(5) == f"{i:05}".encode()
            writer.close()
            await writer.wait_closed()

        await asyncio.gather(*map(one, range(300)))
        numbers = [event.connection for event in wires.events if isinstance(event, Accepted)]
        assert numbers == list(range(1, 301))
        await until(lambda: all(map(wires.ended, numbers)))

    wired(test)
