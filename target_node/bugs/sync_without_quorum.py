"""A sync is answered as soon as all proposals are committed, by whoever thinks that it leads."""

from __future__ import annotations

from typing import Final

from target_node.bugs.bug import Bug, Override
from target_node.protocol.broadcast import Broadcast


def _confirm_nothing(self: Broadcast) -> None:
    if self._syncs:
        self._confirmed = self._syncs[-1].round
        self._answer_syncs()


BUG: Final = Bug(
    "sync-without-quorum",
    "a read behind a sync sees all that was committed before the sync",
    "ZOOKEEPER-1675, ZOOKEEPER-2136",
    ("linearizable",),
    (Override(Broadcast, "_confirm", _confirm_nothing),),
)
