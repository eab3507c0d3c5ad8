"""A purge deletes every log that begins before the newest snapshot, wherever it ends."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from target_node.bugs.bug import Bug, Override
from target_node.durable import store
from target_node.durable.disk import Disk
from target_node.durable.forget import purge
from target_node.durable.names import logs_in, snapshots_in


def _purge_by_beginning(disk: Disk, keep: int) -> Sequence[str]:
    deleted = [*purge(disk, keep)]
    newest = max((zxid for zxid, _ in snapshots_in(disk)), default=0)
    for first, name in logs_in(disk):
        if first <= newest:
            disk.delete(name)
            deleted.append(name)
    disk.sync_dir()
    return deleted


BUG: Final = Bug(
    "purge-takes-needed-log",
    "what was acknowledged is there after any restart",
    "ZOOKEEPER-2574, ZOOKEEPER-3231",
    ("recovery", "a node ended by itself", "membership", "linearizable", "promises"),
    (Override(store, "purge", _purge_by_beginning),),
)
