"""Who left its leader votes at once, whatever its disk has yet to do for the role that is over."""

from __future__ import annotations

from typing import Final

from target_node.bugs.bug import Bug, Override
from target_node.server.looking import Looking

_begin: Final = Looking.begin


def _begin_at_once(self: Looking) -> None:
    place = self._place
    owed, place.turn.owed = place.turn.owed, 0
    durable, place.durable_zxid = place.durable_zxid, place.history.last_zxid
    _begin(self)
    place.turn.owed, place.durable_zxid = owed, durable


BUG: Final = Bug(
    "vote-before-disk-is-done",
    "a vote tells only what is on the voter's disk",
    "ZOOKEEPER-4712, ZOOKEEPER-4541, ZOOKEEPER-4409",
    ("promises",),
    (Override(Looking, "begin", _begin_at_once),),
)
