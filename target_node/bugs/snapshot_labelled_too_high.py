"""A snapshot is named after the last txn that is logged, and holds those that are applied."""

from __future__ import annotations

from typing import Final

from target_node.bugs.bug import Bug, Override
from target_node.durable.operations import Operation, TakeSnapshot
from target_node.server.server import Server
from target_node.server.turn import Turn

_snapshot: Final = Server._snapshot


class _Relabelling(Turn):
    """Not a turn: what `_snapshot` asks of one."""

    __slots__ = ("_server",)

    def __init__(self, server: Server) -> None:
        self._server = server
        self.settings = server.turn.settings

    def perform(self, operation: Operation) -> None:
        if isinstance(operation, TakeSnapshot):
            operation = TakeSnapshot(self._server.place.durable_zxid, operation.body)
        self._server.place.turn.perform(operation)


def _label_too_high(self: Server) -> None:
    kept, self.turn = self.turn, _Relabelling(self)
    try:
        _snapshot(self)
    finally:
        self.turn = kept


BUG: Final = Bug(
    "snapshot-labelled-too-high",
    "a snapshot holds every txn up to the one it is named after",
    "ZOOKEEPER-3127, ZOOKEEPER-1573",
    ("replicas differ", "membership", "linearizable"),
    (Override(Server, "_snapshot", _label_too_high),),
)
