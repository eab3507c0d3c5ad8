"""Whoever asked for a change is answered before those are told who watch for it."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from target_node.bugs.bug import Bug, Override
from target_node.server.clients import Clients
from target_node.state.changes import Applied
from target_node.state.reply import event_packet

_applied: Final = Clients.applied


def _answer_and_tell(self: Clients, applied: Applied) -> None:
    told = self.watches.fire(applied.changes, self._ids_at)
    _applied(self, replace(applied, changes=()))
    for one in told:
        if (watcher := self.by_connection.get(one.connection)) is not None:
            self._send(watcher, event_packet(one.event, applied.zxid))


BUG: Final = Bug(
    "event-after-reply",
    "a client hears of a change before it sees it",
    "ZOOKEEPER-1412",
    ("hearing",),
    (Override(Clients, "applied", _answer_and_tell),),
)
