"""A log that could not be synced is taken for synced: the kernel will see to it."""

from __future__ import annotations

from contextlib import suppress
from typing import Final

from target_node.bugs.bug import Bug, Override
from target_node.durable.log import TxnLog

_sync: Final = TxnLog.sync


def _sync_or_not(self: TxnLog) -> None:
    with suppress(OSError):
        _sync(self)
    self.synced_zxid = self.last_zxid
    self._failed = False


BUG: Final = Bug(
    "failed-fsync-ignored",
    "what was acknowledged outlives a crash of all servers",
    "a classic; fsyncgate",
    ("membership", "linearizable"),
    (Override(TxnLog, "sync", _sync_or_not),),
)
