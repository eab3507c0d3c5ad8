"""Who looks for a leader forgets what it has logged and nobody has committed, until it restarts."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from target_node.bugs.bug import Bug, Override
from target_node.durable.scan import Txn
from target_node.server.history import History
from target_node.server.looking import Looking

_begin: Final = Looking.begin


def _keep_no_tail(self: History, logged: Iterable[Txn]) -> None:
    pass


def _begin_from_memory(self: Looking) -> None:
    self._place.durable_zxid = self._place.history.last_zxid
    _begin(self)


BUG: Final = Bug(
    "tail-forgotten",
    "a vote tells all that the voter has on its disk",
    "ZOOKEEPER-2845",
    ("membership", "linearizable", "promises"),
    (
        Override(History, "break_off", _keep_no_tail),
        Override(Looking, "begin", _begin_from_memory),
    ),
)
