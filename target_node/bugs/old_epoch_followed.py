"""A learner compares a leader's epoch with the last that it joined, not the last it promised."""

from __future__ import annotations

from typing import Final

from target_node.bugs.bug import Bug, Override
from target_node.durable.names import COUNTER_BITS
from target_node.protocol.promise import FollowerEffect, ProspectiveFollower
from target_node.wire.codes import PacketType
from target_node.wire.payloads import LearnerInfo, encode_payload
from target_node.wire.quorum import QuorumPacket

_hear_epoch: Final = ProspectiveFollower._hear_epoch


def _introduce_with_current(self: ProspectiveFollower) -> QuorumPacket:
    kind = PacketType.OBSERVERINFO if self.observes else PacketType.FOLLOWERINFO
    zxid = self.standing.current_epoch << COUNTER_BITS
    return QuorumPacket(kind, zxid, encode_payload(LearnerInfo(self.me)))


def _follow_the_old(self: ProspectiveFollower, epoch: int) -> tuple[FollowerEffect, ...]:
    if self.standing.current_epoch < epoch < self.standing.accepted_epoch:
        return self._answer(epoch, self.standing.current_epoch)
    return _hear_epoch(self, epoch)


BUG: Final = Bug(
    "old-epoch-followed",
    "who has promised an epoch follows no leader of a smaller one",
    "a classic",
    ("promises", "membership", "linearizable"),
    (
        Override(ProspectiveFollower, "_introduction", _introduce_with_current),
        Override(ProspectiveFollower, "_hear_epoch", _follow_the_old),
    ),
)
