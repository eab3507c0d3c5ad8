"""The leader takes a proposal that it has sent for one that has arrived."""

from __future__ import annotations

from typing import Final

from target_node.bugs.bug import Bug, Override
from target_node.durable.scan import Txn
from target_node.protocol.broadcast import Broadcast
from target_node.protocol.ensemble import Ensemble

_propose: Final = Broadcast._propose


def _propose_and_count(self: Broadcast, txn: Txn, members: Ensemble | None) -> None:
    _propose(self, txn, members)
    if self._outstanding:
        self._outstanding[-1].acks.update(self._learners)


BUG: Final = Bug(
    "commit-without-quorum",
    "what was acknowledged is on the disks of a quorum",
    "a classic",
    ("membership", "linearizable"),
    (Override(Broadcast, "_propose", _propose_and_count),),
)
