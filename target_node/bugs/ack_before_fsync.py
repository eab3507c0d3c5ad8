"""What was appended to the log counts as durable, and is written out some time or other."""

from __future__ import annotations

from typing import Final

from target_node.bugs.bug import Bug, Override
from target_node.durable.store import Store


def _flush_later(self: Store) -> None:
    pass


BUG: Final = Bug(
    "ack-before-fsync",
    "what was acknowledged outlives a crash of all servers",
    "a classic; forceSync=no",
    ("membership", "linearizable"),
    (Override(Store, "flush", _flush_later),),
)
