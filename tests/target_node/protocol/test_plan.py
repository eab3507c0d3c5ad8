"""Whatever a learner has logged, the plan gives it the leader's history."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

import pytest

from target_node.durable.names import epoch_of
from target_node.durable.scan import Txn
from target_node.protocol.plan import Diff, Plan, Snap, Stretch, Trunc, plan


@dataclass
class Replica:
    """`last` is that of its last txn, or the beginning of an epoch that it has no txn of."""

    txns: list[Txn] = field(default_factory=list)
    last: int = 0

    def zxids(self) -> list[int]:
        return [txn.zxid for txn in self.txns]

    def follow(self, decided: Plan, leader: Replica) -> None:
        """What the learner does: it takes every word for true."""
        match decided:
            case Diff(_, txns):
                self.txns += txns
            case Trunc(zxid, txns):
                assert zxid in self.zxids(), "told to truncate to what it has not"
                self.txns = [txn for txn in self.txns if txn.zxid <= zxid] + list(txns)
            case Snap(zxid):
                assert zxid == leader.last
                self.txns = list(leader.txns)


def grown(drawn: random.Random) -> list[Replica]:
    """Replicas that were led by one another, in one epoch after the other.

    Leaders need no quorum here: more histories come about than in an ensemble, and the plan must
    be right for all of them that have one leader in an epoch.
    """
    replicas = [Replica() for _ in range(3)]
    for epoch in range(1, drawn.randint(2, 6)):
        leader = drawn.choice(replicas)
        begun = list(leader.txns)
        proposed = [Txn(epoch << 32 | n, b"%d" % epoch) for n in range(1, drawn.randint(1, 5))]
        leader.txns = begun + proposed
        leader.last = _last(drawn, leader.txns, epoch)
        for follower in replicas:
            if follower is not leader and drawn.randrange(2):
                follower.txns = begun + proposed[: drawn.randint(0, len(proposed))]
                follower.last = _last(drawn, follower.txns, epoch)
    return replicas


def _last(drawn: random.Random, txns: list[Txn], epoch: int) -> int:
    """An epoch without txns may show, as when a snapshot was taken at its beginning, or not."""
    last = txns[-1].zxid if txns else 0
    return last if epoch_of(last) == epoch else drawn.choice([last, epoch << 32])


def stretches(drawn: random.Random, leader: Replica) -> list[Stretch]:
    """Its history in pieces, some of them lost."""
    found: list[Stretch] = []
    start = 0
    while start < len(leader.txns):
        end = drawn.randint(start, len(leader.txns))
        txns = tuple(leader.txns[max(start - drawn.randint(0, 1), 0) : end])
        before = [zxid for zxid in (0, *leader.zxids()) if not txns or zxid < txns[0].zxid]
        if txns and drawn.randrange(4):
            ends = end == len(leader.txns)
            found.append(Stretch(before[-1], leader.last if ends else txns[-1].zxid, txns))
        start = max(end, start + 1)
    drawn.shuffle(found)
    return found


def window(drawn: random.Random, leader: Replica) -> Stretch:
    """As much of the history as is in memory."""
    kept = drawn.randint(0, len(leader.txns))
    if kept == 0:
        return Stretch(leader.last, leader.last)
    place = len(leader.txns) - kept
    after = leader.txns[place - 1].zxid if place else 0
    return Stretch(after, leader.last, tuple(leader.txns[place:]))


def test_the_plan_gives_the_leaders_history() -> None:
    kinds: dict[str, int] = {}
    for seed in range(4000):
        drawn = random.Random(seed)
        replicas = grown(drawn)
        for leader in replicas:
            for learner in replicas:
                memory = window(drawn, leader)
                disk = stretches(drawn, leader)
                decided = plan(learner.last, memory, disk, leader.last)
                after = Replica(list(learner.txns), learner.last)
                after.follow(decided, leader)
                assert after.txns == leader.txns, (seed, decided)
                kind = type(decided).__name__ + ("+" if getattr(decided, "txns", ()) else "")
                kinds[kind] = kinds.get(kind, 0) + 1
    assert kinds.keys() == {"Diff", "Diff+", "Trunc", "Trunc+", "Snap"}
    assert min(kinds.values()) > 100, kinds


def test_a_snapshot_is_sent_only_where_it_must_be() -> None:
    """With all of its history at hand, a leader sends one only where epochs have parted."""
    for seed in range(1000):
        replicas = grown(random.Random(seed))
        for leader in replicas:
            whole = Stretch(0, leader.last, tuple(leader.txns))
            for learner in replicas:
                decided = plan(
                    learner.last, Stretch(leader.last, leader.last), [whole], leader.last
                )
                if isinstance(decided, Snap):
                    ours = [txn for txn in leader.txns if txn.zxid <= learner.last]
                    parted = not ours or epoch_of(ours[-1].zxid) != epoch_of(learner.last)
                    assert parted, seed
                elif learner.last in leader.zxids():
                    assert isinstance(decided, Diff), seed


@pytest.mark.parametrize(
    ("after", "until", "txns"),
    [(5, 4, ()), (5, 6, ()), (0, 2, (1, 3)), (1, 2, (2, 2)), (2, 2, (1,))],
)
def test_a_stretch_is_what_it_says(after: int, until: int, txns: tuple[int, ...]) -> None:
    with pytest.raises(AssertionError):
        Stretch(after, until, tuple(Txn(zxid, b"") for zxid in txns))
