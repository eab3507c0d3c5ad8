"""Who has connected to our election port?

A connection is nobody's until it has said whose it is, and who says nothing does not stay: port
scanners, clients that mistook the port, peers that died at the wrong moment.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from target_node.protocol.ensemble import Address
from target_node.wire.election import InitialMessage, decode_initial, encode_initial

ANNOUNCE_MS: Final = 10_000  # for who has connected to say who it is


@dataclass(frozen=True, slots=True)
class Announcement:
    """It is server `sid`, which takes votes at `address`; the bytes in `rest` came behind that."""

    sid: int
    address: Address
    rest: bytes


def announcement(sid: int, address: Address) -> bytes:
    """What tells another server's arrivals who we are."""
    return encode_initial(InitialMessage(sid, (str(address),)))


@dataclass(slots=True)
class _Unnamed:
    host: str
    deadline_ms: int
    received: bytearray = field(default_factory=bytearray)


class Arrivals:
    """The connections that have not yet said whose they are."""

    __slots__ = ("_unnamed",)

    def __init__(self) -> None:
        self._unnamed: dict[int, _Unnamed] = {}  # the oldest first

    def __contains__(self, connection: int) -> bool:
        return connection in self._unnamed

    def add(self, now_ms: int, connection: int, host: str) -> None:
        """It comes from this host."""
        self._unnamed[connection] = _Unnamed(host, now_ms + ANNOUNCE_MS)

    def receive(self, connection: int, data: bytes) -> Announcement | None:
        """None until more has come; `Malformed` if that is of no use."""
        received = self._unnamed[connection].received
        received += data
        if (decoded := decode_initial(received)) is None:
            return None
        message, size = decoded
        return Announcement(message.sid, _address(message.addresses[0]), bytes(received[size:]))

    def remove(self, connection: int) -> str | None:
        """From which host it came, if it was here."""
        unnamed = self._unnamed.pop(connection, None)
        return None if unnamed is None else unnamed.host

    def overdue(self, now_ms: int) -> Iterator[int]:
        """Who has had its time."""
        for connection, unnamed in list(self._unnamed.items()):
            if now_ms < unnamed.deadline_ms:
                return
            yield connection

    def next_deadline_ms(self) -> int | None:
        """The oldest one's."""
        return next((unnamed.deadline_ms for unnamed in self._unnamed.values()), None)


def _address(text: str) -> Address:
    """Of a host:port whose host may be in brackets."""
    host, _, port = text.rpartition(":")
    return Address(host.removeprefix("[").removesuffix("]"), int(port))
