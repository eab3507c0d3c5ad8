"""Bugs of elections, epochs and quorums."""

from __future__ import annotations

from harness.sim.world import SimWorld, isolating
from target_node.durable.names import epoch_of
from target_node.durable.operations import Appended, EnterEpoch, EpochAccepted, EpochEntered
from target_node.durable.scan import Txn
from target_node.protocol.broadcast import LAST_COUNTER, Commit, Propose, Sync, Synced
from target_node.protocol.discovery import Established
from target_node.protocol.election import Elected
from target_node.protocol.events import Begin, Dismiss, GiveUp, Received, Send, Woken
from target_node.protocol.promise import Promised, ProspectiveFollower, Standing
from target_node.wire.codes import ServerState
from tests.harness.sim.test_node import create, in_world
from tests.target_node.bugs.both import both
from tests.target_node.protocol.members import participants
from tests.target_node.protocol.script import zxid
from tests.target_node.protocol.test_bugs import (
    ack_epoch,
    elected,
    heard,
    info,
    leader_info,
    looking,
    prospect,
    reign,
)
from tests.target_node.server.test_bugs import A_IS_IN, FOLLOWS, after


def test_commit_without_quorum() -> None:
    def scenario() -> bool:
        leader = reign(participants(5), 2, 3, 4)
        leader.step(0, Propose(Txn(leader.next_zxid, b"")))
        effects = leader.step(0, Appended(leader.proposed))
        return any(isinstance(one, Commit) for one in effects)

    assert both("commit-without-quorum", scenario) == (False, True)


def test_sync_without_quorum() -> None:
    """It may lead no more, and not know it."""

    def scenario() -> bool:
        leader = reign(participants(3), 2, 3)
        return Synced("a") in leader.step(0, Sync("a"))

    assert both("sync-without-quorum", scenario) == (False, True)


def test_stale_synced_reads() -> None:
    """Nor is what was proposed before the sync committed."""

    def scenario() -> bool:
        leader = reign(participants(3), 2, 3)
        leader.step(0, Propose(Txn(leader.next_zxid, b"")))
        return Synced("a") in leader.step(0, Sync("a"))

    assert both("stale-synced-reads", scenario) == (False, True)


def test_forgotten_epoch() -> None:
    async def main(world: SimWorld) -> None:
        for name in world.names:
            world.power_off(name)
        world.start()
        assert await world.until(world.all_serve, 30)

    def scenario() -> bool:
        events = in_world(main).events()
        epochs = [event["epoch"] for event in events if event["event"] == "established"]
        return len(set(epochs)) == len(epochs) == 2

    assert both("forgotten-epoch", scenario) == (True, False)


def test_counter_runs_over() -> None:
    def scenario() -> set[int]:
        leader = reign(participants(3), 2, 3)
        leader.committed = leader.proposed = 2 << 32 | LAST_COUNTER
        effects = [
            effect
            for _ in range(2)
            for effect in leader.step(0, Propose(Txn(leader.next_zxid, b"")))
        ]
        return {epoch_of(one.packet.zxid) for one in effects if isinstance(one, Send)}

    assert both("counter-runs-over", scenario) == (set(), {2, 3})


def test_serves_before_quorum() -> None:
    def scenario() -> bool:
        leader = prospect(participants(3))
        leader.step(0, info(2))
        leader.step(0, EpochAccepted(2))
        leader.step(0, ack_epoch(2, 1, "1.1"))
        return Established(2) in leader.step(0, EpochEntered(2))

    assert both("serves-before-quorum", scenario) == (False, True)


def test_tail_served_read_only() -> None:
    def scenario() -> str:
        world = after("server 2 of 1 2 3 log=1.1 read_only=yes\nat 3000")
        return world.play("client a connects read_only\nclient a exists /1.1")[0]

    assert both("tail-served-read-only", scenario) == (
        "to a: #1 NO_NODE at 0.0",
        "to a: #1 at 1.1 made by 1.1",
    )


def test_applied_when_proposed() -> None:
    def scenario() -> str:
        world = after(FOLLOWS, A_IS_IN, "from 3 PROPOSAL 2.2 create /x")
        return world.play("client a exists /x")[0]

    assert both("applied-when-proposed", scenario) == (
        "to a: #1 NO_NODE at 2.1",
        "to a: #1 at 2.2 made by 2.2",
    )


