"""A leader answers a sync at once, whatever is under way, and whether or not it still leads."""

from __future__ import annotations

from typing import Final

from target_node.bugs.bug import Bug, Override
from target_node.protocol.broadcast import Broadcast, Synced


def _answer_at_once(self: Broadcast) -> None:
    while self._syncs:
        self._effects.append(Synced(self._syncs.popleft().token))


BUG: Final = Bug(
    "stale-synced-reads",
    "a read behind a sync sees all that was committed before the sync",
    "a classic",
    ("linearizable",),
    (Override(Broadcast, "_confirm", _answer_at_once),),
)
