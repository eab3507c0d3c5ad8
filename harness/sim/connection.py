"""How do the bytes of one connection travel, and how does it end?

Two ends, and from each a queue of what is on its way to the other. What a link does not let through
stalls, as in TCP, until the link is whole again or the sender loses patience.

Rules of this file:
1. Bytes arrive in order, each once, but cut into pieces anyhow.
2. Nobody is called from within a call of theirs: all that is told is told from the agenda.
3. Whoever owned an end that is gone hears nothing more of it. What comes to such an end is answered
   with a reset, which is how the other learns of it if no last word reached it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from enum import Enum, auto
from typing import TYPE_CHECKING, Final, Protocol, TypeAlias

from harness.sim.loop import SECOND

if TYPE_CHECKING:
    from harness.sim.network import Network

FLUSH_NS: Final = 5 * SECOND  # that an end may take for its last bytes
_WINDOW: Final = 4  # chunks of a stream that are on their way at once

Host: TypeAlias = str
Link: TypeAlias = tuple[Host, Host]
"""From the first to the second, one way."""


class Mark(Enum):
    """What travels among the bytes."""

    OPEN = auto()
    FINISH = auto()  # nothing comes behind it
    RESET = auto()


Item: TypeAlias = bytes | Mark


class Taker(Protocol):
    """Who owns an end."""

    def came(self, data: bytes) -> None:
        """These bytes came."""

    def finished(self) -> None:
        """The other one will send no more."""

    def ended(self) -> None:
        """The connection is gone; the last that is heard of it."""


class End:
    """One end of a connection from `here` to `there`."""

    __slots__ = (
        "_behind",
        "_gone",
        "_held",
        "_kept",
        "_last_ns",
        "_moving",
        "_network",
        "_queue",
        "_stalls",
        "closing",
        "here",
        "other",
        "port",
        "stalled",
        "taker",
        "there",
    )

    other: End

    def __init__(self, network: Network, here: Host, there: Host, port: int) -> None:
        self.here = here
        self.there = there
        self.port = port  # that was dialled
        self.taker: Taker | None = None
        self.closing = False
        self.stalled = False
        self._network = network
        self._gone = False
        self._held = False
        self._kept: deque[Item] = deque()  # what came while held
        self._queue: deque[tuple[int, Item]] = deque()  # on its way, and when it arrives
        self._behind: deque[bytes | Iterator[bytes]] = deque()  # a stream, and what is behind it
        self._last_ns = 0
        self._moving = False
        self._stalls = 0

    # What the owner does.

    def write(self, data: bytes) -> None:
        """Send behind all else."""
        if self.closing:
            return
        if self._behind:
            self._behind.append(data)
        else:
            self._send(data)

    def stream(self, chunks: Iterable[bytes]) -> None:
        """Send behind all else, taking the chunks as they can leave."""
        if not self.closing:
            self._behind.append(iter(chunks))
            self._pump()

    def hang_up(self) -> None:
        """Close it once all has left; `ended` is told then."""
        if self.closing:
            return
        self.closing = True
        if self._behind:
            self._network.loop.after(FLUSH_NS, self.abort)
        else:
            self._finish()

    def abort(self) -> None:
        """Close it now; some of what has not arrived is lost."""
        if not self._gone:
            self.lose_some()
            self._send(Mark.RESET)
            self.vanish()

    def hold(self) -> None:
        """Take no more bytes."""
        self._held = True

    def resume(self) -> None:
        """Take them again."""
        if self._held:
            self._held = False
            self._network.loop.after(0, self._give_kept)

    # What happens to it.

    def vanish(self, *, silently: bool = False) -> None:
        """It is no more; its owner hears so, unless it is no more itself."""
        self._gone = self.closing = True
        self._behind.clear()
        self._kept.clear()
        self._network.forget(self)
        taker, self.taker = self.taker, None
        if taker is not None and not silently:
            self._network.loop.after(0, taker.ended)

    def finish_for_the_dead(self) -> None:
        """The system closes what a dead process left open."""
        if not self.closing:
            self._send(Mark.FINISH)

    def lose_some(self) -> None:
        """Of what is on its way only a beginning arrives."""
        draw = self._network.draw_of((self.here, self.there))
        left, lost = draw(len(self._queue) + 1), None
        while len(self._queue) > left:
            lost = self._queue.pop()
        # A packet knows nothing of where a message ends.
        if lost is not None and isinstance(lost[1], bytes):
            beginning = lost[1][: draw(len(lost[1]))]
            if beginning:
                self._queue.append((lost[0], beginning))

    def flow_again(self) -> None:
        """The link lets through what stalled."""
        self.stalled = False
        self._stalls += 1
        loop, late_ns = self._network.loop, self._network.late_ns(self)
        self._queue = deque((max(at_ns, loop.now_ns + late_ns), i) for at_ns, i in self._queue)
        if self._queue:
            self._last_ns = max(self._last_ns, self._queue[-1][0])
            self._moving = True
            loop.at(self._queue[0][0], self._deliver)

    def open(self) -> None:
        """The first thing that the other end takes."""
        self._send(Mark.OPEN)

    # On the way.

    def _send(self, item: Item) -> None:
        size = len(item) if isinstance(item, bytes) else 0
        self._last_ns = at_ns = self._network.arrival_ns(self, size, self._last_ns)
        if size > 1 and (cut := self._network.cut_piece(self, size)):
            assert isinstance(item, bytes), "marks have no size"
            self._queue.append((at_ns, item[:cut]))
            item = item[cut:]
            self._last_ns = at_ns + self._network.late_ns(self)
        self._queue.append((self._last_ns, item))
        if not self._moving and not self.stalled:
            self._moving = True
            self._network.loop.at(at_ns, self._deliver)

    def _deliver(self) -> None:
        self._moving = False
        queue, now_ns = self._queue, self._network.loop.now_ns
        if not queue:
            return
        if not self._network.passes(self.here, self.there):
            self.stalled = True
            patience_ns = self._network.stalls(self)
            if patience_ns is not None:
                self._network.loop.after(patience_ns, self._lose_patience, self._stalls)
            return
        while queue and queue[0][0] <= now_ns:
            self.other._take(queue.popleft()[1])
        if queue and not self._moving:
            self._moving = True
            self._network.loop.at(queue[0][0], self._deliver)
        if self._behind:
            self._pump()

    def _lose_patience(self, stalls: int) -> None:
        """What was never acknowledged is given up at last, and only this end knows."""
        if self.stalled and self._stalls == stalls and not self._gone:
            self._queue.clear()
            self.vanish()

    def _pump(self) -> None:
        while self._behind and len(self._queue) < _WINDOW:
            first = self._behind[0]
            if isinstance(first, bytes):
                self._behind.popleft()
                self._send(first)
            elif (chunk := next(first, None)) is not None:
                self._send(chunk)
            else:
                self._behind.popleft()
        if not self._behind and self.closing and not self._gone:
            self._finish()

    def _finish(self) -> None:
        self._send(Mark.FINISH)
        self.vanish()

    # At the other end.

    def _take(self, item: Item) -> None:
        if self._gone:
            if isinstance(item, bytes) or item is Mark.OPEN:
                self._send(Mark.RESET)
        elif item is Mark.RESET:
            self.vanish()
        elif item is Mark.OPEN:
            self._network.accept(self)
        elif self._held or self._kept:
            self._kept.append(item)
        else:
            self._give(item)

    def _give(self, item: Item) -> None:
        if self.taker is None or self.closing:
            return
        if isinstance(item, bytes):
            self.taker.came(item)
        else:
            self.taker.finished()

    def _give_kept(self) -> None:
        while self._kept and not self._held:
            self._give(self._kept.popleft())
