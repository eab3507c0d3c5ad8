"""What do peers say to each other while they elect a leader?

A link begins with the `InitialMessage` of who dialled. Then both ends send `Notification`s, framed
by their lengths (`frames`). Who sent one is known from the link: the vote names whom it is for.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from target_node.wire.codes import ServerState
from target_node.wire.jute import Malformed, Reader, Truncated, Writer
from target_node.wire.record import Int, Long, read_record, record, write_record

ONE_ADDRESS: Final = -65536  # the protocol of 3.5
MANY_ADDRESSES: Final = -65535  # that of 3.6, which only ensembles configured for it speak
INITIAL_LIMIT: Final = 2048  # bytes of addresses
NOTIFICATION_VERSION: Final = 2


@record
class _Vote:
    state: Int
    leader: Long
    zxid: Long
    election_epoch: Long


@dataclass(frozen=True, slots=True)
class Notification:
    """The sender's vote: `leader`, whose last logged is `zxid` and whose currentEpoch `peer_epoch`.

    `election_epoch` is the sender's round. `config` is its membership, or empty.
    """

    state: ServerState
    leader: int
    zxid: int
    election_epoch: int
    peer_epoch: int
    config: str = ""
    version: int = NOTIFICATION_VERSION


def encode_notification(vote: Notification) -> bytes:
    """The packet, not yet framed."""
    writer = Writer()
    write_record(writer, _Vote(vote.state, vote.leader, vote.zxid, vote.election_epoch))
    writer.write_long(vote.peer_epoch)
    writer.write_int(vote.version)
    writer.write_string(vote.config)
    return writer.getvalue()


def decode_notification(packet: bytes | memoryview) -> Notification:
    """Older peers send less: no configuration, or not even the peer's epoch."""
    reader = Reader(packet)
    vote = read_record(reader, _Vote)
    try:
        state = ServerState(vote.state)
    except ValueError:
        raise Malformed(f"vote of a server in state {vote.state}", 0) from None
    peer_epoch, version, config = vote.zxid >> 32 & 0xFFFFFFFF, 0, ""
    if reader.remaining:
        peer_epoch, version = reader.read_long(), reader.read_int()
        if version >= NOTIFICATION_VERSION:
            config = reader.read_string()
        reader.expect_end()
    return Notification(
        state, vote.leader, vote.zxid, vote.election_epoch, peer_epoch, config, version
    )


@dataclass(frozen=True, slots=True)
class InitialMessage:
    """Who dials, and at which "host:port" it can be dialled for elections."""

    sid: int
    addresses: tuple[str, ...]
    protocol: int = ONE_ADDRESS


def encode_initial(message: InitialMessage) -> bytes:
    """The first bytes of a link."""
    writer = Writer()
    writer.write_long(message.protocol)
    writer.write_long(message.sid)
    writer.write_string("|".join(message.addresses))
    return writer.getvalue()


def decode_initial(received: bytes | bytearray | memoryview) -> tuple[InitialMessage, int] | None:
    """(the message, how many bytes it took), or None until more has been received."""
    reader = Reader(received)
    try:
        protocol = reader.read_long()
        if protocol not in (ONE_ADDRESS, MANY_ADDRESSES):
            raise Malformed(f"election protocol {protocol}", 0)
        sid = reader.read_long()
        start = reader.offset
        length = reader.read_int()
        if not 0 < length <= INITIAL_LIMIT:
            raise Malformed(f"addresses with length {length}", start)
        reader.offset = start
        addresses = tuple(reader.read_string().split("|"))
    except Truncated:
        return None
    if protocol == ONE_ADDRESS and len(addresses) != 1:
        raise Malformed(f"{len(addresses)} addresses where one must be", start)
    for address in addresses:
        host, colon, port = address.rpartition(":")
        if not (host and colon and port.isascii() and port.isdigit() and int(port) <= 65535):
            raise Malformed(f"no host:port: {address!r}", start)
    return InitialMessage(sid, addresses, protocol), reader.offset
