"""A leader is established as soon as its own disk has its history."""

from __future__ import annotations

from typing import Final

from target_node.bugs.bug import Bug, Override
from target_node.protocol.discovery import Established, Phase, ProspectiveLeader


def _establish_alone(self: ProspectiveLeader) -> None:
    if self.me in self._acked:
        self.phase = Phase.ESTABLISHED
        self._effects.append(Established(self.epoch))
        for sid in self._acked:
            if sid != self.me:
                self._tell_up_to_date(sid)


BUG: Final = Bug(
    "serves-before-quorum",
    "nobody serves before a quorum has joined the epoch",
    "ZOOKEEPER-790",
    ("promises", "linearizable"),
    (Override(ProspectiveLeader, "_establish", _establish_alone),),
)
