"""A snapshot has its name before its bytes are on disk."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from target_node.bugs.bug import Bug, Override
from target_node.durable import snapshot
from target_node.durable.disk import Disk


def _write_unsynced(disk: Disk, name: str, temporary: str, chunks: Iterable[bytes]) -> None:
    if temporary in disk.list():
        disk.delete(temporary)
    file = disk.create(temporary)
    for chunk in chunks:
        file.append(chunk)
    file.close()
    disk.rename(temporary, name)
    disk.sync_dir()


BUG: Final = Bug(
    "snapshot-not-synced",
    "a history is given up only when what replaces it is on disk",
    "ZOOKEEPER-2872",
    ("recovery", "a node ended by itself", "membership", "linearizable"),
    (Override(snapshot, "write_whole", _write_unsynced),),
)
