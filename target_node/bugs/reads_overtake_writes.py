"""A read is looked up when it comes, though what its client wrote before is not applied yet."""

from __future__ import annotations

from typing import Final

from target_node.bugs.bug import Bug, Override
from target_node.server.client import Client
from target_node.server.clients import Clients
from target_node.state.reads import Reader, answer_read
from target_node.wire.codes import OpCode

_read: Final = Clients._read


def _read_at_once(self: Clients, client: Client, xid: int, op: int, body: bytes) -> None:
    _read(self, client, xid, op, body)
    if op == OpCode.GET_DATA and client.asked and (request := client.asked[-1].request) is not None:
        reader = Reader(client.connection, client.session, self._ids_of(client))
        client.asked[-1].answer = answer_read(self._history.tree, self.watches, request, reader)


BUG: Final = Bug(
    "reads-overtake-writes",
    "a client reads what it has written",
    "a classic",
    ("lifetimes",),
    (Override(Clients, "_read", _read_at_once),),
)
