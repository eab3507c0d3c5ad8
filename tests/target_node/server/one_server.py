"""One server's election links, and what others say to them."""

from __future__ import annotations

from itertools import count

from target_node.protocol.ensemble import Address
from target_node.server.arrivals import announcement
from target_node.server.events import Accepted, Data, Dial, Port
from target_node.server.gossip import Effect, ElectionLinks
from target_node.wire.election import encode_notification
from target_node.wire.frames import frame
from tests.target_node.protocol.members import participants
from tests.target_node.server.votes_net import vote


class Links(ElectionLinks):
    """Server 2 of 3, unless said otherwise; what it dials is -1, -2, ..."""

    def __init__(self, me: int = 2) -> None:
        numbers = count(-1, -1)
        super().__init__(me, participants(3), lambda: next(numbers))

    def accept(self, connection: int, data: bytes, now_ms: int = 0) -> tuple[Effect, ...]:
        self.step(now_ms, Accepted(connection, Port.ELECTION, "h"))
        return self.step(now_ms, Data(connection, data))


def said(sid: int) -> bytes:
    return announcement(sid, Address(f"n{sid}", 3888))


def sent(number: int) -> bytes:
    return frame(encode_notification(vote(number)))


def dial(connection: int, sid: int) -> Dial:
    return Dial(connection, Port.ELECTION, sid, Address(f"n{sid}", 3888))
