"""Logs from before a leader's snapshot stay, and a change of epoch hides what they lack."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from target_node.bugs.bug import Bug, Override
from target_node.durable import store
from target_node.durable.disk import Disk
from target_node.durable.snapshot import write_snapshot


def _install_beside(disk: Disk, zxid: int, body: Iterable[bytes]) -> None:
    write_snapshot(disk, zxid, body)


BUG: Final = Bug(
    "diff-over-a-hole",
    "a learner is sent all that it lacks of its leader's history",
    "ZOOKEEPER-2099",
    ("replicas differ", "promises"),
    (Override(store, "install_snapshot", _install_beside),),
)
