"""What does a learner lack of the leader's history, and what must it forget?

Answered from the one thing that the learner tells: the last zxid it has logged. That says more than
it seems. All who have logged a txn of an epoch have the same history before it, and their txns of
an epoch are a beginning of what its leader proposed. So learner and leader agree up to the last
zxid of the leader's that is not above the learner's, if both are of the same epoch; if they are
not, the two may have parted long before, and only a snapshot is sure.

Rules of this file:
1. Proposals are sent only over a `Stretch` without holes that reaches the leader's last zxid. A
   leader that came by its history through a snapshot has holes on its disk (ZOOKEEPER-2099).
2. A learner is told to truncate only to a txn that it surely has in its log.
3. In doubt, the snapshot: it costs time, and nothing else.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from target_node.durable.names import counter_of, epoch_of
from target_node.durable.scan import Txn


@dataclass(frozen=True, slots=True)
class Stretch:
    """All txns of a history behind `after`, up to `until`: none is missing.

    `after` is a zxid that the history passed through itself, 0 at its beginning. `until` is the
    last txn's, or that of the beginning of an epoch which has no txns yet; or `after`.
    """

    after: int
    until: int
    txns: tuple[Txn, ...] = ()

    def __post_init__(self) -> None:
        zxids = [self.after, *(txn.zxid for txn in self.txns)]
        assert all(a < b for a, b in pairwise(zxids)), "out of order"
        assert zxids[-1] <= self.until, "txns beyond the end"
        assert zxids[-1] == self.until or not counter_of(self.until), "txns missing at the end"

    def behind(self, zxid: int) -> tuple[Txn, ...]:
        """The txns with greater zxids."""
        return self.txns[bisect_right(self.txns, zxid, key=_zxid) :]


@dataclass(frozen=True, slots=True)
class Diff:
    """Send DIFF with this zxid, then PROPOSAL and COMMIT of each."""

    zxid: int
    txns: tuple[Txn, ...] = ()


@dataclass(frozen=True, slots=True)
class Trunc:
    """Send TRUNC to this zxid, then PROPOSAL and COMMIT of each."""

    zxid: int
    txns: tuple[Txn, ...] = ()


@dataclass(frozen=True, slots=True)
class Snap:
    """Send SNAP with this zxid, then the tree as of it."""

    zxid: int


Plan = Diff | Trunc | Snap


def plan(
    follower_zxid: int, committed: Stretch, logged: Iterable[Stretch], last_processed: int
) -> Plan:
    """What makes the history of a learner that has logged up to `follower_zxid` the leader's.

    `committed` is what the leader keeps in memory; `logged` what it can read from its disk, as far
    as it is worth sending: a stretch for each part between two holes.
    """
    if follower_zxid == last_processed:
        return Diff(last_processed)
    known = _reaching_back(committed, logged, last_processed)
    if known is None or follower_zxid < known.after:
        return Snap(last_processed)
    if _passed_through(known, follower_zxid):
        return Diff(last_processed, known.behind(follower_zxid))
    # It has logged what we have not: find the last txn that it must have in common with us.
    place = bisect_right(known.txns, follower_zxid, key=_zxid)
    common = known.txns[place - 1].zxid if place else known.after
    if counter_of(common) and epoch_of(common) == epoch_of(follower_zxid):
        return Trunc(common, known.txns[place:])
    return Snap(last_processed)


def _reaching_back(
    committed: Stretch, logged: Iterable[Stretch], last_processed: int
) -> Stretch | None:
    """The stretch up to our last zxid that begins the earliest."""
    # Bounds that are not those of our history are no bounds (ZOOKEEPER-3526): an empty cache
    # begins at the last zxid, and not at zero (ZOOKEEPER-4352).
    pieces = sorted((committed, *logged), key=lambda stretch: stretch.until, reverse=True)
    known: Stretch | None = None
    for piece in pieces:
        if known is None:
            if piece.until == last_processed:
                known = piece
        elif piece.after < known.after <= piece.until:
            overlap = len(piece.behind(known.after))
            txns = piece.txns[: len(piece.txns) - overlap] + known.txns
            known = Stretch(piece.after, known.until, txns)
    return known


def _passed_through(history: Stretch, zxid: int) -> bool:
    """Whether the history was once just what one of this zxid has."""
    if zxid in (history.after, history.until):
        return True
    behind = history.behind(zxid)
    if counter_of(zxid) == 0:
        # The beginning of an epoch is no txn; who has txns of it began it with the same history.
        # Without any, its leader may have begun with txns that nobody committed: unlike ZooKeeper
        # we do not take the two for the same.
        return bool(behind) and epoch_of(behind[0].zxid) == epoch_of(zxid)
    found: Sequence[Txn] = history.txns[: len(history.txns) - len(behind)]
    return bool(found) and found[-1].zxid == zxid


def _zxid(txn: Txn) -> int:
    return txn.zxid