def test_leader_never_steps_down() -> None:
    def scenario() -> bool:
        leader = reign(participants(3), 2, 3)
        leader.step(0, Dismiss(2))
        leader.step(0, Dismiss(3))
        effects = [one for at in range(1000, 60_000, 500) for one in leader.step(at, Woken())]
        return any(isinstance(one, GiveUp) for one in effects)

    assert both("leader-never-steps-down", scenario) == (True, False)


def test_stale_votes_counted() -> None:
    def scenario() -> list[int]:
        election = looking(3, participants(5))
        election.step(0, heard(1, 3, "1.1", epoch=1, round_=1))
        election.step(0, heard(2, 3, "1.1", epoch=1, round_=1))
        election.step(100, heard(4, 3, "1.1", epoch=1, round_=2))
        return elected(election, 60_000)

    assert both("stale-votes-counted", scenario) == ([], [3])


async def lag_behind(world: SimWorld) -> None:
    """n3 misses a write that both others have; then all start anew."""
    world.cut(isolating(["n3"], world.names))
    roles = world.roles
    assert await world.until(lambda: sorted(map(bool, roles().values())) == [False, True, True], 30)
    serving = next(name for name, role in roles().items() if role and name != "n3")
    await create(world, "/kept", serving)
    for name in world.names:
        world.kill(name)
    world.cut(())


def test_vote_by_sid_alone() -> None:
    """Two of three are enough, if one of them can lead."""

    def scenario() -> bool:
        come_back: list[bool] = []

        async def main(world: SimWorld) -> None:
            await lag_behind(world)
            world.start("n1", "n3")
            roles = world.roles
            come_back.append(await world.until(lambda: all((roles()["n1"], roles()["n3"])), 60))

        in_world(main)
        return come_back[0]

    assert both("vote-by-sid-alone", scenario) == (True, False)


def test_lagging_leader_accepted() -> None:
    def scenario() -> list[bool]:
        there: list[bool] = []

        async def main(world: SimWorld) -> None:
            await lag_behind(world)
            world.start("n1", "n3")
            await world.until(lambda: all((world.roles()["n1"], world.roles()["n3"])), 30)
            world.start("n2")
            assert await world.until(world.all_serve, 30)
            for node in world.nodes.values():
                assert node.server is not None
                there.append("/kept" in node.server.place.history.tree.nodes)

        in_world(main)
        return there

    assert both("lagging-leader-accepted", scenario) == ([True] * 3, [False] * 3)


def test_settled_votes_by_round() -> None:
    def scenario() -> bool:
        election = looking(1, participants(5), "4.1", 4)
        following, leading = ServerState.FOLLOWING, ServerState.LEADING
        election.step(0, heard(2, 5, "3.1", epoch=4, round_=2, state=following))
        election.step(0, heard(3, 5, "3.5", epoch=4, round_=9, state=following))
        effects = election.step(0, heard(5, 5, "3.1", epoch=4, round_=2, state=leading))
        return any(isinstance(one, Elected) for one in effects)

    assert both("settled-votes-by-round", scenario) == (True, False)


def learner(accepted: int, current: int = 1) -> ProspectiveFollower:
    follower = ProspectiveFollower(2, 1, Standing(accepted, current, zxid("1.1")), limit_ms=10_000)
    follower.step(0, Begin())
    return follower


def test_promise_given_twice() -> None:
    """A leader that asks for promises counts the answer of who has promised it to another."""

    def scenario() -> bool:
        leader = prospect(participants(5))
        for sid in (2, 3):
            leader.step(0, info(sid))
        leader.step(0, EpochAccepted(2))
        leader.step(0, ack_epoch(3, 1, "1.1"))
        (answer, _) = learner(2).step(0, leader_info(1, 2))
        assert isinstance(answer, Send)
        effects = leader.step(0, Received(2, answer.packet))
        return any(isinstance(one, EnterEpoch) for one in effects)

    assert both("promise-given-twice", scenario) == (False, True)


def test_old_epoch_followed() -> None:
    def scenario() -> bool:
        return Promised(2, counts=True) in learner(3).step(0, leader_info(1, 2))

    assert both("old-epoch-followed", scenario) == (False, True)
