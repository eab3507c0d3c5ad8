from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import pytest

from harness.sim.clock import SimClock
from harness.sim.disk import FULL
from harness.sim.disk_queue import DiskPace
from harness.sim.loop import MS, SECOND, run
from harness.sim.node import Record
from harness.sim.world import SimWorld, isolating
from target_node.wire.data import OPEN_ACL_UNSAFE
from target_node.wire.replies import Create2Response
from target_node.wire.requests import Create2Request
from tests.harness.sim.client import Client, Lost

Main = Callable[[SimWorld], Awaitable[None]]


def in_world(main: Main, *, seed: int = 1, size: int = 3, **more: Any) -> SimWorld:
    """The world after `main`; no node broke in it."""

    async def begin() -> SimWorld:
        world = SimWorld(seed, size, tick_ms=200, least_timeout_ms=400, **more)
        world.start()
        assert await world.until(world.all_serve, 30)
        await main(world)
        assert not world.failures
        return world

    return run(begin(), most_s=2000)


async def create(world: SimWorld, path: str, node: str = "n1") -> int:
    """The zxid of it."""
    client = Client(world.network, "c")
    await client.connect(node)
    reply = await client.call(Create2Request(path, b"", OPEN_ACL_UNSAFE, 0))
    assert isinstance(reply.body, Create2Response), reply
    await client.close()
    return reply.zxid


def of(world: SimWorld, event: str, node: int | None = None) -> list[Record]:
    return [e for e in world.events() if e["event"] == event and node in (None, e["node"])]


def follower(world: SimWorld) -> str:
    return next(name for name, role in world.roles().items() if role == "follower")


def test_an_ensemble_comes_up_and_tells_so_as_a_real_one_does() -> None:
    async def main(world: SimWorld) -> None:
        assert sorted(world.roles().values()) == ["follower", "follower", "leader", "observer"]
        assert world.names == ("n1", "n2", "n3", "n4")
        (established,) = of(world, "established")
        assert list(established)[:4] == ["ms", "mono_ns", "node", "event"]
        assert established["ms"] - 1_700_000_000_000 == established["mono_ns"] // MS
        assert world.leader() == f"n{established['node']}"

    in_world(main, observers=1)


def test_what_was_answered_survives_the_power_of_all() -> None:
    async def main(world: SimWorld) -> None:
        zxid = await create(world, "/kept")
        for name in world.names:
            world.power_off(name)
        assert set(world.roles().values()) == {""}
        world.start()
        assert await world.until(world.all_serve, 30)
        for node in world.nodes.values():
            assert node.server is not None
            assert node.server.place.history.tree.nodes["/kept"].czxid == zxid

    in_world(main)


def test_a_killed_follower_is_missed_by_nobody_and_catches_up() -> None:
    async def main(world: SimWorld) -> None:
        name = follower(world)
        world.kill(name)
        leader = world.leader()
        assert leader is not None
        zxid = await create(world, "/a", leader)
        world.start(name)
        assert await world.until(world.all_serve, 30)
        server = world.nodes[name].server
        assert server is not None
        assert server.place.history.tree.last_zxid >= zxid

    in_world(main)


@pytest.mark.parametrize("power", [False, True])
def test_a_crash_between_any_two_effects_is_mended(power: bool) -> None:
    async def main(world: SimWorld) -> None:
        for effects in range(0, 40, 3):
            name = world.leader() if effects % 2 else follower(world)
            assert name is not None
            world.nodes[name].crash_after(effects, power=power)
            with suppress(Lost):
                for number in range(100):
                    await create(world, f"/{effects}-{number}", name)
            assert not world.nodes[name].up
            world.start()
            assert await world.until(world.all_serve, 30)

    in_world(main)


