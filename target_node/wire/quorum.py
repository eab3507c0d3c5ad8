"""Which packets does a leader exchange with its learners, and where does each end?

They have no length before them: the record itself tells. After a SNAP packet the stream holds the
snapshot, which is no packet; so packets are taken one at a time and `release` hands over the rest.
"""

from __future__ import annotations

from typing import Final

from target_node.wire.data import Id
from target_node.wire.jute import INT, NULL, Malformed, Reader
from target_node.wire.record import Buffer, Int, Long, VectorOrNull, read_record, record

QUORUM_LIMIT: Final = 2 * 0xFFFFF + 1024  # bytes: a transaction may outgrow its client's packet


@record
class QuorumPacket:
    """`type` is a `PacketType`; `payloads` knows the data. authinfo is a forwarded client's ids."""

    type: Int
    zxid: Long
    data: Buffer = None
    authinfo: VectorOrNull[Id] = None


_DATA: Final = 12  # where the length of the data stands: after type and zxid


class Packets:
    """Takes packets of at most `limit` bytes off a stream.

    It remembers how far it has looked, so that a packet that comes byte by byte costs no more than
    one that comes at once.
    """

    __slots__ = ("_buffer", "_left", "_limit", "_offset", "_seen")

    def __init__(self, limit: int = QUORUM_LIMIT) -> None:
        self._limit = limit
        self._buffer = bytearray()
        self._offset = 0  # in the stream: where the buffer begins
        self._restart()

    def _restart(self) -> None:
        self._seen = _DATA  # in the buffer: where the next length stands
        self._left: int | None = None  # strings of authinfo yet to come; None before its count

    def feed(self, data: bytes | memoryview) -> None:
        """Appends what has arrived."""
        self._buffer += data

    def take(self) -> QuorumPacket | None:
        """The next packet, or None until more is fed."""
        if not self._complete():
            return None
        packet = bytes(self._buffer[: self._seen])
        del self._buffer[: self._seen]
        start, self._offset = self._offset, self._offset + self._seen
        self._restart()
        try:
            return read_record(Reader(packet), QuorumPacket)
        except Malformed as error:
            raise Malformed(error.what, start + error.offset) from None

    @property
    def buffered(self) -> int:
        """How many bytes wait for the rest of their packet, or to be taken."""
        return len(self._buffer)

    def release(self) -> bytes:
        """The bytes not taken yet, which are no packets; feed what follows them when it comes."""
        rest = bytes(self._buffer)
        self._offset += len(rest)
        self._buffer.clear()
        self._restart()
        return rest

    def _complete(self) -> bool:
        """Whether a whole packet is there; then `_seen` is where it ends."""
        if self._left is None:
            end = self._length_at(_DATA, "data")
            if end is None or (count := self._number_at(end)) is None:
                return False
            if count < NULL or 8 * count > self._limit:
                raise Malformed(f"authinfo with {count} ids", self._offset + end)
            self._seen = end + INT.size
            self._left = 2 * max(count, 0)
        while self._left:
            end = self._length_at(self._seen, "id")
            if end is None or end > len(self._buffer):
                return False
            self._seen = end
            self._left -= 1
        return True

    def _number_at(self, at: int) -> int | None:
        if len(self._buffer) < at + INT.size:
            return None
        number: int = INT.unpack_from(self._buffer, at)[0]
        return number

    def _length_at(self, at: int, what: str) -> int | None:
        """Where the string or buffer at `at` ends, which may be beyond what is there."""
        length = self._number_at(at)
        if length is None:
            return None
        end = at + INT.size + max(length, 0)
        if length < NULL or end > self._limit:
            raise Malformed(f"{what} with length {length}", self._offset + at)
        return end
