"""Can any bytes at all do a decoder harm? Nothing but `Malformed` may come of them."""

from __future__ import annotations

import random
import struct
import tracemalloc
from collections.abc import Callable, Iterator
from time import process_time

import pytest

from target_node.wire import connect, election, payloads
from target_node.wire.client import (
    REQUESTS,
    RESPONSES,
    ReplyHeader,
    decode_reply,
    decode_request,
    encode_body,
    encode_reply,
    split_reply,
    split_request,
)
from target_node.wire.codes import ServerState
from target_node.wire.data import OPEN_ACL_UNSAFE, Id, Stat
from target_node.wire.frames import CLIENT_LIMIT, FOUR_LETTER_WORDS, Frames, frame
from target_node.wire.jute import Malformed
from target_node.wire.multi import DeleteResult, MultiReadRequest, MultiRequest, MultiResponse
from target_node.wire.quorum import Packets, QuorumPacket
from target_node.wire.record import encode
from target_node.wire.replies import (
    Create2Response,
    ErrorResponse,
    GetACLResponse,
    GetChildren2Response,
)
from target_node.wire.requests import (
    CreateRequest,
    CreateTTLRequest,
    DeleteRequest,
    GetDataRequest,
    ReconfigRequest,
    SetWatches2Request,
)
from target_node.wire.txn import (
    TXNS,
    CreateTxn,
    MultiTxn,
    Txn,
    TxnDigest,
    TxnHeader,
    decode_txn,
    decode_txn_body,
    encode_txn,
)

Decoder = Callable[[bytes], object]


def take_all(data: bytes) -> None:
    packets = Packets()
    for start in range(0, len(data), 7):
        packets.feed(data[start : start + 7])
        while packets.take() is not None:
            pass


def cut_all(data: bytes) -> None:
    frames = Frames(CLIENT_LIMIT, FOUR_LETTER_WORDS)
    for start in range(0, len(data), 7):
        for _ in frames.feed(data[start : start + 7]):
            pass


def decoders() -> Iterator[Decoder]:
    for op in sorted(REQUESTS):
        yield lambda data, op=op: decode_request(op, data)  # type: ignore[misc]
    for op in sorted(RESPONSES):
        yield lambda data, op=op: decode_reply(op, data)  # type: ignore[misc]
    for op in sorted(TXNS):
        yield lambda data, op=op: decode_txn_body(op, data)  # type: ignore[misc]
    yield lambda data: decode_request(struct.unpack(">i", data[:4].rjust(4, b"\0"))[0], data[4:])
    yield from (
        split_request,
        split_reply,
        connect.decode_connect_request,
        connect.decode_connect_response,
        decode_txn,
        election.decode_notification,
        election.decode_initial,
        payloads.decode_learner_info,
        payloads.decode_leader_info,
        payloads.decode_ack_epoch,
        payloads.decode_revalidate,
        payloads.decode_revalidated,
        payloads.decode_forwarded,
        payloads.decode_touches,
        payloads.decode_config,
        payloads.decode_activation,
        take_all,
        cut_all,
    )


STAT = Stat(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11)
ACL = OPEN_ACL_UNSAFE * 2
CREATE = CreateRequest("/a/é", b"data", ACL, 1)
TXN = TxnHeader(1, 2, 3, 4, 14)
BODY = CreateTxn("/a", b"x", ACL, ephemeral=True, parent_cversion=1)
VOTE = election.Notification(ServerState.LOOKING, 1, 2, 3, 4, "server.1=h:1:2")


def reply(*results: object) -> bytes:
    return encode_reply(ReplyHeader(1, 2, 0), *results)[16:]  # type: ignore[arg-type]


def request(op: int) -> Decoder:
    return lambda data: decode_request(op, data)


def response(op: int) -> Decoder:
    return lambda data: decode_reply(op, data)


