"""A learner promises an epoch to a leader although it may have promised it to another."""

from __future__ import annotations

from typing import Final

from target_node.bugs.bug import Bug, Override
from target_node.protocol.promise import FollowerEffect, ProspectiveFollower

_hear_epoch: Final = ProspectiveFollower._hear_epoch


def _promise_again(self: ProspectiveFollower, epoch: int) -> tuple[FollowerEffect, ...]:
    if epoch == self.standing.accepted_epoch:
        return self._answer(epoch, self.standing.current_epoch)
    return _hear_epoch(self, epoch)


BUG: Final = Bug(
    "promise-given-twice",
    "an epoch is promised to one leader",
    "a classic",
    ("promises",),
    (Override(ProspectiveFollower, "_hear_epoch", _promise_again),),
)
