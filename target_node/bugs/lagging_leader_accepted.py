"""The server with the greatest number is elected, and nobody minds what it lacks."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from target_node.bugs.bug import Bug, Override
from target_node.bugs.vote_by_sid_alone import _order_by_sid
from target_node.protocol.discovery import MOST_EPOCH, ProspectiveLeader
from target_node.protocol.election import Election

_hear_promise: Final = ProspectiveLeader._hear_promise


def _hear_and_overlook(
    self: ProspectiveLeader, sid: int, current_epoch: int, last_zxid: int
) -> None:
    kept = self.standing
    self.standing = replace(kept, current_epoch=MOST_EPOCH)
    _hear_promise(self, sid, current_epoch, last_zxid)
    self.standing = kept


BUG: Final = Bug(
    "lagging-leader-accepted",
    "a leader begins with all that was committed before its epoch",
    "a classic",
    ("membership", "linearizable", "promises"),
    (
        Override(Election, "_order", _order_by_sid),
        Override(ProspectiveLeader, "_hear_promise", _hear_and_overlook),
    ),
)
