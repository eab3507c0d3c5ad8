"""A leader writes a snapshot of what it begins with, committed or not, and TRUNC cuts logs only."""

from __future__ import annotations

from typing import Final

from target_node.bugs.bug import Bug, Override
from target_node.durable import forget, store
from target_node.durable.disk import Disk
from target_node.durable.names import logs_in
from target_node.durable.operations import TakeSnapshot
from target_node.server.leading import Leading
from target_node.state.image import write_image

_enter: Final = Leading._enter


def _enter_with_snapshot(self: Leading, epoch: int) -> None:
    _enter(self, epoch)
    tree = self._place.history.tree
    self._turn.perform(TakeSnapshot(tree.last_zxid, write_image(tree)))


def _cut_logs(disk: Disk, zxid: int) -> None:
    forget._check_reachable(disk, zxid)
    logs = logs_in(disk)
    while logs and logs[-1][0] > zxid:
        disk.delete(logs.pop()[1])
        disk.sync_dir()
    if logs:
        forget._cut_file(disk, logs[-1][1], zxid)


BUG: Final = Bug(
    "snapshot-survives-trunc",
    "what is truncated does not come back",
    "ZOOKEEPER-1549",
    ("replicas differ", "promises"),
    (
        Override(Leading, "_enter", _enter_with_snapshot),
        Override(store, "cut_after", _cut_logs),
    ),
)
