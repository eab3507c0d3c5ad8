from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TypeVar

import pytest

from harness.chance import Chance
from harness.sim.connection import End, Taker
from harness.sim.loop import SECOND, SimLoop, run
from harness.sim.network import Network, Pace, Temper

T = TypeVar("T")
PATIENT = Temper(patience=0)


class Shop:
    """Listens on host `s`, and remembers what came over which connection."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self.came: list[bytes] = []
        self.ends: list[End] = []
        self.ended = 0
        network.listen("s", 1, self._accept)

    def _accept(self, end: End) -> Taker:
        self.ends.append(end)
        return _Clerk(self, end)

    @property
    def heard(self) -> bytes:
        return b"".join(self.came)


class _Clerk:
    def __init__(self, shop: Shop, end: End) -> None:
        self.shop, self.end = shop, end

    def came(self, data: bytes) -> None:
        self.shop.came.append(data)
        self.end.write(data.upper())

    def finished(self) -> None:
        self.end.hang_up()

    def ended(self) -> None:
        self.shop.ended += 1


def in_network(
    main: Callable[[Network, Shop], Awaitable[T]],
    *,
    seed: int = 1,
    temper: Temper = PATIENT,
    pace: Pace | None = None,
) -> T:
    async def begin() -> T:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, SimLoop)
        network = Network(loop, Chance(seed), temper=temper, pace=pace)
        return await main(network, Shop(network))

    return run(begin(), most_s=1000)


def test_a_client_speaks_and_is_answered() -> None:
    async def main(network: Network, shop: Shop) -> None:
        reader, writer = await network.connect("s", 1)
        writer.writelines([b"hel", b"lo"])
        await writer.drain()
        assert await reader.readexactly(5) == b"HELLO"
        writer.close()
        await writer.wait_closed()
        assert writer.is_closing()
        await asyncio.sleep(1)
        assert shop.ended == 1
        with pytest.raises(ConnectionResetError):
            await writer.drain()

    in_network(main)


@pytest.mark.parametrize("seed", range(20))
def test_bytes_arrive_in_order_however_they_are_cut(seed: int) -> None:
    async def main(network: Network, shop: Shop) -> None:
        reader, writer = await network.connect("s", 1)
        said = b""
        for number in range(100):
            piece = b"%d," % number
            writer.write(piece)
            said += piece
            await asyncio.sleep(0.0001 * (number % 3))
        assert await reader.readexactly(len(said)) == said
        assert shop.heard == said
        assert all(piece not in shop.came for piece in (b"", said))
        assert len(shop.came) > 100

    in_network(main, seed=seed, temper=Temper(split=2))


def test_what_a_cut_stalls_arrives_when_it_heals() -> None:
    async def main(network: Network, shop: Shop) -> None:
        reader, writer = await network.connect("s", 1)
        network.cut([("clients", "s")])
        writer.write(b"late")
        await asyncio.sleep(100)
        assert not shop.came
        network.cut([])
        assert await reader.readexactly(4) == b"LATE"

    in_network(main)


def test_a_cut_may_be_one_way() -> None:
    async def main(network: Network, shop: Shop) -> None:
        reader, writer = await network.connect("s", 1)
        network.cut([("s", "clients")])
        writer.write(b"one way")
        await asyncio.sleep(1)
        assert shop.heard == b"one way"
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(reader.read(1), 10)

    in_network(main)


def test_who_loses_patience_hears_nothing_more_and_the_other_learns_it_by_speaking() -> None:
    async def main(network: Network, shop: Shop) -> None:
        reader, writer = await network.connect("s", 1)
        writer.write(b"a")
        await reader.readexactly(1)
        network.cut([("clients", "s")])
        writer.write(b"b")
        with pytest.raises(ConnectionResetError):
            await reader.read(1)
        network.cut([])
        await asyncio.sleep(100)
        assert (shop.heard, shop.ended) == (b"a", 0), "half open"
        shop.ends[0].write(b"are you there?")
        await asyncio.sleep(1)
        assert shop.ended == 1

    in_network(main, temper=Temper(patience=1, patience_s=5))


def test_a_dial_over_a_cut_link_hangs_and_then_comes_through_or_is_given_up() -> None:
    async def main(network: Network, shop: Shop) -> None:
        network.cut([("s", "clients")])
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(network.connect("s", 1), 30)
        dial = asyncio.create_task(network.connect("s", 1))
        await asyncio.sleep(5)
        assert not dial.done()
        network.cut([])
        _, writer = await dial
        assert len(shop.ends) == 0, "who dialled knows it first"
        writer.write(b"x")
        await asyncio.sleep(1)
        assert shop.heard == b"x"
        network.power_off("s")
        with pytest.raises(TimeoutError, match="s:1 does not answer"):
            await network.connect("s", 1)

    in_network(main)


def test_nobody_there_and_whoever_is_refused() -> None:
    async def main(network: Network, shop: Shop) -> None:
        with pytest.raises(ConnectionRefusedError):
            await network.connect("s", 2)
        reader, writer = await network.connect("s", 1)
        network.refuse([("clients", "s")])
        with pytest.raises(ConnectionRefusedError):
            await network.connect("s", 1)
        with pytest.raises(ConnectionResetError):
            await reader.read(1)
        assert writer.is_closing()
        network.refuse([])
        await network.connect("s", 1)

    in_network(main)


@pytest.mark.parametrize("seed", range(10))
def test_a_process_that_is_killed_leaves_a_beginning_of_what_it_said(seed: int) -> None:
    async def main(network: Network, shop: Shop) -> bytes:
        reader, writer = await network.connect("s", 1)
        writer.write(b"a")
        await reader.readexactly(1)
        for number in range(10):
            shop.ends[0].write(b"%d" % number)
        network.kill("s")
        came = b""
        with suppress(ConnectionResetError):
            while data := await reader.read(99):
                came += data
        with pytest.raises(ConnectionRefusedError):
            await network.connect("s", 1)
        assert shop.ended == 0, "the dead hear nothing"
        return came

    assert b"0123456789".startswith(in_network(main, seed=seed))


def test_of_a_machine_without_power_one_hears_when_it_is_back() -> None:
    async def main(network: Network, shop: Shop) -> None:
        reader, writer = await network.connect("s", 1)
        writer.write(b"a")
        await reader.readexactly(1)
        network.power_off("s")
        writer.write(b"b")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(reader.read(1), 50)
        network.power_on("s")
        with pytest.raises(ConnectionResetError):
            await reader.read(1)
        assert shop.heard == b"a"

    in_network(main)


def test_a_slow_link_is_late_and_narrow() -> None:
    async def main(network: Network, shop: Shop) -> None:
        reader, writer = await network.connect("s", 1)
        network.slow({("clients", "s"): Pace(delay_ms=500, jitter_ms=0, bytes_per_s=1000)})
        started_ns = network.loop.now_ns
        writer.write(bytes(2000))
        await reader.readexactly(2000)
        took_s = (network.loop.now_ns - started_ns) / SECOND
        assert 2.5 <= took_s < 3.1

    in_network(main, temper=Temper(split=0, patience=0))


def test_what_is_held_waits_in_order() -> None:
    async def main(network: Network, shop: Shop) -> None:
        reader, writer = await network.connect("s", 1)
        writer.write(b"a")
        await reader.readexactly(1)
        shop.ends[0].hold()
        writer.write(b"b")
        await asyncio.sleep(1)
        writer.write(b"c")
        writer.close()
        await asyncio.sleep(1)
        assert shop.heard == b"a"
        shop.ends[0].resume()
        await asyncio.sleep(1)
        assert (shop.heard, shop.ended) == (b"abc", 1)

    in_network(main)


def test_a_stream_is_taken_as_it_can_leave_and_all_else_waits_behind_it() -> None:
    async def main(network: Network, shop: Shop) -> None:
        reader, writer = await network.connect("s", 1)
        writer.write(b"a")
        await reader.readexactly(1)
        taken: list[int] = []

        def chunks() -> object:
            for number in range(20):
                taken.append(number)
                yield b"%d," % number

        end = shop.ends[0]
        end.stream(chunks())  # type: ignore[arg-type]
        end.write(b"end")
        assert 0 < len(taken) < 10
        end.hang_up()
        assert await reader.read() == b"".join(b"%d," % n for n in range(20)) + b"end"
        await asyncio.sleep(1)
        assert shop.ended == 1

    in_network(main)
