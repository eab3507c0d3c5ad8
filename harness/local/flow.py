"""How do bytes go one way of one connection, over a link that may be cut or slow?

Rules of this file:
1. Bytes of a flow, and its end behind them, arrive in order or not at all, whatever becomes of the
   link meanwhile.
2. What has been taken in is held no longer than the link wants, and never more than a little of it:
   beyond, the sender is not read from, so that it feels how slow the link is.
3. Over a cut link nothing passes, not even the news that the sender is gone.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

MOST_HELD: Final = 64 << 10  # bytes of a flow
SEGMENT: Final = 1448  # bytes that are lost or late together
RESEND_S: Final = 0.2  # as TCP waits before it sends again, at least; twice as long each time
_MOST_RESENDS: Final = 6


class End(Protocol):
    """One end of a connection."""

    def hold(self, *, held: bool) -> None:
        """Read no more, or read again."""

    def put(self, data: bytes) -> None:
        """Send this."""

    def finish(self, *, broken: bool) -> None:
        """Nothing more will be sent; or, if broken, nothing goes either way any more."""

    def settle(self) -> None:
        """The other end has heard that this one sends no more."""


@dataclass(frozen=True, slots=True)
class Way:
    """How it is with a link."""

    cut: bool = False
    delay_ms: int = 0
    jitter_ms: int = 0
    loss: float = 0.0
    bytes_per_s: int = 0


OPEN: Final = Way()
_FINISH: Final = b""
_BREAK: Final = None


class Link:
    """What all flows from one place to another share; `chance` gives numbers from 0 to 1."""

    def __init__(self, chance: Callable[[], float]) -> None:
        self.way = OPEN
        self.plain = True  # nothing is to be done but to pass it on
        self.taken = 0  # bytes, from senders
        self.given = 0  # bytes, to receivers
        self.flows: dict[Flow, None] = {}
        self.waiting: dict[Callable[[], None], None] = {}  # for a change
        self._chance = chance
        self._free_at = 0.0

    def set(self, way: Way) -> None:
        """Let it be so from now on, for what is on its way too."""
        if way == self.way:
            return
        self.way, self.plain = way, way == OPEN
        self._free_at = 0.0
        for flow in list(self.flows):
            flow.reconsider()
        for changed in list(self.waiting):
            changed()

    def arrival(self, now: float, size: int) -> float:
        """When a segment of this size would be there, if nothing were before it."""
        way, at = self.way, now
        if way.bytes_per_s:
            self._free_at = at = max(now, self._free_at) + size / way.bytes_per_s
        at += (way.delay_ms + way.jitter_ms * self._chance()) / 1000
        if way.loss:
            for resend in range(_MOST_RESENDS):
                if self._chance() >= way.loss:
                    break
                at += RESEND_S * 2**resend
        return at


class Flow:
    """From one end to the other, which may not be there yet."""

    def __init__(self, link: Link, source: End) -> None:
        self.link = link
        self._source = source
        self._sink: End | None = None
        self._loop = asyncio.get_running_loop()
        self._held: deque[tuple[float, bytes | None]] = deque()
        self.held_bytes = 0
        self._full = False  # the sink takes no more for now
        self._last_at = 0.0
        self._alarm: asyncio.TimerHandle | None = None
        self._dead = False
        self.finished = False
        link.flows[self] = None

    def reach(self, sink: End) -> None:
        """Here is the other end."""
        self._sink = sink
        self.reconsider()

    def take(self, data: bytes) -> None:
        """From the source."""
        if self._dead:
            return
        link = self.link
        link.taken += len(data)
        if link.plain and not self._held and self._sink is not None and not self._full:
            link.given += len(data)
            self._sink.put(data)
            return
        if link.plain or len(data) <= SEGMENT:
            self._hold(data)
        else:
            for start in range(0, len(data), SEGMENT):
                self._hold(data[start : start + SEGMENT])
        self._go()

    def end(self, *, broken: bool) -> None:
        """The source has sent its last, or is gone."""
        if not self._dead:
            self._held.append((self._last_at, _BREAK if broken else _FINISH))
            self._go()

    def lose_sink(self) -> None:
        """There is nobody any more to send to."""
        self._sink = None
        self.drop()
        self._source.hold(held=True)

    def drop(self) -> None:
        """Forget it."""
        self._dead = True
        self._held.clear()
        self.link.flows.pop(self, None)
        self._calm()

    def fill(self, *, full: bool) -> None:
        """Whether the sink takes no more for now."""
        self._full = full
        self.reconsider()

    def reconsider(self) -> None:
        """Something is different."""
        if not self._dead:
            self._go()

    def _hold(self, data: bytes) -> None:
        at = self._loop.time()
        self._last_at = max(self._last_at, self.link.arrival(at, len(data)))
        self._held.append((self._last_at, data))
        self.held_bytes += len(data)

    def _go(self) -> None:
        """Let pass what may, and look whether more may come."""
        self._calm()
        if not self.link.way.cut and self._sink is not None:
            now = self._loop.time()
            while self._held and not self._full and not self._dead:
                # On a link that is whole again nothing is late any more.
                if not self.link.plain and self._held[0][0] > now:
                    self._alarm = self._loop.call_at(self._held[0][0], self._go)
                    break
                self._pass(self._held.popleft()[1], self._sink)
        if not self._dead:
            unreached = self._sink is None  # it is read from, to notice whether it gives up
            cut = self.link.way.cut and not unreached
            self._source.hold(held=cut or self._full or self.held_bytes >= MOST_HELD)

    def _pass(self, data: bytes | None, sink: End) -> None:
        if data:
            self.held_bytes -= len(data)
            self.link.given += len(data)
            sink.put(data)
        else:
            self.finished = True
            sink.finish(broken=data is _BREAK)
            self._source.settle()

    def _calm(self) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
