"""A learner lets clients in when it has its leader's history, whether or not a quorum has."""

from __future__ import annotations

from typing import Final

from target_node.bugs.bug import Bug, Override
from target_node.protocol.learner import Learner, Serve, Stage

_ack_new_leader: Final = Learner._ack_new_leader


def _ack_and_serve(self: Learner, epoch: int) -> None:
    _ack_new_leader(self, epoch)
    if self.stage is Stage.STORED:
        self._effects.append(Serve(epoch))


BUG: Final = Bug(
    "serves-before-uptodate",
    "nobody serves before a quorum has joined the epoch",
    "a classic",
    ("promises",),
    (Override(Learner, "_ack_new_leader", _ack_and_serve),),
)
