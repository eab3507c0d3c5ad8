"""A replica writes down when it applied a txn, not when the leader proposed it."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from target_node.bugs.bug import Bug, Override
from target_node.durable.scan import Txn
from target_node.server.role import Place
from target_node.wire.txn import TxnBody, TxnHeader

_commit: Final = Place.commit


def _commit_now(self: Place, txn: Txn, header: TxnHeader, body: TxnBody | None) -> None:
    _commit(self, txn, replace(header, time_ms=self.turn.now.wall_ms), body)


BUG: Final = Bug(
    "local-clock-in-apply",
    "replicas that have applied the same txns are the same",
    "a classic",
    ("replicas differ",),
    (Override(Place, "commit", _commit_now),),
)
