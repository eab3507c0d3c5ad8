"""A learner acknowledges NEWLEADER as soon as it has read it, and its disk follows at leisure."""

from __future__ import annotations

from typing import Final

from target_node.bugs.bug import Bug, Override
from target_node.protocol.learner import Learner, Stage
from target_node.wire.quorum import QuorumPacket

_join: Final = Learner._join


def _join_and_ack(self: Learner, packet: QuorumPacket) -> None:
    _join(self, packet)
    if self.stage is Stage.STORING:
        self._ack_new_leader(self.epoch)


BUG: Final = Bug(
    "newleader-acked-before-history",
    "a leader is established when a quorum has its history on disk",
    "ZOOKEEPER-4646, ZOOKEEPER-3023",
    ("promises", "membership", "linearizable"),
    (Override(Learner, "_join", _join_and_ack),),
)
