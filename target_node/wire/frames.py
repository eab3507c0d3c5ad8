"""Where does one packet end and the next begin?

Clients and electing peers put a packet's length before it. A client's connection may begin with a
four-letter word instead, which as a length would be far beyond every limit.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from target_node.wire.jute import INT, Malformed

CLIENT_LIMIT: Final = 0xFFFFF  # bytes: jute.maxbuffer, unless it is configured
ELECTION_LIMIT: Final = 512 * 1024  # bytes

FOUR_LETTER_WORDS: Final = frozenset(
    {
        b"conf", b"cons", b"crst", b"dirs", b"dump", b"envi", b"gtmk", b"ruok", b"stmk", b"srvr",
        b"srst", b"stat", b"wchc", b"wchp", b"wchs", b"mntr", b"isro", b"hash",
    }
)  # fmt: skip


def frame(packet: bytes) -> bytes:
    """The packet behind its length."""
    return INT.pack(len(packet)) + packet


class Frames:
    """Cuts a stream into packets of at most `limit` bytes.

    Once `word` is set, the connection was one of `words` and there are no packets in it.
    """

    __slots__ = ("_buffer", "_fresh", "_limit", "_offset", "_words", "word")

    def __init__(self, limit: int, words: frozenset[bytes] = frozenset()) -> None:
        self._limit = limit
        self._words = words
        self._fresh = True
        self._buffer = bytearray()
        self._offset = 0  # in the stream: how many bytes were cut off before the buffer
        self.word: str | None = None

    def feed(self, data: bytes | memoryview) -> Iterator[bytes]:
        """Takes `data` at once; gives every packet it completes, then `Malformed` if one cannot be.

        What is not iterated stays for the next feed.
        """
        if self.word is None:
            self._buffer += data
        return self._packets()

    def _packets(self) -> Iterator[bytes]:
        while self.word is None and len(self._buffer) >= INT.size:
            if self._fresh:
                self._fresh = False
                head = bytes(self._buffer[: INT.size])
                if head in self._words:
                    self.word = head.decode("ascii")
                    self._buffer.clear()
                    return
            (length,) = INT.unpack_from(self._buffer)
            if not 0 <= length <= self._limit:
                raise Malformed(f"packet with length {length}", self._offset)
            end = INT.size + length
            if len(self._buffer) < end:
                return
            packet = bytes(self._buffer[INT.size : end])
            del self._buffer[:end]  # moves no bytes: a bytearray drops its front in place
            self._offset += end
            yield packet

    @property
    def buffered(self) -> int:
        """How many bytes wait for the rest of their packet."""
        return len(self._buffer)
