"""Bugs of sessions, ephemerals and watches, and of servers that let clients in."""

from __future__ import annotations

from harness.sim.world import SimWorld
from target_node.wire.codes import CreateMode, EventType, PacketType
from target_node.wire.data import OPEN_ACL_UNSAFE
from target_node.wire.jute import Malformed
from target_node.wire.quorum import Packets, QuorumPacket
from target_node.wire.record import encode
from target_node.wire.requests import AddWatchRequest, Create2Request, GetDataRequest
from target_node.wire.txn import encode_txn
from tests.harness.sim.client import Client
from tests.harness.sim.test_node import in_world, of
from tests.target_node.bugs.both import both
from tests.target_node.server.test_bugs import A_IS_IN, FOLLOWS, LEADS, SYNCHRONISES, after
from tests.target_node.state.leader import CLOSE, Leader, create, ephemeral, set_data


def test_serves_before_uptodate() -> None:
    def scenario() -> list[str]:
        world = after(SYNCHRONISES, "from 3 DIFF 1.2\nfrom 3 NEWLEADER 2.0\ndisk")
        return world.play("client a connects")

    assert both("serves-before-uptodate", scenario) == (
        ["hang up on a"],
        ["to 3: REQUEST CREATE_SESSION by=a cxid=0"],
    )


def test_ephemeral_outlives_close() -> None:
    """It is proposed, and not yet applied, when its session closes."""

    def scenario() -> bool:
        leader = Leader()
        leader.propose(ephemeral("/e"))
        leader.propose(CLOSE)
        leader.commit()
        return "/e" in leader.tree.nodes

    assert both("ephemeral-outlives-close", scenario) == (False, True)


def test_close_in_one_txn() -> None:
    """The followers can read every proposal."""

    def scenario() -> bool:
        leader = Leader()
        for number in range(600):
            leader.ask(ephemeral(f"/{'e' * 4000}{number}"))
        for one in leader.propose(CLOSE):
            txn = encode_txn(one.header, one.body)
            packets = Packets()
            packets.feed(encode(QuorumPacket(PacketType.PROPOSAL, one.header.zxid, txn)))
            try:
                packets.take()
            except Malformed:
                return False
        return True

    assert both("close-in-one-txn", scenario) == (True, False)


def test_touches_not_forwarded() -> None:
    def scenario() -> str:
        world = after(FOLLOWS, A_IS_IN, "client a ping")
        return world.play("from 3 PING 2.0")[-1]

    assert both("touches-not-forwarded", scenario) == (
        "to 3: PING 2.0 touches=a",
        "to 3: PING 2.0",
    )


def test_time_by_wall_clock() -> None:
    """A session whose client is heard all the time lives on while the leader's clock jumps."""

    def scenario() -> int:
        async def main(world: SimWorld) -> None:
            leader = world.leader()
            assert leader is not None
            client = Client(world.network, "c", timeout_ms=4000)
            await client.connect(leader)
            await client.call(Create2Request("/e", b"", OPEN_ACL_UNSAFE, CreateMode.EPHEMERAL))
            world.nodes[leader].set_clock(offset_ms=3_600_000)
            await world.until(lambda: False, 5)
            client.drop()

        return len(of(in_world(main), "session_expired"))

    kept, broken = both("time-by-wall-clock", scenario)
    assert kept == 0
    assert broken > 0


def test_client_goes_back() -> None:
    def scenario() -> list[str]:
        world = after(FOLLOWS, A_IS_IN, "client a gone")
        if "hang up on b" in world.play("client b connects resumes=a seen=2.9"):
            return []
        return world.play("client b exists /1.1")

    assert both("client-goes-back", scenario) == ([], ["to b: #1 at 2.1 made by 1.1"])


def test_moved_session_obeyed() -> None:
    def scenario() -> str:
        world = after(LEADS, "from 1 REVALIDATE 0.0 a")
        return next(
            line for line in world.play("client a create /x") if line.startswith("to 1: PROPOSAL")
        )

    assert both("moved-session-obeyed", scenario) == (
        "to 1: PROPOSAL 2.2 ERROR",
        "to 1: PROPOSAL 2.2 CREATE",
    )


def test_event_after_reply() -> None:
    def scenario() -> list[str]:
        world = after(FOLLOWS, A_IS_IN, "client a exists /x watch then create /x")
        world.play("from 3 PROPOSAL 2.2 create /x by=a cxid=2")
        return world.play("from 3 COMMIT 2.2")[1:]

    event, answer = "to a: event NODE_CREATED /x", "to a: #2 at 2.2 made /x"
    assert both("event-after-reply", scenario) == ([event, answer], [answer, event])


def test_missed_events_forgotten() -> None:
    def scenario() -> list[str]:
        world = after(FOLLOWS, A_IS_IN, "client a get /1.1 watch\nclient a gone")
        world.play("from 3 PROPOSAL 2.2 set /1.1 x version=1\nfrom 3 COMMIT 2.2")
        world.play("client b connects resumes=a seen=2.1\nfrom 3 REVALIDATE 2.2 a alive")
        return world.play("client b watches /1.1 since=2.1")

    event, answer = "to b: event NODE_DATA_CHANGED /1.1", "to b: watches at 2.2"
    assert both("missed-events-forgotten", scenario) == ([event, answer], [answer])


def test_watch_modes_overwrite() -> None:
    def scenario() -> list[tuple[int, int, str]]:
        leader = Leader()
        leader.ask(create("/a"))
        leader.read(AddWatchRequest("/a", 0))
        leader.read(GetDataRequest("/a", True))
        for _ in range(3):
            leader.ask(set_data("/a"))
        return leader.events()

    event = (1, EventType.NODE_DATA_CHANGED, "/a")
    assert both("watch-modes-overwrite", scenario) == ([event] * 3, [event])


def test_session_revalidated_locally() -> None:
    """The leader has let it expire, and its nodes are about to go."""

    def scenario() -> list[str]:
        world = after(FOLLOWS, A_IS_IN, "client a gone")
        came = world.play("client b connects resumes=a")
        return came + world.play("from 3 REVALIDATE 2.1 a gone")

    asked = "to 3: REVALIDATE a"
    assert both("session-revalidated-locally", scenario) == (
        [asked, "to b: that session is gone", "hang up on b"],
        [asked, "to b: welcome, session of a"],
    )
