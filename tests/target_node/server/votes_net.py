"""Servers that tell each other votes over streams of bytes, and all that can happen to these."""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from itertools import count

from target_node.protocol.election import Heard, Linked, Tell
from target_node.protocol.ensemble import Ensemble
from target_node.protocol.events import WakeAt, Woken
from target_node.server.events import (
    Accepted,
    Connected,
    Data,
    Dial,
    Ended,
    HangUp,
    Note,
    Port,
    Write,
)
from target_node.server.gossip import Effect, ElectionLinks, Event
from target_node.wire.codes import ServerState
from target_node.wire.election import Notification

LATENCY_MS = 40  # at most, one way
LOST_MS = 3000  # at most, until an end learns that its connection is broken


def vote(number: int) -> Notification:
    return Notification(ServerState.LOOKING, 1, number, 1, 0, "x" * (number % 50))


@dataclass(eq=False)
class End:
    server: LinkedServer
    connection: int
    other: End | None = None
    open: bool = True
    arrival_ms: int = 0  # of the last that was sent to it: a stream keeps its order
    broken: bool = False
    unread: bytearray = field(default_factory=bytearray)


@dataclass(eq=False)
class LinkedServer:
    """One process: it says its newest vote again when a link comes up, as an election does."""

    sid: int
    links: ElectionLinks
    told: dict[int, Notification] = field(default_factory=dict)
    heard: dict[int, Notification] = field(default_factory=dict)
    ends: dict[int, End] = field(default_factory=dict)
    linked: list[int] = field(default_factory=list)
    dials: list[tuple[int, int]] = field(default_factory=list)  # (when, to whom)
    wake_ms: int | None = None
    down: bool = False


class VotesNet:
    def __init__(self, draw: random.Random, ensemble: Ensemble) -> None:
        self.draw = draw
        self.ensemble = ensemble
        self.now_ms = 0
        self._queue: list[tuple[int, int, Callable[[], None]]] = []
        self._order = count()
        self._dialled = count(-1, -1)
        self._accepted = count(1)
        self._numbers = count(1)
        self.servers: dict[int, LinkedServer] = {}
        self.cuts: set[frozenset[int]] = set()
        self.swallows = 0.0  # how often a dial that cannot succeed is not even refused
        for server in ensemble.servers:
            self.start(server.sid)

    def start(self, sid: int) -> None:
        links = ElectionLinks(sid, self.ensemble, lambda: next(self._dialled))
        self.servers[sid] = LinkedServer(sid, links)

    def crash(self, sid: int) -> None:
        crashed = self.servers[sid]
        crashed.down = True
        for end in list(crashed.ends.values()):
            self.sever(end)

    def sever(self, end: End) -> None:
        """What is on its way is lost; each end learns of it in its own time."""
        for one in filter(None, (end, end.other)):
            if not one.broken:
                one.broken = True
                self._later(self.draw.choice((5, LOST_MS)), partial(self._end, one))

    def cut(self, a: int, b: int) -> None:
        self.cuts.add(frozenset((a, b)))
        for end in list(self.servers[a].ends.values()):
            if end.other is not None and end.other.server.sid == b:
                self.sever(end)

    def tell(self, sid: int, peer: int) -> None:
        server = self.servers[sid]
        server.told[peer] = vote(next(self._numbers))
        self.event(server, Tell(peer, server.told[peer]))

    def event(self, server: LinkedServer, event: Event) -> None:
        if not server.down:
            for effect in server.links.step(self.now_ms, event):
                self._carry_out(server, effect)

    def run(self, until_ms: int) -> None:
        while self._queue and self._queue[0][0] <= until_ms:
            self.now_ms, _, act = heapq.heappop(self._queue)
            act()
        self.now_ms = until_ms

    def open_ends(self) -> Iterator[End]:
        for server in self.servers.values():
            yield from server.ends.values()

    def _later(self, most_ms: int, act: Callable[[], None]) -> int:
        return self._at(self.now_ms + self.draw.randint(0, most_ms), act)

    def _at(self, at_ms: int, act: Callable[[], None]) -> int:
        heapq.heappush(self._queue, (at_ms, next(self._order), act))
        return at_ms

    def _carry_out(self, server: LinkedServer, effect: Effect) -> None:
        match effect:
            case Dial(connection, Port.ELECTION, sid, address):
                assert str(address) == f"n{sid}:3888"
                assert connection not in server.ends
                server.dials.append((self.now_ms, sid))
                end = server.ends[connection] = End(server, connection)
                self._later(LATENCY_MS, lambda: self._arrive(end, sid))
            case Write(connection, data):
                if (written := server.ends.get(connection)) is not None:
                    self._send(written, data)
            case HangUp(connection):
                ending = server.ends[connection]
                self._later(LATENCY_MS, lambda: self._end(ending))
                if ending.other is not None:
                    self._deliver(ending.other, None)
                ending.open = False
            case Heard(sid, notification):
                server.heard[sid] = notification
            case Linked(sid):
                server.linked.append(sid)
                if sid in server.told:
                    self.event(server, Tell(sid, server.told[sid]))
            case WakeAt(time_ms):
                server.wake_ms = time_ms
                self._at(max(time_ms, self.now_ms), lambda: self._wake(server, time_ms))
            case Note(event, detail):
                raise AssertionError(f"nobody gave reason for {event}: {detail}")
            case _:
                raise AssertionError(effect)

    def _wake(self, server: LinkedServer, time_ms: int) -> None:
        if server.wake_ms == time_ms:
            server.wake_ms = None
            self.event(server, Woken())

    def _arrive(self, end: End, sid: int) -> None:
        server = self.servers[sid]
        if server.down or frozenset((sid, end.server.sid)) in self.cuts:
            if self.draw.random() >= self.swallows:
                self._later(LATENCY_MS, lambda: self._end(end))
            return
        if not end.open or end.broken:
            return
        connection = next(self._accepted)
        end.other = server.ends[connection] = End(server, connection, end)
        self.event(server, Accepted(connection, Port.ELECTION, f"n{end.server.sid}"))
        end.arrival_ms = self._later(LATENCY_MS, lambda: self._connect(end))

    def _connect(self, end: End) -> None:
        if end.open and not end.broken:
            self.event(end.server, Connected(end.connection))

    def _send(self, end: End, data: bytes) -> None:
        assert end.open, "written to after it was hung up"
        assert end.other is not None, "written to before it was connected"
        while data:
            size = self.draw.choice((1, 7, 30, len(data)))
            self._deliver(end.other, data[:size])
            data = data[size:]

    def _deliver(self, end: End, data: bytes | None) -> None:
        at_ms = max(end.arrival_ms, self.now_ms + self.draw.randint(0, LATENCY_MS))
        end.arrival_ms = self._at(at_ms, lambda: self._come(end, data))

    def _come(self, end: End, data: bytes | None) -> None:
        if end.broken:
            return
        if data is None:
            self._read(end)
            self._end(end)
        else:
            end.unread += data
            self._later(5, lambda: self._read(end))

    def _read(self, end: End) -> None:
        """What has come until now comes as one; also what comes between HangUp and Ended."""
        if end.unread and end.connection in end.server.ends:
            data = bytes(end.unread)
            end.unread.clear()
            self.event(end.server, Data(end.connection, data))

    def _end(self, end: End) -> None:
        if end.server.ends.pop(end.connection, None) is not None:
            end.open = False
            if end.other is not None and not end.broken:
                self._deliver(end.other, None)
            self.event(end.server, Ended(end.connection))
