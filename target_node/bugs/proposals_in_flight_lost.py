"""A learner is told nothing of what was proposed before it came and is committed after."""

from __future__ import annotations

from typing import Final

from target_node.bugs.bug import Bug, Override
from target_node.protocol.broadcast import Admit, Broadcast

_admit: Final = Broadcast._admit


def _admit_to_the_future(self: Broadcast, now_ms: int, admitted: Admit) -> None:
    kept = self._effects
    self._effects = []
    _admit(self, now_ms, admitted)
    self._effects = kept


BUG: Final = Bug(
    "proposals-in-flight-lost",
    "a learner hears of every txn that is committed while it joins",
    "ZOOKEEPER-962",
    ("recovery", "last calls", "promises"),
    (Override(Broadcast, "_admit", _admit_to_the_future),),
)
