"""The votes of those who follow a leader count only if they came to it in the same round."""

from __future__ import annotations

from typing import Final

from target_node.bugs.bug import Bug, Override
from target_node.protocol import election
from target_node.protocol.election import Vote


def _agree_in_all(a: Vote, b: Vote) -> bool:
    return (a.leader, a.epoch, a.zxid, a.round) == (b.leader, b.epoch, b.zxid, b.round)


BUG: Final = Bug(
    "settled-votes-by-round",
    "who comes late finds the leader that the others follow",
    "ZOOKEEPER-1732, ZOOKEEPER-1805",
    (),
    (Override(election, "_agree", _agree_in_all),),
    unwatched="nothing goes wrong: whoever comes late takes over the round of those it joins",
)
