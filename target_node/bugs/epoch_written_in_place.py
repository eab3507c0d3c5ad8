"""An epoch file is emptied and written anew, instead of being replaced by a whole one."""

from __future__ import annotations

from typing import Final

from target_node.bugs.bug import Bug, Override
from target_node.durable import store
from target_node.durable.disk import Disk


def _write_in_place(disk: Disk, name: str, epoch: int) -> None:
    file = disk.open(name) if name in disk.list() else disk.create(name)
    file.truncate(0)
    file.append(str(epoch).encode("ascii"))
    file.sync()
    file.close()
    disk.sync_dir()


BUG: Final = Bug(
    "epoch-written-in-place",
    "a crash at any moment leaves a disk that the server can start from",
    "ZOOKEEPER-2307",
    ("recovery", "a node ended by itself"),
    (Override(store, "write_epoch", _write_in_place),),
)
