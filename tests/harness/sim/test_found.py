"""What storms have found, each as small as it could be made, and named after what went wrong."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from harness.sim.disk_queue import DiskPace
from harness.sim.world import SimWorld, isolating
from target_node.durable.names import counter_of
from target_node.protocol.ensemble import Role
from target_node.wire.codes import CreateMode, ErrorCode
from target_node.wire.data import OPEN_ACL_UNSAFE
from target_node.wire.requests import Create2Request, DeleteRequest, ReconfigRequest
from tests.harness.sim.client import Client, Lost
from tests.harness.sim.test_node import create, follower, in_world, of


def test_a_session_was_called_gone_because_of_a_close_that_was_never_committed() -> None:
    """By a leader without followers, which had let it expire: its ephemerals lived on."""

    async def main(world: SimWorld) -> None:
        leader, other = world.leader(), follower(world)
        assert leader is not None
        client = Client(world.network, "c", timeout_ms=400)
        await client.connect(leader)
        await client.call(Create2Request("/e", b"", OPEN_ACL_UNSAFE, CreateMode.EPHEMERAL))
        world.cut(isolating([leader], world.names))
        client.drop()
        await asyncio.sleep(0.7)
        assert [e for e in world.events() if e["event"] == "session_expired"]
        assert world.leader() == leader, "it does not know yet"
        with pytest.raises(Lost):
            await client.connect(leader)
        while not client.connected:
            try:
                assert await client.connect(other), "another session"
            except Lost:
                await asyncio.sleep(0.02)
        assert (await client.call(DeleteRequest("/e", -1))).err == ErrorCode.OK

    in_world(main)


def test_a_server_that_was_no_member_any_more_could_not_start() -> None:
    async def main(world: SimWorld) -> None:
        name = follower(world)
        client = Client(world.network, "c")
        await client.connect(world.leader() or "")
        left = ReconfigRequest(None, name.removeprefix("n"), None, -1)
        assert (await client.call(left)).err == ErrorCode.OK
        await asyncio.sleep(1)
        world.restart(name)
        assert world.nodes[name].up
        (server,) = (one for one in world.ensemble.servers if f"n{one.sid}" == name)
        joined = ReconfigRequest(str(server), None, None, -1)
        assert await world.until(lambda: world.roles()[name] != "", 30), "it follows as a stranger"
        assert (await client.call(joined)).err == ErrorCode.OK
        assert await world.until(world.all_serve, 30)

    in_world(main, reconfigurable=True, checks_acl=False)


def test_servers_that_became_voters_while_they_followed_answered_nobody_who_looked() -> None:
    """Who looks for a leader needs the votes of a quorum, and waited for them for ever."""

    async def main(world: SimWorld) -> None:
        leader = world.leader()
        assert leader is not None
        first, second, third, _ = (name for name in world.names if name != leader)
        client = Client(world.network, "c")
        await client.connect(leader)
        sids = f"{first[1:]},{second[1:]}"
        assert (await client.call(ReconfigRequest(None, sids, None, -1))).err == ErrorCode.OK
        await asyncio.sleep(1)
        world.restart(first)
        world.restart(second)
        assert await world.until(world.all_serve, 30), "strangers follow too"
        them = ",".join(str(s) for s in world.ensemble.servers if f"n{s.sid}" in (first, second))
        assert (await client.call(ReconfigRequest(them, None, None, -1))).err == ErrorCode.OK
        await asyncio.sleep(1)
        world.restart(third)
        assert await world.until(world.all_serve, 30)

    in_world(main, size=5, reconfigurable=True, checks_acl=False)


def test_a_late_joiner_went_back_to_members_that_had_changed_while_it_joined() -> None:
    """What NEWLEADER had told took the place of a change that was committed before UPTODATE."""

    async def main(world: SimWorld) -> None:
        client = Client(world.network, "c")
        await client.connect(world.leader() or "")
        late = world.nodes[follower(world)]
        late.disk_pace = DiskPace(400, 0)
        world.restart(late.name)
        since = len(world.events())

        def joined() -> bool:
            fresh = world.events()[since:]
            return any(e["event"] == "joined" and e["node"] == late.settings.sid for e in fresh)

        assert await world.until(joined, 30, 0.01)
        assert (await client.call(ReconfigRequest(None, "4", None, -1))).err == ErrorCode.OK
        assert world.roles()[late.name] == "", "it is between NEWLEADER and UPTODATE"
        assert await world.until(lambda: world.roles()[late.name] == "follower", 30)
        assert late.server is not None
        assert "server.4" not in str(late.server.place.ensemble)

    in_world(main, observers=1, reconfigurable=True, checks_acl=False)


def test_a_server_that_slept_while_voters_became_observers_never_found_a_leader() -> None:
    """It asked those who had voted when it went down, of whom too few still did."""

    async def main(world: SimWorld) -> None:
        leader, late = world.leader(), follower(world)
        assert leader is not None
        world.kill(late)
        client = Client(world.network, "c")
        await client.connect(leader)
        voters = [one for one in world.ensemble.servers if f"n{one.sid}" not in (leader, late)]
        for one in voters[:2]:
            change = ReconfigRequest(str(replace(one, role=Role.OBSERVER)), None, None, -1)
            assert (await client.call(change)).err == ErrorCode.OK
            await asyncio.sleep(3)
        world.start(late)
        assert await world.until(world.all_serve, 30)

    in_world(main, size=5, reconfigurable=True, checks_acl=False)


def test_a_snapshot_of_an_epoch_without_txns_was_taken_for_a_committed_txn() -> None:
    """Its zxid is the epoch's beginning, which those who were there before do not have."""

    async def main(world: SimWorld) -> None:
        names, wiped = world.names, "n1"
        for number in range(4):
            await create(world, f"/{number}")
        world.wipe(wiped)
        for name in names[1:]:
            world.restart(name)
        assert await world.until(lambda: world.leader() is not None, 30)
        world.start(wiped)
        assert await world.until(world.all_serve, 30)
        taken = of(world, "snapshot_installed", 1)[-1]["zxid"]
        assert counter_of(taken) == 0
        world.cut(isolating([wiped], names))
        for name in names[1:]:
            world.restart(name)
        assert await world.until(lambda: not world.roles()[wiped] and bool(world.leader()), 30)
        for name in names[1:]:
            world.restart(name)
        world.lift_faults()
        assert await world.until(world.all_serve, 30)
        assert of(world, "synchronising", 1)[-1]["zxid"] < taken

    in_world(main, keep_txns=2)
