"""How does one connection take bytes in, and let them out?

Rules of this file:
1. What is written in one step of the core leaves in one piece.
2. Behind a stream that has not ended everything waits, in order, so that a stream never needs more
   memory than the transport's buffer.
3. A client that does not take its answers is not read from. A peer always is: two servers that
   each wait for the other to read would wait for ever.
4. `Ended` is said once, and nothing is said after it, nor anything but it after `hang_up`.
5. We stop sending before we stop reading: a close with bytes that nobody has read is a reset, which
   can overtake the last bytes that we sent.
"""

from __future__ import annotations

import asyncio
import socket
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Final, cast

from target_node.driver.journal import TakeNote
from target_node.server.events import Data, Ended, Event, Port

MOST_WAITING: Final = 64 << 20  # bytes; a reader that is so far behind is taken for dead
FLUSH_SECONDS: Final = 5.0  # that a connection may take for its last bytes
LINGER_SECONDS: Final = 1.0  # that the other side may take to close then
_PIECE: Final = 1 << 18  # bytes of a stream in one turn of the loop: others want to be served too

Happen = Callable[[Event], None]


class Connection(asyncio.Protocol):
    """A socket with a number. `made` is called when it is there."""

    def __init__(
        self, port: Port, happen: Happen, note: TakeNote, made: Callable[[Connection], int]
    ) -> None:
        self.port = port
        self.number = 0
        self.transport: asyncio.Transport | None = None
        self._happen = happen
        self._note = note
        self._made = made
        self._fresh: list[bytes] = []  # written in this step, when nothing waits before it
        self._behind: deque[bytes | Iterator[bytes]] = deque()  # a stream, and what is behind it
        self._behind_bytes = 0
        self._continuing = False  # the loop has been asked to go on with the stream
        self._full = False  # the transport has more than it wants
        self._held = False
        self._reading = True
        self._ending: asyncio.TimerHandle | None = None
        self._shut = False  # we have sent our last
        self._peer_shut = False

    # What the core wants.

    def write(self, data: bytes) -> None:
        """Send behind all else; it leaves with the next `flush`."""
        if self._ending is not None:
            return
        if self._behind:
            self._behind.append(data)
            self._behind_bytes += len(data)
        else:
            self._fresh.append(data)

    def stream(self, chunks: Iterable[bytes]) -> None:
        """Send behind all else, taking the chunks as they can leave."""
        if self._ending is None:
            self._behind.append(iter(chunks))

    def flush(self) -> None:
        """The step is over: let go what was written in it."""
        if self.transport is None or self.transport.is_closing():
            return
        if self._fresh:
            together = self._fresh[0] if len(self._fresh) == 1 else b"".join(self._fresh)
            self._fresh.clear()
            self.transport.write(together)
        if self._behind:
            self._go_on()
        waiting = self.transport.get_write_buffer_size() + self._behind_bytes
        if waiting > MOST_WAITING:
            self._note("output_not_read", {"connection": self.number, "bytes": waiting})
            self.abort()
        elif self._ending is not None and not self._behind:
            self._finish(self.transport)

    def hang_up(self) -> None:
        """Close it, after a `flush`, when all has left, and the other side has had time to read."""
        if self._ending is None:
            self._end_within(FLUSH_SECONDS)
            self._choose_reading()

    def hold(self) -> None:
        """Read no more."""
        self._held = True
        self._choose_reading()

    def resume(self) -> None:
        """Read again."""
        self._held = False
        self._choose_reading()

    def abort(self) -> None:
        """Close it now; what has not left is lost."""
        if self.transport is not None:
            self.transport.abort()

    # What the loop tells.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.transport.set_write_buffer_limits(high=_PIECE)
        self.number = self._made(self)

    def data_received(self, data: bytes) -> None:
        if self._ending is None:
            self._happen(Data(self.number, data))

    def eof_received(self) -> bool:
        # Its last request may have come just before: `echo stat | nc` closes its half at once.
        self._peer_shut = True
        self.hang_up()
        self.flush()
        return bool(self._behind)

    def pause_writing(self) -> None:
        self._full = True
        self._choose_reading()

    def resume_writing(self) -> None:
        self._full = False
        self._choose_reading()
        # Later: the transport is in the middle of its own work, and would not bear to be closed.
        self._continue_soon()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._ending is not None:
            self._ending.cancel()
        self._behind.clear()
        self._fresh.clear()
        self._happen(Ended(self.number))

    def _choose_reading(self) -> None:
        reading = self._ending is not None or not (
            self._held or (self._full and self.port is Port.CLIENT)
        )
        if self.transport is None or self.transport.is_closing() or reading == self._reading:
            return
        self._reading = reading
        (self.transport.resume_reading if reading else self.transport.pause_reading)()

    def _go_on(self) -> None:
        """Take of the stream, and of what is behind it, as much as there is room for."""
        assert self.transport is not None
        piece: list[bytes] = []
        size = 0
        while self._behind and not self._full and size < _PIECE:
            first = self._behind[0]
            if isinstance(first, bytes):
                chunk = first
                self._behind.popleft()
                self._behind_bytes -= len(first)
            else:
                try:
                    chunk = next(first)
                except StopIteration:
                    self._behind.popleft()
                    continue
            piece.append(chunk)
            size += len(chunk)
        self.transport.write(b"".join(piece))
        if self._behind and not self._full:
            self._continue_soon()

    def _finish(self, transport: asyncio.Transport) -> None:
        """Nothing waits before the transport any more: end our half, or all if that is left."""
        if self._peer_shut:
            transport.close()
        elif transport.get_write_buffer_size():
            transport.set_write_buffer_limits(high=0)  # so that we are told when it is empty
        elif not self._shut:
            self._shut = True
            self._end_within(LINGER_SECONDS)
            try:
                # Not `write_eof`, whose own errors come out in the loop, where they look like ours.
                transport.get_extra_info("socket").shutdown(socket.SHUT_WR)
            except OSError:
                transport.abort()

    def _end_within(self, seconds: float) -> None:
        if self._ending is not None:
            self._ending.cancel()
        self._ending = asyncio.get_running_loop().call_later(seconds, self.abort)

    def _continue_soon(self) -> None:
        if not self._continuing:
            self._continuing = True
            asyncio.get_running_loop().call_soon(self._continue)

    def _continue(self) -> None:
        self._continuing = False
        self.flush()
