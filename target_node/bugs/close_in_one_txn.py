"""A session that closes names all of its nodes in one txn, however long that is."""

from __future__ import annotations

from typing import Final

from target_node.bugs.bug import Bug, Override
from target_node.state import prep


def _all_at_once(paths: tuple[str, ...], most_bytes: int) -> list[tuple[str, ...]]:
    return [paths]


BUG: Final = Bug(
    "close-in-one-txn",
    "a txn fits the packet that it is sent in",
    "ZOOKEEPER-4306",
    (),
    (Override(prep, "_portions", _all_at_once),),
    unwatched="no workload has sessions with so many ephemerals that their paths fill a packet",
)
