"""The server with the greatest number is elected, whatever it has logged."""

from __future__ import annotations

from typing import Final

from target_node.bugs.bug import Bug, Override
from target_node.protocol.election import Election, Vote


def _order_by_sid(self: Election, vote: Vote) -> tuple[bool, int, int, int]:
    return self.ensemble.weight(vote.leader) > 0, 0, 0, vote.leader


BUG: Final = Bug(
    "vote-by-sid-alone",
    "an election comes to one who can lead",
    "ZOOKEEPER-1082, ZOOKEEPER-335",
    ("recovery", "last calls"),
    (Override(Election, "_order", _order_by_sid),),
)
