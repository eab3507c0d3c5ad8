"""Some servers and the bytes between them: everything arrives, in order, as soon as it is sent.

Disks are quick, the clock goes when it is told to, and whoever connects from outside may say
whatever it likes. An exception out of a step is the test's.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from random import Random

from harness.sim.disk import SimDisk
from target_node.durable.operations import perform
from target_node.durable.store import Store, open_store
from target_node.protocol.ensemble import Ensemble
from target_node.protocol.events import WakeAt, Woken
from target_node.server.events import (
    Accepted,
    Connected,
    Data,
    Dial,
    Done,
    Effect,
    Ended,
    Event,
    Halt,
    HangUp,
    Now,
    Perform,
    Port,
    Start,
    Stream,
    Write,
)
from target_node.server.server import Server
from target_node.server.settings import Settings

WALL_MS = 1_700_000_000_000


@dataclass(eq=False)
class Outside:
    """A connection of somebody who is no server."""

    net: Servers
    sid: int
    number: int
    received: bytearray = field(default_factory=bytearray)
    open: bool = True

    def send(self, data: bytes) -> None:
        if self.open:
            self.net.happen(self.sid, Data(self.number, data))
            self.net.run()

    def close(self) -> None:
        if self.open:
            self.open = False
            self.net.ends.pop((self.sid, self.number), None)
            self.net.happen(self.sid, Ended(self.number))
            self.net.run()


@dataclass
class One:
    """A process: `wake_ms` is when it wants to be woken."""

    server: Server
    store: Store
    wake_ms: int | None = None


class Servers:
    """Those of `members` that are `up`."""

    def __init__(self, members: Ensemble, up: tuple[int, ...], **settings: bool) -> None:
        self.now_ms = 0
        self.up: dict[int, One] = {}
        self.ends: dict[tuple[int, int], tuple[int, int] | Outside] = {}
        self._queue: deque[tuple[int, Event]] = deque()
        self._numbers = 0
        for sid in up:
            store, recovered = open_store(SimDisk())
            told = Settings(sid, members, tick_ms=200, most_connections=0, **settings)  # type: ignore[arg-type]
            server = Server(told, recovered, None, Random(sid).randrange)
            self.up[sid] = One(server, store)
            self.happen(sid, Start())
        self.run()

    def role(self, name: str) -> int:
        """The sid of the first that is a leader, a follower …"""
        return next(sid for sid, one in self.up.items() if one.server.role.name == name)

    def roles(self) -> list[str]:
        return [one.server.role.name for one in self.up.values() if one.server.clients.serving]

    def connect(self, sid: int, port: Port) -> Outside:
        outside = Outside(self, sid, self._number())
        self.ends[sid, outside.number] = outside
        self.happen(sid, Accepted(outside.number, port, "outside"))
        self.run()
        return outside

    # What happens.

    def happen(self, sid: int, event: Event) -> None:
        self._queue.append((sid, event))

    def run(self) -> None:
        while self._queue:
            sid, event = self._queue.popleft()
            for effect in self.up[sid].server.step(Now(self.now_ms, WALL_MS + self.now_ms), event):
                self._carry_out(sid, effect)

    def pass_time(self, ms: int) -> None:
        until_ms = self.now_ms + ms
        while True:
            due = [one.wake_ms for one in self.up.values() if one.wake_ms is not None]
            if not due or min(due) > until_ms:
                break
            self.now_ms = max(self.now_ms, min(due))
            for sid, one in self.up.items():
                if one.wake_ms is not None and one.wake_ms <= self.now_ms:
                    one.wake_ms = None
                    self.happen(sid, Woken())
            self.run()
        self.now_ms = until_ms

    def _number(self) -> int:
        self._numbers += 1
        return self._numbers

    def _carry_out(self, sid: int, effect: Effect) -> None:
        match effect:
            case Write(number, data):
                self._send(sid, number, data)
            case Stream(number, chunks):
                self._send(sid, number, b"".join(chunks))
            case Perform(operation):
                (completion,) = perform(self.up[sid].store, [operation])
                self.happen(sid, Done(completion))
            case WakeAt(time_ms):
                self.up[sid].wake_ms = time_ms
            case HangUp(number):
                self._hang_up(sid, number)
            case Dial():
                self._dial(sid, effect)
            case Halt(reason):
                raise AssertionError(f"server {sid} has stopped: {reason}")
            case _:
                pass

    def _send(self, sid: int, number: int, data: bytes) -> None:
        match self.ends.get((sid, number)):
            case Outside() as outside:
                outside.received += data
            case (other, theirs):
                self.happen(other, Data(theirs, data))
            case None:
                pass

    def _hang_up(self, sid: int, number: int) -> None:
        match self.ends.pop((sid, number), None):
            case Outside() as outside:
                outside.open = False
            case (other, theirs):
                self.ends.pop((other, theirs), None)
                self.happen(other, Ended(theirs))
            case None:
                return
        self.happen(sid, Ended(number))

    def _dial(self, sid: int, dial: Dial) -> None:
        host = dial.address.host
        other = int(host[1:]) if host[:1] == "n" and host[1:].isdigit() else 0
        if other not in self.up:
            self.happen(sid, Ended(dial.connection))
            return
        theirs = self._number()
        self.ends[sid, dial.connection] = (other, theirs)
        self.ends[other, theirs] = (sid, dial.connection)
        self.happen(other, Accepted(theirs, dial.port, f"n{sid}"))
        self.happen(sid, Connected(dial.connection))
