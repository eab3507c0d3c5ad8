"""What is in the data of a packet between a leader and a learner?

PROPOSAL and INFORM hold a transaction (see `txn`). ACK, COMMIT, SYNC, UPTODATE, DIFF, TRUNC and
SNAP hold nothing: their zxid says it all.
"""

from __future__ import annotations

from dataclasses import dataclass
from struct import Struct
from typing import Final

from target_node.wire.jute import Malformed, Reader, Writer
from target_node.wire.record import (
    Bool,
    Int,
    Long,
    decode,
    encode,
    read_record,
    record,
    write_record,
)

PROTOCOL_VERSION: Final = 0x10000  # what leaders and learners tell each other since 3.4
NO_PROMISE: Final = -1  # the epoch in an ACKEPOCH of one that has acknowledged this epoch before


@record
class LearnerInfo:
    """FOLLOWERINFO and OBSERVERINFO: who wants to follow."""

    sid: Long
    protocol_version: Int = PROTOCOL_VERSION
    config_version: Long = 0


@record
class LeaderInfo:
    """LEADERINFO: the leader speaks this version; the epoch is in the packet's zxid."""

    protocol_version: Int = PROTOCOL_VERSION


@record
class AckEpoch:
    """ACKEPOCH: the learner's currentEpoch, or `NO_PROMISE`."""

    current_epoch: Int


@dataclass(frozen=True, slots=True)
class ForwardedRequest:
    """REQUEST: what a learner's client asked; `body` is as `decode_request` takes it."""

    session: int
    cxid: int
    type: int
    body: bytes


@record
class Revalidate:
    """REVALIDATE, to the leader: is this session alive, and mine from now on?"""

    session: Long
    timeout_ms: Int


@record
class Revalidated:
    """REVALIDATE, from the leader."""

    session: Long
    valid: Bool


@record
class Touch:
    """One entry of PING's answer: a session that a learner has heard since the last one."""

    session: Long
    timeout_ms: Int


@record
class _Asked:
    session: Long
    cxid: Int
    type: Int


_LONG: Final = Struct(">q")


Payload = LearnerInfo | LeaderInfo | AckEpoch | Revalidate | Revalidated | ForwardedRequest


def encode_payload(payload: Payload) -> bytes:
    """The data of a packet."""
    match payload:
        case ForwardedRequest(session, cxid, type_, body):
            return encode(_Asked(session, cxid, type_)) + body
        case _:
            return encode(payload)


def decode_learner_info(data: bytes | None) -> LearnerInfo:
    """Of a learner of any age: before 3.4 it told its sid only, before 3.5 no configuration."""
    reader = Reader(_present(data))
    if reader.remaining == 8:
        return LearnerInfo(reader.read_long(), protocol_version=1)
    if reader.remaining == 12:
        return LearnerInfo(reader.read_long(), reader.read_int())
    info = read_record(reader, LearnerInfo)
    reader.expect_end()
    return info


def decode_leader_info(data: bytes | None) -> LeaderInfo:
    """Of a LEADERINFO."""
    return decode(LeaderInfo, _present(data))


def decode_ack_epoch(data: bytes | None) -> AckEpoch:
    """Of an ACKEPOCH."""
    return decode(AckEpoch, _present(data))


def decode_revalidate(data: bytes | None) -> Revalidate:
    """Of a REVALIDATE that a learner sent."""
    return decode(Revalidate, _present(data))


def decode_revalidated(data: bytes | None) -> Revalidated:
    """Of a REVALIDATE that the leader sent."""
    return decode(Revalidated, _present(data))


def decode_forwarded(data: bytes | None) -> ForwardedRequest:
    """Of a REQUEST."""
    reader = Reader(_present(data))
    asked = read_record(reader, _Asked)
    return ForwardedRequest(asked.session, asked.cxid, asked.type, reader.read_rest())


def encode_touches(touches: tuple[Touch, ...]) -> bytes:
    """The data of PING's answer."""
    writer = Writer()
    for touch in touches:
        write_record(writer, touch)
    return writer.getvalue()


def decode_touches(data: bytes | None) -> tuple[Touch, ...]:
    """Of a PING, which on its way to the learner has none."""
    reader = Reader(data or b"")
    touches: list[Touch] = []
    while reader.remaining:
        touches.append(read_record(reader, Touch))
    return tuple(touches)


def encode_config(config: str) -> bytes:
    """The data of a NEWLEADER: the membership, as the text of /zookeeper/config."""
    return config.encode("utf-8")


def decode_config(data: bytes | None) -> str:
    """Of a NEWLEADER; empty if it told none."""
    try:
        return (data or b"").decode("utf-8")
    except UnicodeDecodeError as error:
        raise Malformed("configuration is not UTF-8", error.start) from None


def encode_activation(leader: int, txn: bytes = b"") -> bytes:
    """COMMITANDACTIVATE: who leads from now on. INFORMANDACTIVATE: and the transaction."""
    return _LONG.pack(leader) + txn


def decode_activation(data: bytes | None) -> tuple[int, bytes]:
    """(designated leader, transaction) of a COMMITANDACTIVATE or INFORMANDACTIVATE."""
    reader = Reader(_present(data))
    return reader.read_long(), reader.read_rest()


def _present(data: bytes | None) -> bytes:
    if data is None:
        raise Malformed("no data", 0)
    return data