GOOD: tuple[tuple[Decoder, bytes], ...] = (  # to be changed a little
    (request(1), encode_body(CREATE)),
    (request(21), encode_body(CreateTTLRequest("/a", None, ACL, 5, 1))),
    (request(14), encode_body(MultiRequest((CREATE, DeleteRequest("/a", 1))))),
    (request(22), encode_body(MultiReadRequest((GetDataRequest("/a", watch=False),)))),
    (request(105), encode_body(SetWatches2Request(1, ("/a",), ("/b", "/c"), (), ("/d",), ()))),
    (request(16), encode_body(ReconfigRequest("a", None, "", 1))),
    (response(15), reply(Create2Response("/a", STAT))),
    (response(6), reply(GetACLResponse(ACL, STAT))),
    (response(12), reply(GetChildren2Response(("a", "b"), STAT))),
    (
        response(14),
        reply(MultiResponse((ErrorResponse(-1), DeleteResult(), Create2Response("/a", STAT)))),
    ),
    (
        connect.decode_connect_request,
        connect.encode_connect_request(connect.ConnectRequest(1, 2, 3, b"p" * 16)),
    ),
    (
        connect.decode_connect_response,
        connect.encode_connect_response(connect.ConnectResponse(2, 3, b"p" * 16)),
    ),
    (
        decode_txn,
        encode_txn(TXN, MultiTxn((Txn(1, encode(BODY)), Txn(-1, encode(ErrorResponse(1)))))),
    ),
    (decode_txn, encode_txn(TxnHeader(1, 2, 3, 4, 1), BODY, TxnDigest(2, 3))),
    (lambda data: decode_txn_body(1, data), encode(BODY)),
    (election.decode_notification, election.encode_notification(VOTE)),
    (
        election.decode_initial,
        election.encode_initial(election.InitialMessage(1, ("127.0.0.1:3888",))),
    ),
    (payloads.decode_learner_info, payloads.encode_payload(payloads.LearnerInfo(1))),
    (payloads.decode_touches, payloads.encode_touches((payloads.Touch(1, 2),) * 3)),
    (take_all, encode(QuorumPacket(1, 2, b"data", (Id("ip", "me"),))) * 2),
    (cut_all, frame(b"abc") + frame(b"") + frame(b"abcdefghijk")),
)
NASTY = tuple(struct.pack(">i", n) for n in (-1, -2, 0, 1, 255, 2**31 - 1, -(2**31), 2**20))


def mutated(draw: random.Random, good: bytes) -> bytes:
    """The good packet with a few things wrong, or perhaps none."""
    data = bytearray(good)
    for _ in range(draw.randrange(4)):
        at = draw.randrange(len(data) + 1)
        match draw.randrange(5):
            case 0 if at < len(data):
                data[at] ^= 1 << draw.randrange(8)
            case 1:
                data[at : at + 4] = draw.choice(NASTY)
            case 2:
                del data[at:]
            case 3:
                data[at:at] = draw.randbytes(draw.randrange(9))
            case _:
                del data[at : at + draw.randrange(9)]
    return bytes(data)


def accepts(decode: Decoder, data: bytes) -> bool:
    """Whether it does; anything but `Malformed` is let through."""
    try:
        decode(data)
    except Malformed as error:
        if not 0 <= error.offset <= len(data):
            raise AssertionError(f"{error}, of {len(data)} bytes") from error
        return False
    return True


def fuzz(seed: int, count: int) -> int:
    """How many of `count` frames were accepted, the rest having been refused.

    One in four is random and one a changed good one, for any decoder; two are changed good ones
    for their own.
    """
    draw = random.Random(seed)
    every = list(decoders())
    accepted = 0
    for number in range(count):
        decode, good = draw.choice(GOOD)
        data = mutated(draw, good) if number % 4 else draw.randbytes(draw.randrange(80))
        if number % 2 == 0:
            decode = draw.choice(every)
        accepted += accepts(decode, data)
    return accepted


def test_only_malformed_comes_of_bad_bytes() -> None:
    tracemalloc.start()
    try:
        accepted = fuzz(seed=1, count=3_000)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert 500 < accepted < 2_500  # or what is wrong with the frames is too much, or too little
    assert peak < 1_000_000  # bytes


@pytest.mark.prove
@pytest.mark.parametrize("seed", range(10, 14))
def test_only_malformed_comes_of_many_bad_bytes(seed: int) -> None:
    assert 20_000 < fuzz(seed, count=100_000) < 80_000


@pytest.mark.parametrize("decoder", range(len(list(decoders()))))
def test_every_good_packet_may_come_to_any_decoder_cut_anywhere(decoder: int) -> None:
    decode = list(decoders())[decoder]
    for _, data in GOOD:
        for end in range(0, len(data) + 1, 3):
            accepts(decode, data[:end])


def test_the_good_packets_are_good() -> None:
    assert all(accepts(decode, data) for decode, data in GOOD)


def test_a_large_packet_takes_its_time_once() -> None:
    """A quarter of a megabyte of the smallest elements, whole and truncated."""
    count = 62_500
    watches = bytes(8) + struct.pack(">i", count) + bytes(4 * count) + bytes(8)
    multi = encode_body(MultiRequest((DeleteRequest("", 0),) * 12_500))
    began = process_time()
    decode_request(101, watches)
    with pytest.raises(Malformed):
        decode_request(101, watches[:-9])
    decode_request(14, multi)
    with pytest.raises(Malformed):
        decode_request(14, multi[:-9])
    assert process_time() - began < 10
