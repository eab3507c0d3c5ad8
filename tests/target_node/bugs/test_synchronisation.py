"""Bugs of leaders and learners that make one history of two."""

from __future__ import annotations

from collections.abc import Sequence

from target_node.durable.operations import (
    AcceptEpoch,
    Append,
    EnterEpoch,
    InstallSnapshot,
    ReadAfter,
    Truncate,
    Truncated,
    TxnsRead,
    perform,
)
from target_node.durable.store import open_store
from target_node.protocol.plan import Plan, Snap, Stretch, Trunc
from target_node.server import leading
from target_node.server.history import History
from tests.target_node.bugs.both import both
from tests.target_node.bugs.test_durability import BEGUN, ONE, disk_with
from tests.target_node.durable.txns import body, txn
from tests.target_node.protocol.script import zxid
from tests.target_node.protocol.test_bugs import stretch
from tests.target_node.server.test_bugs import A_IS_IN, FOLLOWS, LEADS, SYNCHRONISES, after


def learned(had: Sequence[str], leaders: Sequence[str], decided: Plan) -> list[int]:
    """The history of a learner behind what it is sent."""
    if isinstance(decided, Snap):
        return [zxid(one) for one in leaders]
    last = decided.zxid if isinstance(decided, Trunc) else 1 << 63
    kept = [zxid(one) for one in had if zxid(one) <= last]
    return [*kept, *(one.zxid for one in decided.txns)]


def of(*zxids: str) -> list[int]:
    return [zxid(one) for one in zxids]


def planned(last: str, memory: Stretch, logged: Sequence[Stretch], until: str) -> Plan:
    # As `Leading` sees it: a bug may have taken its place there.
    return leading.plan(zxid(last), memory, logged, zxid(until))  # type: ignore[attr-defined]


def test_snapshot_survives_trunc() -> None:
    """The leader of an epoch that nobody joined had a txn that no quorum ever had."""

    def scenario() -> bool:
        world = after(
            "server 3 of 1 2 3 log=1.1,1.2\nlink 1\nvote 1 LOOKING 3 1.2 round=1 epoch=1\nat 400",
            "dials 1\nfrom 1 FOLLOWERINFO 1.0\ndisk\nfrom 1 ACKEPOCH 1.1 current=1\ndisk",
        )
        (done,) = perform(world.store, [Truncate(zxid("1.1"))])
        assert isinstance(done, Truncated)
        history = History(done.left, done.image)
        history.absorb()
        return "/1.2" in history.tree.nodes

    assert both("snapshot-survives-trunc", scenario) == (False, True)


def test_diff_over_a_hole() -> None:
    """A server that once took over a tree leads, and one comes that knows less than that."""

    def scenario() -> bool:
        disk = disk_with(*BEGUN, Append(tuple(ONE[:2])))
        later = (
            AcceptEpoch(2),
            InstallSnapshot(zxid("1.9"), body(ONE)),
            EnterEpoch(2),
            Append((txn(2, 1),)),
        )
        store, _ = open_store(disk)
        *_, read = perform(store, [*later, ReadAfter(zxid("1.1"), 1 << 20)])
        assert isinstance(read, TxnsRead)
        if not read.txns:
            return True
        memory = stretch("1.9", "2.1")
        logged = [Stretch(zxid("1.1"), read.txns[-1].zxid, read.txns)]
        leaders = [f"1.{n}" for n in range(1, 10)] + ["2.1"]
        return learned(["1.1"], leaders, planned("1.1", memory, logged, "2.1")) == of(*leaders)

    assert both("diff-over-a-hole", scenario) == (True, False)


def test_tail_forgotten() -> None:
    def scenario() -> str:
        world = after(FOLLOWS, "from 3 PROPOSAL 2.1 create /x\ndisk")
        return world.play("gone 3")[-1]

    assert both("tail-forgotten", scenario) == (
        "vote to 3: LOOKING 2 2.1 round=2 epoch=2",
        "vote to 3: LOOKING 2 1.1 round=2 epoch=2",
    )


