"""Does the proxy let through what it should, when it should, and nothing else?

One place is a server that the test listens for; what comes through the doors to it is real.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from harness.local.flow import MOST_HELD
from harness.local.lines import Gone, Lines
from harness.local.proxy import Switchboard

PATIENCE_S = 180.0
SHORT_S = 0.15  # in which nothing must come; that something could have come is shown elsewhere
CUT = {"cut": True}


class Target:
    """A server whose connections wait for the test to take them up."""

    def __init__(self) -> None:
        self.came: asyncio.Queue[Peer] = asyncio.Queue()
        self.count = 0
        self.writers: list[asyncio.StreamWriter] = []

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.count += 1
        self.writers.append(writer)
        self.came.put_nowait(Peer(reader, writer))


class Peer:
    """One end of a connection through the proxy."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    def say(self, data: bytes) -> None:
        self.writer.write(data)

    def break_off(self) -> None:
        sock = self.writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()

    async def hears(self, data: bytes) -> None:
        async with asyncio.timeout(PATIENCE_S):
            assert await self.reader.readexactly(len(data)) == data

    async def hears_nothing(self) -> None:
        with contextlib.suppress(TimeoutError):
            data = await asyncio.wait_for(self.reader.read(1), SHORT_S)
            raise AssertionError(f"heard {data!r}")

    async def hears_the_end(self) -> None:
        async with asyncio.timeout(PATIENCE_S):
            assert await self.reader.read(1) == b""

    async def is_reset(self) -> None:
        async with asyncio.timeout(PATIENCE_S):
            with pytest.raises(ConnectionResetError):
                await self.reader.read(1)


class World:
    """A door from n1 to n2, where the target is, and what can be told to the proxy."""

    def __init__(self, board: Switchboard, port: int, target: Target) -> None:
        self.board = board
        self.port = port
        self.target = target
        self.writers: list[asyncio.StreamWriter] = []

    async def set(self, *links: tuple[str, str, dict[str, Any]], door: str = "open") -> None:
        await self.board.do({"do": "set", "links": links, "doors": {"d": door}})

    async def come(self) -> Peer:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        self.writers.append(writer)
        return Peer(reader, writer)

    async def pair(self) -> tuple[Peer, Peer]:
        comes = await self.come()
        async with asyncio.timeout(PATIENCE_S):
            return comes, await self.target.came.get()

    async def given(self) -> dict[str, int]:
        told = await self.board.do({"do": "count"})
        return {f"{a}>{b}": given for a, b, _, given in told["links"]}

    async def probe(self, *link: str, **more: int) -> dict[str, Any]:
        asked = {"do": "probe", "links": [link], "pieces": 1, "size": 1, "for_ms": 100, **more}
        (found,) = (await self.board.do(asked))["links"]
        assert isinstance(found, dict)
        return found


