"""Which epochs a server has promised and entered, it knows until it is restarted."""

from __future__ import annotations

from typing import Final

from target_node.bugs.bug import Bug, Override
from target_node.durable import store
from target_node.durable.disk import Disk


def _remember_only(disk: Disk, name: str, epoch: int) -> None:
    pass


BUG: Final = Bug(
    "forgotten-epoch",
    "an epoch has one leader, and a zxid one txn",
    "ZOOKEEPER-335, ZOOKEEPER-1291",
    ("promises",),
    (Override(store, "write_epoch", _remember_only),),
)
