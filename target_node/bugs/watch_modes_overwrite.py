"""A connection watches a path in one way only: the last that it asked for."""

from __future__ import annotations

from typing import Final

from target_node.bugs.bug import Bug, Override
from target_node.state.watches import Mode, _Kind

_arm: Final = _Kind.arm


def _arm_anew(self: _Kind, connection: int, path: str, mode: Mode) -> None:
    for other in self.modes(connection, path):
        self.disarm(connection, path, other)
    _arm(self, connection, path, mode)


BUG: Final = Bug(
    "watch-modes-overwrite",
    "a watch that stays tells of every change",
    "ZOOKEEPER-4466",
    ("hearing",),
    (Override(_Kind, "arm", _arm_anew),),
)
