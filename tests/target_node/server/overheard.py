"""One server, and what is heard on its connections, in lines."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from itertools import count

from target_node.durable.operations import Operation
from target_node.protocol.events import WakeAt
from target_node.server.events import (
    Accepted,
    Dial,
    Effect,
    Ended,
    Event,
    Halt,
    HangUp,
    Note,
    Now,
    Perform,
    Port,
    Stream,
    Write,
)
from target_node.server.links import SIGNATURE
from target_node.server.server import Server
from target_node.wire.client import decode_reply, split_reply
from target_node.wire.codes import ErrorCode, Xid
from target_node.wire.connect import (
    decode_connect_response,
)
from target_node.wire.election import decode_notification
from target_node.wire.frames import ELECTION_LIMIT, Frames
from target_node.wire.quorum import Packets
from tests.target_node.protocol.script import shown
from tests.target_node.server import spoken

NAMES: dict[int, str] = {Xid.PING: "ping", Xid.SET_WATCHES: "watches"}
WALL_MS = 1_000_000
BEGINNING = "<beginning>"  # the name of a session until it has one


@dataclass
class Other:
    """The other end of a connection; `name` is a sid or a client's."""

    name: str
    port: Port
    frames: Frames = field(default_factory=lambda: Frames(1 << 22))
    packets: Packets = field(default_factory=Packets)
    greeted: bool = False
    swallow: int = 0  # bytes that are no packets
    asked: dict[int, int] = field(default_factory=dict)  # ops by xid
    xids: count[int] = field(default_factory=lambda: count(1))


class Overheard:
    """`others` are the other ends of the connections that are open."""

    def __init__(self) -> None:
        self.server: Server | None = None
        self.numbers = count(1)
        self.now_ms = 0
        self.wake_ms: int | None = None
        self.others: dict[int, Other] = {}
        self.dialled: dict[tuple[Port, str], int] = {}
        self.operations: deque[Operation] = deque()
        self.sessions: dict[str, int] = {}
        self.lines: list[str] = []

    def names(self) -> dict[int, str]:
        """Of each session the first that it had."""
        return {session: name for name, session in reversed(self.sessions.items())}

    # Connections.

    def accept(self, name: str, port: Port) -> int:
        connection = next(self.numbers)
        frames = Frames(ELECTION_LIMIT if port is Port.ELECTION else 1 << 22)
        self.others[connection] = Other(name, port, frames)
        self.step(Accepted(connection, port, f"n{name}"))
        return connection

    def end(self, name: str, port: Port) -> int:
        """The youngest that is still open."""
        found = [c for c, one in self.others.items() if (one.name, one.port) == (name, port)]
        assert found, f"no connection to {name}"
        return found[-1]

    def over(self, connection: int) -> None:
        del self.others[connection]
        self.step(Ended(connection))

    # What the server wants.

    def step(self, event: Event) -> None:
        assert self.server is not None
        now = Now(self.now_ms, WALL_MS + self.now_ms)
        ended: list[int] = []
        for effect in self.server.step(now, event):
            self.carry_out(effect, ended)
        for connection in ended:
            self.step(Ended(connection))

    def carry_out(self, effect: Effect, ended: list[int]) -> None:
        match effect:
            case Write(connection, data) if connection in self.others:
                self.hear(self.others[connection], data)
            case Stream(connection, chunks) if connection in self.others:
                b"".join(chunks)
                self.others[connection].swallow = len(SIGNATURE)
                self.lines.append(f"to {self.others[connection].name}: the tree")
            case HangUp(connection) if connection in self.others:
                other = self.others.pop(connection)
                ended.append(connection)
                if other.port is not Port.ELECTION:
                    self.lines.append(f"hang up on {other.name}")
            case Dial(connection, port, sid, address):
                self.others[connection] = Other(str(sid), port)
                self.dialled[port, str(sid)] = connection
                if port is Port.QUORUM:
                    self.lines.append(f"dial {sid} at {address}")
            case Perform(operation):
                self.operations.append(operation)
                self.lines.append(f"disk: {spoken.show_operation(operation)}")
            case WakeAt(time_ms):
                self.wake_ms = time_ms
            case Note():
                self.lines += spoken.show_note(effect)
            case Halt(reason):
                raise AssertionError(reason)
            case _:
                pass

    def hear(self, other: Other, data: bytes) -> None:
        match other.port:
            case Port.ELECTION:
                if not other.greeted and data[:4] == b"\xff\xff\xff\xff":
                    return  # who it is
                for packet in other.frames.feed(data):
                    text = spoken.show_vote(decode_notification(packet))
                    self.lines.append(f"vote to {other.name}: {text}")
            case Port.QUORUM:
                other.packets.feed(data[other.swallow :])
                other.swallow = max(0, other.swallow - len(data))
                while (came := other.packets.take()) is not None:
                    text = spoken.show_packet(came, NamesOrSession(self.names()))
                    self.lines.append(f"to {other.name}: {text}")
            case Port.CLIENT:
                for packet in other.frames.feed(data):
                    self.lines.append(f"to {other.name}: {self.show_reply(other, packet)}")

    def show_reply(self, other: Other, packet: bytes) -> str:
        if not other.greeted:
            other.greeted = True
            welcome = decode_connect_response(packet)
            if not welcome.timeout_ms:
                return "that session is gone"
            self.sessions.setdefault(other.name, welcome.session)
            mode = ", only to read" if welcome.read_only else ""
            return f"welcome, session of {self.names()[welcome.session]}{mode}"
        header, body = split_reply(packet)
        if header.xid == Xid.WATCH_EVENT:
            return f"event {spoken.show_response(decode_reply(0, body))}"
        name = NAMES.get(header.xid, f"#{header.xid}")
        if header.err:
            return f"{name} {ErrorCode(header.err).name} at {shown(header.zxid)}"
        response = decode_reply(other.asked[header.xid], body)
        return f"{name} at {shown(header.zxid)}{spoken.show_response(response)}"


class NamesOrSession(dict[int, str]):
    """A session that begins in this very step is named once the step is over."""

    def __missing__(self, session: int) -> str:
        return BEGINNING if session else "nobody"