@contextlib.asynccontextmanager
async def world() -> AsyncIterator[World]:
    target = Target()
    server = await asyncio.start_server(target.take, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    board = Switchboard()
    doors = {"d": ["n1", "n2", "127.0.0.1", port]}
    told = await board.do({"do": "open", "seed": 1, "doors": doors})
    one = World(board, told["ports"]["d"], target)
    try:
        yield one
    finally:
        server.close()
        for writer in (*one.writers, *target.writers):
            writer.transport.abort()
        await one.set(door="reset")
        await one.set(door="refuse")
        board.close()
        await asyncio.sleep(0.01)


def play(test: Callable[[World], Coroutine[Any, Any, None]]) -> None:
    async def run() -> None:
        async with world() as one:
            await test(one)

    asyncio.run(run())


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not holds():  # noqa: ASYNC110  what is waited for is told to others
            await asyncio.sleep(0.002)


def test_what_is_said_comes_both_ways_and_so_does_the_end() -> None:
    async def test(w: World) -> None:
        comes, there = await w.pair()
        comes.say(b"x" * 1_000_000)
        await there.hears(b"x" * 1_000_000)
        there.say(b"yes")
        await comes.hears(b"yes")
        comes.writer.write_eof()
        await there.hears_the_end()
        there.say(b"bye")
        there.writer.close()
        await comes.hears(b"bye")
        await comes.hears_the_end()
        assert await w.given() == {"n1>n2": 1_000_000, "n2>n1": 6}
        assert w.board.flows() == 0

    play(test)


def test_words_that_are_said_before_the_target_is_there_are_not_lost() -> None:
    async def test(w: World) -> None:
        comes = await w.come()
        comes.say(b"stat")
        comes.writer.write_eof()
        there = await w.target.came.get()
        await there.hears(b"stat")
        await there.hears_the_end()

    play(test)


@pytest.mark.parametrize("cut", ["n1>n2", "n2>n1"])
def test_a_link_is_cut_one_way_whoever_came(cut: str) -> None:
    async def test(w: World) -> None:
        comes, there = await w.pair()
        a, b = cut.split(">")
        speaker, hearer = (comes, there) if a == "n1" else (there, comes)
        await w.set((a, b, CUT))
        speaker.say(b"cut")
        hearer.say(b"open")
        await speaker.hears(b"open")
        await hearer.hears_nothing()
        assert (await w.given())[cut] == 0
        assert await w.probe(a, b) == {
            "link": (a, b), "arrived": 0, "first_ms": None, "last_ms": None, "given": 0,
        }  # fmt: skip
        await w.set()
        await hearer.hears(b"cut")
        assert (await w.probe(a, b))["arrived"] == 1

    play(test)


@pytest.mark.parametrize("link", [("n1", "n2"), ("n2", "n1")])
def test_who_comes_while_a_way_is_cut_is_silent_until_it_is_whole(link: tuple[str, str]) -> None:
    async def test(w: World) -> None:
        await w.set((*link, CUT))
        comes = await w.come()
        comes.say(b"hello")
        gives_up = await w.come()
        gives_up.say(b"never mind")
        gives_up.writer.close()
        await comes.hears_nothing()
        await until(lambda: w.board.flows() == 1)
        assert w.target.count == 0
        await w.set()
        there = await w.target.came.get()
        await there.hears(b"hello")
        there.say(b"you too")
        await comes.hears(b"you too")
        assert w.target.count == 1, "who had given up is not heard of"

    play(test)


def test_over_a_cut_link_nobody_hears_of_an_end() -> None:
    async def test(w: World) -> None:
        comes, there = await w.pair()
        await w.set(("n1", "n2", CUT))
        comes.say(b"last words")
        comes.writer.transport.abort()
        await there.hears_nothing()
        there.say(b"are you there?")
        await there.hears_nothing()
        await w.set()
        with contextlib.suppress(ConnectionResetError):  # which may overtake the last words
            await there.hears(b"last words")
            await there.hears_the_end()
            there.writer.close()
        await until(lambda: w.board.flows() == 0)

    play(test)


def test_one_side_is_reset_when_the_other_is() -> None:
    async def test(w: World) -> None:
        for first in (0, 1):
            pair = await w.pair()
            pair[first].say(b"x")
            await pair[1 - first].hears(b"x")
            pair[first].break_off()
            await pair[1 - first].is_reset()
            await until(lambda: w.board.flows() == 0)

    play(test)


def test_a_target_that_is_not_there_resets() -> None:
    async def run() -> None:
        board = Switchboard()
        server = await asyncio.start_server(lambda r, w: None, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        server.close()
        await server.wait_closed()
        doors = {"d": ["n1", "n2", "127.0.0.1", port]}
        told = await board.do({"do": "open", "seed": 1, "doors": doors})
        reader, writer = await asyncio.open_connection("127.0.0.1", told["ports"]["d"])
        await Peer(reader, writer).is_reset()
        writer.close()
        board.close()
        assert board.flows() == 0

    asyncio.run(run())


def test_a_door_resets_those_inside_and_those_who_come() -> None:
    async def test(w: World) -> None:
        comes, there = await w.pair()
        await w.set(door="reset")
        await comes.is_reset()
        await there.is_reset()
        await (await w.come()).is_reset()
        assert w.target.count == 1
        await w.set()
        comes, there = await w.pair()
        comes.say(b"again")
        await there.hears(b"again")

    play(test)


def test_a_door_refuses_and_keeps_its_port() -> None:
    async def test(w: World) -> None:
        comes, there = await w.pair()
        await w.set(door="refuse")
        with pytest.raises(ConnectionRefusedError):
            await w.come()
        comes.say(b"inside")
        await there.hears(b"inside")
        await w.set()
        comes, there = await w.pair()
        comes.say(b"again")
        await there.hears(b"again")

    play(test)


def test_a_late_link_is_late_and_in_order() -> None:
    async def test(w: World) -> None:
        comes, there = await w.pair()
        await w.set(("n1", "n2", {"delay_ms": 50, "jitter_ms": 100}))
        loop = asyncio.get_running_loop()
        began = loop.time()
        for number in range(20):
            comes.say(bytes([number]))
            await asyncio.sleep(0.001)
        await there.hears(bytes(range(20)))
        assert loop.time() - began >= 0.05
        assert (await w.probe("n1", "n2", for_ms=20_000))["first_ms"] >= 50
        await w.set(("n1", "n2", {"delay_ms": 10_000_000}))
        comes.say(b"never")
        await there.hears_nothing()
        await w.set()
        await there.hears(b"never")

    play(test)


def test_a_narrow_link_lets_so_many_bytes_through() -> None:
    async def test(w: World) -> None:
        comes, there = await w.pair()
        await w.set(("n1", "n2", {"bytes_per_s": 100_000}))
        began = asyncio.get_running_loop().time()
        comes.say(b"x" * 30_000)
        await there.hears(b"x" * 30_000)
        assert asyncio.get_running_loop().time() - began >= 0.29
        found = await w.probe("n1", "n2", size=20_000, for_ms=20_000)
        assert found["arrived"] == 1
        assert found["last_ms"] >= 190

    play(test)


def test_a_lossy_link_stalls_and_loses_nothing() -> None:
    async def test(w: World) -> None:
        comes, there = await w.pair()
        await w.set(("n1", "n2", {"loss": 0.3}))
        data = bytes(range(256)) * 30
        comes.say(data)
        await there.hears(data)
        found = await w.probe("n1", "n2", pieces=20, for_ms=20_000)
        assert found["arrived"] == 20
        assert found["last_ms"] >= 200

    play(test)


@pytest.mark.parametrize("how", ["cut", "slow", "unread"])
def test_nobody_can_fill_the_memory(how: str) -> None:
    async def test(w: World) -> None:
        comes, there = await w.pair()
        if how == "cut":
            await w.set(("n1", "n2", CUT))
        elif how == "slow":
            await w.set(("n1", "n2", {"delay_ms": 10_000_000}))
        else:
            there.reader._transport.pause_reading()  # type: ignore[attr-defined]
        chunk, sent = b"x" * 65536, 0
        for _ in range(1000):
            comes.say(chunk)
            sent += len(chunk)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(SHORT_S):
                    await comes.writer.drain()
                    continue
            break
        else:
            raise AssertionError(f"{sent} bytes were taken")
        assert w.board.held() <= MOST_HELD + (256 << 10)

    play(test)


def test_the_process_does_as_it_is_told_and_ends(tmp_path: Path) -> None:
    async def run() -> None:
        proxy = Lines("harness.local.proxy")
        await proxy.start(tmp_path / "log")
        told = await proxy.ask("open", seed=1, doors={"d": ["a", "b", "127.0.0.1", 9]})
        assert told["ports"]["d"] > 0
        await proxy.ask("set", links=[["a", "b", CUT]], doors={})
        asked = {"links": [["a", "b"], ["b", "a"]], "pieces": 2, "size": 1, "for_ms": 50}
        found = (await proxy.ask("probe", **asked))["links"]
        assert [one["arrived"] for one in found] == [0, 2]
        with pytest.raises(Gone, match="could not dance: ValueError: no command"):
            await proxy.ask("dance")
        await proxy.stop()
        await proxy.stop()
        with pytest.raises(Gone, match="does not run"):
            await proxy.ask("count")

    asyncio.run(run())
