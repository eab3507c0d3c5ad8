"""A start takes a history that is newer than the epoch beside it for damage, not for a crash."""

from __future__ import annotations

from typing import Final

from target_node.bugs.bug import Bug, Override
from target_node.durable import recovery
from target_node.durable.disk import Disk
from target_node.durable.epochs import CURRENT, read_epoch
from target_node.durable.refusal import Corrupt

_epochs: Final = recovery._epochs


def _insist(disk: Disk, logged: int) -> tuple[int, int, list[recovery.Repair]]:
    entered = read_epoch(disk, CURRENT) or 0
    if logged > entered:
        raise Corrupt(CURRENT, 0, f"currentEpoch {entered} is older than the last txn's {logged}")
    return _epochs(disk, logged)


BUG: Final = Bug(
    "epoch-behind-history-refused",
    "a crash at any moment leaves a disk that the server can start from",
    "ZOOKEEPER-2354, ZOOKEEPER-1653",
    ("recovery", "a node ended by itself"),
    (Override(recovery, "_epochs", _insist),),
)
