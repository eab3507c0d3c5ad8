"""A learner writes down that it has joined an epoch before it has that epoch's history on disk."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from target_node.bugs.bug import Bug, Override
from target_node.durable.store import Store

_append: Final = Store.append


def _enter_and_append(self: Store, txns: Sequence[bytes]) -> None:
    # Between the promise and the entry nothing is appended but what the leader begins with.
    self.set_current_epoch(self.accepted_epoch)
    _append(self, txns)


BUG: Final = Bug(
    "epoch-before-history",
    "who claims an epoch has all that was committed before it",
    "ZOOKEEPER-4643, ZOOKEEPER-4785",
    ("membership", "linearizable", "promises"),
    (Override(Store, "append", _enter_and_append),),
)
