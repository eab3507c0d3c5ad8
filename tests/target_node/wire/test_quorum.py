from __future__ import annotations

from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from target_node.wire.codes import PacketType
from target_node.wire.data import Id
from target_node.wire.jute import Malformed
from target_node.wire.payloads import (
    NO_PROMISE,
    AckEpoch,
    ForwardedRequest,
    LeaderInfo,
    LearnerInfo,
    Payload,
    Revalidate,
    Revalidated,
    Touch,
    decode_ack_epoch,
    decode_activation,
    decode_config,
    decode_forwarded,
    decode_leader_info,
    decode_learner_info,
    decode_revalidate,
    decode_revalidated,
    decode_touches,
    encode_activation,
    encode_config,
    encode_payload,
    encode_touches,
)
from target_node.wire.quorum import Packets, QuorumPacket
from target_node.wire.record import encode
from tests.target_node.wire.values import ints, longs, records, some, texts


def test_golden_bytes() -> None:
    ack = QuorumPacket(PacketType.ACK, 0x100000002)
    assert encode(ack).hex(" ", -4) == "00000003 00000001 00000002 ffffffff ffffffff"
    request = QuorumPacket(PacketType.REQUEST, -1, b"abcd", (Id("ip", "me"),))
    assert encode(request).hex(" ", 4) == (
        "00000001 ffffffff ffffffff 00000004 61626364 00000001 00000002 69700000 00026d65"
    )


@some
@given(st.lists(records(QuorumPacket)), st.lists(st.integers(0, 60)))
def test_packets_come_out_however_the_stream_is_cut(
    sent: list[QuorumPacket], cuts: list[int]
) -> None:
    stream = b"".join(map(encode, sent))
    packets = Packets()
    received: list[QuorumPacket] = []
    for size in [*cuts, len(stream)]:
        packets.feed(stream[:size])
        stream = stream[size:]
        while packet := packets.take():
            received.append(packet)
    assert received == sent
    assert packets.release() == b""


def test_a_snapshot_comes_between_packets() -> None:
    packets = Packets()
    snap, newleader = QuorumPacket(PacketType.SNAP, 7), QuorumPacket(PacketType.NEWLEADER, 8, b"v")
    packets.feed(encode(snap) + b"\xff\xff\xff\xfe a snapshot that is no packet")
    assert packets.take() == snap
    assert packets.release() == b"\xff\xff\xff\xfe a snapshot that is no packet"
    packets.feed(encode(newleader))
    assert packets.take() == newleader
    assert packets.take() is None


@pytest.mark.parametrize(
    ("data", "what"),
    [
        ("00000003 0000000000000000 fffffffe", "data with length -2 at offset 32"),
        ("00000003 0000000000000000 00100000", "data with length 1048576 at offset 32"),
        ("00000003 0000000000000000 ffffffff fffffffe", "authinfo with -2 ids at offset 36"),
        ("00000003 0000000000000000 ffffffff 7fffffff", "authinfo with 2147483647 ids"),
        ("00000003 0000000000000000 ffffffff 00000001 fffffffe", "id with length -2 at offset 40"),
        ("00000003 0000000000000000 ffffffff 00000001 ffffffff 00000000", "null where a string"),
        ("00000003 0000000000000000 ffffffff 00000001 00000001 ff 00000000", "UTF-8 at offset 44"),
    ],
)
def test_refuses_as_soon_as_it_is_seen(data: str, what: str) -> None:
    packets = Packets(1000)
    packets.feed(encode(QuorumPacket(PacketType.ACK, 1)) + bytes.fromhex(data))
    assert packets.take() == QuorumPacket(PacketType.ACK, 1)
    with pytest.raises(Malformed, match=what):
        packets.take()


def test_a_packet_that_comes_byte_by_byte_is_not_looked_at_again_and_again() -> None:
    packet = QuorumPacket(PacketType.REQUEST, 1, bytes(20_000), (Id("a", "b"),) * 2000)
    packets = Packets()
    began = process_time()
    for byte in encode(packet):
        assert packets.take() is None
        packets.feed(bytes([byte]))
    assert packets.take() == packet
    assert process_time() - began < 2


def test_golden_payloads() -> None:
    payloads: dict[Payload, str] = {
        LearnerInfo(3, config_version=7): "0000000000000003 00010000 0000000000000007",
        LeaderInfo(): "00010000",
        AckEpoch(5): "00000005",
        AckEpoch(NO_PROMISE): "ffffffff",
        Revalidate(9, 4000): "0000000000000009 00000fa0",
        Revalidated(9, valid=True): "0000000000000009 01",
        ForwardedRequest(9, 1, 2, b"x"): "0000000000000009 00000001 00000002 78",
    }
    for payload, data in payloads.items():
        assert encode_payload(payload) == bytes.fromhex(data)
    assert encode_touches((Touch(9, 4000),) * 2).hex() == "000000000000000900000fa0" * 2


@some
@given(longs, ints, longs, ints, st.binary(max_size=9), texts)
def test_payloads_survive_the_wire(
    long: int, number: int, other: int, type_: int, body: bytes, text: str
) -> None:
    info = LearnerInfo(long, number, other)
    assert decode_learner_info(encode_payload(info)) == info
    assert decode_leader_info(encode_payload(LeaderInfo(number))) == LeaderInfo(number)
    assert decode_ack_epoch(encode_payload(AckEpoch(number))) == AckEpoch(number)
    asked = Revalidate(long, number)
    assert decode_revalidate(encode_payload(asked)) == asked
    told = Revalidated(long, valid=type_ > 0)
    assert decode_revalidated(encode_payload(told)) == told
    forwarded = ForwardedRequest(long, number, type_, body)
    assert decode_forwarded(encode_payload(forwarded)) == forwarded
    touches = (Touch(long, number), Touch(other, type_))
    assert decode_touches(encode_touches(touches)) == touches
    assert decode_config(encode_config(text)) == text
    assert decode_activation(encode_activation(long, body)) == (long, body)


def test_what_may_be_missing() -> None:
    assert decode_touches(None) == ()
    assert decode_config(None) == ""
    assert decode_learner_info(bytes(7) + b"\5") == LearnerInfo(5, protocol_version=1)
    assert decode_learner_info(bytes(7) + b"\5\0\1\0\0") == LearnerInfo(5)
    for read in (decode_learner_info, decode_leader_info, decode_ack_epoch, decode_forwarded):
        with pytest.raises(Malformed, match="no data"):
            read(None)
