"""A leader goes on leading although nobody follows it any more."""

from __future__ import annotations

from typing import Final

from target_node.bugs.bug import Bug, Override
from target_node.protocol.broadcast import Broadcast
from target_node.protocol.events import WakeAt


def _ping_whoever_is_there(self: Broadcast, now_ms: int) -> None:
    if now_ms < self._ping_ms:
        return
    self._ping_ms = now_ms + self.terms.ping_ms
    for sid, learner in self._learners.items():
        if learner.up_to_date:
            self._ping(sid, learner)
    self._effects.append(WakeAt(self._ping_ms))


BUG: Final = Bug(
    "leader-never-steps-down",
    "a leader without a quorum gives up, and looks for the one that there is",
    "a classic",
    ("recovery", "last calls"),
    (Override(Broadcast, "_wake", _ping_whoever_is_there),),
)