def test_tail_forgotten_comes_back() -> None:
    """Its next leader goes on where the voter said that it was; a restart knows better."""

    def scenario() -> bool:
        world = after(FOLLOWS, "from 3 PROPOSAL 2.1 create /x\ndisk\ngone 3")
        assert world.server is not None
        last = world.server.place.history.last_zxid
        return last == world.store.log.last_zxid

    assert both("tail-forgotten", scenario) == (True, False)


def test_trunc_skipped() -> None:
    def scenario() -> bool:
        had, leaders = ["1.1", "1.2", "1.3", "1.4"], ["1.1", "1.2", "1.3", "2.1"]
        memory = stretch("1.1", "1.2", "1.3", "2.1")
        return learned(had, leaders, planned("1.4", memory, [], "2.1")) == of(*leaders)

    assert both("trunc-skipped", scenario) == (True, False)


def test_interrupted_sync_kept() -> None:
    def scenario() -> bool:
        world = after(SYNCHRONISES, "from 3 DIFF 1.3\nfrom 3 PROPOSAL 1.3 create /x")
        world.play("from 3 COMMIT 1.3\ngone 3\ndisk")
        assert world.server is not None
        return world.server.place.history.last_zxid == world.store.log.last_zxid

    assert both("interrupted-sync-kept", scenario) == (True, False)


def test_a_sync_that_is_not_interrupted_is_as_ever() -> None:
    def scenario() -> list[str]:
        world = after(SYNCHRONISES, "from 3 DIFF 1.3\nfrom 3 PROPOSAL 1.3 create /x")
        world.play("from 3 COMMIT 1.3\nfrom 3 NEWLEADER 2.0\ndisk\nfrom 3 UPTODATE 2.0")
        assert world.server is not None
        return [*world.server.place.history.tree.nodes]

    kept, broken = both("interrupted-sync-kept", scenario)
    assert kept == broken


def test_empty_cache_taken_for_complete() -> None:
    def scenario() -> bool:
        leaders = ["1.1", "1.2", "1.3"]
        logged = [stretch("1.1", "1.2", "1.3")]
        decided = planned("1.1", stretch("1.3"), logged, "1.3")
        return learned(["1.1"], leaders, decided) == of(*leaders)

    assert both("empty-cache-taken-for-complete", scenario) == (True, False)


def test_commit_behind_newleader_refused() -> None:
    def scenario() -> str:
        world = after(SYNCHRONISES, "from 3 DIFF 1.2\nfrom 3 PROPOSAL 2.1 create /x")
        world.play("from 3 NEWLEADER 2.0")
        return world.play("from 3 COMMIT 2.1")[0]

    kept, broken = both("commit-behind-newleader-refused", scenario)
    assert kept == "apply 2.1"
    assert broken.startswith("note: leaving follower")


def test_proposals_in_flight_lost() -> None:
    """What 1 hears the commit of, it has heard the proposal of."""

    def scenario() -> bool:
        world = after(LEADS, "client a create /x\ngone 1\ndials 1\nfrom 1 FOLLOWERINFO 1.0")
        came = world.play("from 1 ACKEPOCH 1.1 current=1")
        world.play("disk")
        came += world.play("from 2 ACK 2.2")
        assert "to 1: COMMIT 2.2" in came
        return "to 1: PROPOSAL 2.2 CREATE" in came

    assert both("proposals-in-flight-lost", scenario) == (True, False)


def test_vote_before_disk_is_done() -> None:
    def scenario() -> bool:
        world = after(FOLLOWS, A_IS_IN, "from 3 PROPOSAL 2.2 create /x")
        voted = any(line.startswith("vote to 3: LOOKING 2 2.2") for line in world.play("gone 3"))
        return voted and world.store.log.synced_zxid < zxid("2.2")

    assert both("vote-before-disk-is-done", scenario) == (False, True)
