"""A start takes a log that a crash left without its first txn for damage."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from target_node.bugs.bug import Bug, Override
from target_node.durable import recovery
from target_node.durable.disk import Disk, opened
from target_node.durable.names import logs_in
from target_node.durable.refusal import Corrupt
from target_node.durable.scan import FILE_HEADER

_mend_tail: Final = recovery._mend_tail


def _mend_none_without_header(disk: Disk) -> Iterator[recovery.Repair]:
    for _, name in logs_in(disk)[-1:]:
        with opened(disk, name) as file:
            if file.size() < len(FILE_HEADER):
                raise Corrupt(name, file.size(), "the file ends within its header")
    yield from _mend_tail(disk)


BUG: Final = Bug(
    "empty-log-refused",
    "a crash at any moment leaves a disk that the server can start from",
    "ZOOKEEPER-2332",
    ("recovery", "a node ended by itself"),
    (Override(recovery, "_mend_tail", _mend_none_without_header),),
)
