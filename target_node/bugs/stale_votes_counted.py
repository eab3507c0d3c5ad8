"""Votes of an earlier round count in a later one."""

from __future__ import annotations

from typing import Final

from target_node.bugs.bug import Bug, Override
from target_node.protocol import election
from target_node.protocol.election import Election, Vote

_hear_looking: Final = Election._hear_looking


def _hear_and_keep(self: Election, now_ms: int, sid: int, vote: Vote) -> None:
    kept = dict(self._received)
    _hear_looking(self, now_ms, sid, vote)
    self._received = kept | self._received
    self._count(now_ms)


def _agree_in_any_round(a: Vote, b: Vote) -> bool:
    return a.leader == b.leader and a.epoch == b.epoch


BUG: Final = Bug(
    "stale-votes-counted",
    "who is elected has the votes of a quorum in one round",
    "a classic",
    (),
    (
        Override(Election, "_hear_looking", _hear_and_keep),
        Override(election, "_agree", _agree_in_any_round),
    ),
    unwatched="nothing goes wrong: discovery makes up for it",
)