def test_a_crash_within_any_operation_of_the_disk_is_mended() -> None:
    async def main(world: SimWorld) -> None:
        for changes in range(12):
            name = follower(world)
            world.nodes[name].crash_in_disk(changes, power=changes % 2 == 0)
            for number in range(9):
                await create(world, f"/{changes}-{number}", world.leader() or "")
            assert not world.nodes[name].up
            world.start()
            assert await world.until(world.all_serve, 30)
        assert of(world, "mended")
        assert not of(world, "cannot-start")

    in_world(main)


def test_a_paused_leader_is_deposed_and_follows_when_it_goes_on() -> None:
    async def main(world: SimWorld) -> None:
        old = world.leader()
        assert old is not None
        world.pause(old)
        assert await world.until(lambda: world.leader() not in (None, old), 30)
        await create(world, "/a", follower(world))
        world.resume(old)
        assert await world.until(world.all_serve, 30)
        assert world.leader() != old

    in_world(main)


def test_a_leader_that_is_cut_off_knows_it_in_time() -> None:
    async def main(world: SimWorld) -> None:
        old = world.leader()
        assert old is not None
        world.cut(isolating([old], world.names))
        await asyncio.sleep(10)
        assert world.roles()[old] == ""
        assert world.leader() is not None
        world.cut(())
        assert await world.until(world.all_serve, 30)

    in_world(main)


def test_a_full_disk_ends_the_node_and_leaves_what_it_held() -> None:
    async def main(world: SimWorld) -> None:
        name = follower(world)
        zxid = await create(world, "/a")
        world.nodes[name].disk.fails = FULL
        await create(world, "/b", world.leader() or "")
        await asyncio.sleep(1)
        assert not world.nodes[name].up
        assert "No space" in of(world, "halt")[0]["why"] or "28" in of(world, "halt")[0]["why"]
        world.start(name)
        assert not world.nodes[name].up, "it is full still"
        world.lift_faults()
        assert await world.until(world.all_serve, 30)
        server = world.nodes[name].server
        assert server is not None
        assert server.place.history.tree.nodes["/a"].czxid == zxid

    in_world(main)


def test_a_wiped_node_gets_everything_from_the_others() -> None:
    async def main(world: SimWorld) -> None:
        name = follower(world)
        zxid = await create(world, "/a")
        world.wipe(name)
        world.start(name)
        assert await world.until(world.all_serve, 30)
        server = world.nodes[name].server
        assert server is not None
        assert server.place.history.tree.nodes["/a"].czxid == zxid

    in_world(main)


def test_a_slow_disk_makes_answers_wait_and_nothing_else() -> None:
    async def main(world: SimWorld) -> None:
        for node in world.nodes.values():
            node.disk_pace = DiskPace(300, 0)
        started_s = world.seconds
        await create(world, "/a")
        assert 0.9 < world.seconds - started_s < 1.2, "a session, a node and its end"
        assert len(of(world, "established")) == 1

    in_world(main)


def test_a_fast_clock_makes_a_node_impatient_and_an_offset_does_not() -> None:
    async def main(world: SimWorld) -> None:
        name = follower(world)
        world.nodes[name].set_clock(offset_ms=3_600_000)
        await asyncio.sleep(20)
        assert not of(world, "leaving")
        world.nodes[name].set_clock(rate=20.0)
        await asyncio.sleep(20)
        assert {event["node"] for event in of(world, "leaving")} >= {int(name[1:])}
        world.nodes[name].set_clock()
        assert await world.until(world.all_serve, 30)

    in_world(main)


def test_a_clock_may_run_at_another_rate_from_any_moment_on() -> None:
    clock = SimClock()
    assert clock.now(5 * MS).ms == 5
    clock.set(SECOND, offset_ms=100, rate=2.0)
    now = clock.now(2 * SECOND)
    assert (now.ms, now.wall_ms - 1_700_000_000_000) == (3000, 3100)
    assert clock.when_ns(3000) == 2 * SECOND
    clock.set(2 * SECOND, offset_ms=0, rate=1.0)
    assert (clock.now(2 * SECOND).ms, clock.when_ns(4000)) == (3000, 3 * SECOND)
