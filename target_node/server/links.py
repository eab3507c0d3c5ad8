"""What comes over a quorum link: packets, and once in a while a whole tree?

A tree has no length in front of it, and is no packet. Behind its end stands a signature; so where
the signature is, the tree is tried, and it fits in one place only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from target_node.state.image import read_image
from target_node.state.tree import Tree
from target_node.wire.jute import Truncated, Writer
from target_node.wire.quorum import Packets, QuorumPacket


def _string(text: str) -> bytes:
    writer = Writer()
    writer.write_string(text)
    return writer.getvalue()


SIGNATURE: Final = _string("BenWasHere")  # what ZooKeeper puts behind a tree
_END: Final = _string("/") + SIGNATURE


@dataclass(frozen=True, slots=True)
class Image:
    """A leader's tree, and its bytes as they go to disk."""

    zxid: int
    tree: Tree
    body: bytes


class QuorumLink:
    """One end of a link, as bytes come in. `sid` is the other end's, once it is known."""

    __slots__ = ("_awaited", "_buffer", "_packets", "_searched", "connection", "heard_ms", "sid")

    def __init__(self, connection: int, now_ms: int, sid: int | None = None) -> None:
        self.connection = connection
        self.sid = sid
        self.heard_ms = now_ms
        self._packets = Packets()
        self._awaited: int | None = None  # the zxid of the tree that is coming
        self._buffer = bytearray()
        self._searched = 0

    @property
    def buffered(self) -> int:
        """How many bytes wait to be taken."""
        return len(self._buffer) + self._packets.buffered

    def feed(self, data: bytes, now_ms: int) -> None:
        """These bytes came."""
        self.heard_ms = now_ms
        if self._awaited is None:
            self._packets.feed(data)
        else:
            self._buffer += data

    def await_image(self, zxid: int) -> None:
        """What comes next is a tree."""
        self._awaited = zxid
        self._buffer = bytearray(self._packets.release())
        self._searched = 0

    def take(self) -> QuorumPacket | Image | None:
        """The next thing that has come whole; `Malformed` if it makes no sense."""
        return self._packets.take() if self._awaited is None else self._take_image(self._awaited)

    def _take_image(self, zxid: int) -> Image | None:
        while (found := self._buffer.find(_END, self._searched)) >= 0:
            self._searched = found + 1
            end = found + len(_END)
            body = bytes(self._buffer[: end - len(SIGNATURE)])
            try:
                tree = read_image(zxid, (body,))
            except Truncated:
                continue  # some node's data look like an end
            self._packets.feed(bytes(self._buffer[end:]))
            self._awaited = None
            self._buffer = bytearray()
            return Image(zxid, tree, body)
        self._searched = max(self._searched, len(self._buffer) - len(_END) + 1)
        return None
