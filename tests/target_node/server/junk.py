"""What might come to a server's ports from somebody mad, careless, or of another protocol?

Everything is decided by the random numbers that are handed in.
"""

from __future__ import annotations

import struct
from random import Random

from target_node.protocol.ensemble import Address
from target_node.server.arrivals import announcement
from target_node.state.session_ids import password_of
from target_node.wire.client import REQUESTS, Request, encode_request
from target_node.wire.codes import OpCode, PacketType, ServerState
from target_node.wire.connect import ConnectRequest, encode_connect_request
from target_node.wire.data import OPEN_ACL_UNSAFE, Id
from target_node.wire.election import Notification, encode_notification
from target_node.wire.frames import FOUR_LETTER_WORDS, frame
from target_node.wire.multi import MultiReadRequest, MultiRequest
from target_node.wire.payloads import (
    AckEpoch,
    ForwardedRequest,
    LearnerInfo,
    Revalidate,
    Touch,
    encode_activation,
    encode_payload,
    encode_touches,
)
from target_node.wire.quorum import QuorumPacket
from target_node.wire.record import encode
from target_node.wire.requests import (
    AddWatchRequest,
    AuthRequest,
    CheckVersionRequest,
    CloseSessionRequest,
    CreateRequest,
    CreateTTLRequest,
    DeleteContainerRequest,
    DeleteRequest,
    ExistsRequest,
    GetChildrenRequest,
    GetDataRequest,
    PingRequest,
    ReconfigRequest,
    RemoveWatchesRequest,
    SetACLRequest,
    SetDataRequest,
    SetWatchesRequest,
    SyncRequest,
)
from target_node.wire.txn import CreateTxn, ErrorTxn, SetDataTxn, TxnHeader, encode_txn

OTHER_PROTOCOLS = (
    b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
    bytes.fromhex("16030100c8010000c40303") + bytes(200),  # a TLS hello
    b"\x00\x00\x00\x00",
    b"\r\n\r\n",
    b"SSH-2.0-OpenSSH_9.2\r\n",
    b"\x00\x0c\x00\x00\x10\x00\x00\x00\x00\x00\x00\x00\x00\x00",
    b"\x80\x9e\x01\x03\x01\x00\x75\x00\x00\x00\x20",
    b"*1\r\n$4\r\nPING\r\n",
    b"HELP\r\n",
    b"\xff" * 64,
)
A_LEARNERS = (PacketType.REQUEST, PacketType.ACK, PacketType.PING, PacketType.REVALIDATE)
PATHS = ("/junk", "/junk/a", "/junk/b-", "", "/", "junk", "/junk/", "//", "/a//b", "/./x", "/\0")
NUMBERS = (0, 1, -1, 2, 7, 1 << 31, -(1 << 31), (1 << 63) - 1, -(1 << 63), 1 << 32, 3 << 32 | 5)
INTS = (0, 1, -1, 5, 31, 0x7FFFFFFF, -0x80000000, 1 << 20)


def path(draw: Random) -> str:
    return draw.choice((*PATHS, *(f"/junk/{draw.randrange(9)}" for _ in PATHS)))


def request(draw: Random) -> Request:
    """Well formed, if not well advised."""
    where, data = path(draw), draw.randbytes(draw.choice((0, 3, 100)))
    number, flag = draw.choice(INTS), draw.random() < 0.5
    some: tuple[Request, ...] = (
        CreateRequest("/junk", data, OPEN_ACL_UNSAFE, 0),
        CreateRequest(where, data, OPEN_ACL_UNSAFE, 0),
        CreateRequest(where, data, OPEN_ACL_UNSAFE, draw.choice((1, 2, 3, 4, 5, 6, 9, -1))),
        CreateTTLRequest(where, data, OPEN_ACL_UNSAFE, 5, draw.choice(NUMBERS)),
        CreateRequest("/junk", b"", draw.choice((None, ())), 0),
        DeleteRequest(where if where != "/" else "/junk/a", number),
        SetDataRequest(where if where != "/" else "/junk", data, number),
        SetACLRequest("/junk/a", OPEN_ACL_UNSAFE, number),
        ExistsRequest(where, flag),
        GetDataRequest(where, flag),
        GetChildrenRequest(where, flag),
        SyncRequest(where),
        PingRequest(),
        CheckVersionRequest(where, number),
        AuthRequest(number, draw.choice(("digest", "world", "x", "")), data),
        SetWatchesRequest(draw.choice(NUMBERS), (where,), ("/q", where), (where,)),
        AddWatchRequest(where, number),
        RemoveWatchesRequest(where, number),
        ReconfigRequest(draw.choice((None, "server.9=x:1:2", "?")), None, None, -1),
        DeleteContainerRequest(where if where != "/" else "/junk"),
        CloseSessionRequest(),
        MultiRequest((CreateRequest(where, data, OPEN_ACL_UNSAFE, 0), DeleteRequest("/n", 1))),
        MultiReadRequest((GetDataRequest(where, False),)),
    )
    return draw.choice(some)


def damaged(draw: Random, data: bytes) -> bytes:
    """One thing is wrong with it, or two."""
    changed = bytearray(data)
    for _ in range(draw.choice((1, 1, 2))):
        at = draw.randrange(len(changed) + 1)
        match draw.randrange(5):
            case 0:
                del changed[at:]
            case 1 if at < len(changed):
                changed[at] ^= 1 << draw.randrange(8)
            case 2:
                changed[at : at + 4] = struct.pack(">i", draw.choice(INTS))
            case 3:
                changed[at:at] = draw.randbytes(draw.choice((1, 4, 40)))
            case _:
                changed[at : at + 8] = struct.pack(">q", draw.choice(NUMBERS))
    return bytes(changed)


def perhaps_damaged(draw: Random, data: bytes) -> bytes:
    return damaged(draw, data) if draw.random() < 0.25 else data


def garbage(draw: Random) -> bytes:
    if draw.random() < 0.3:
        return draw.choice(OTHER_PROTOCOLS)
    return draw.randbytes(draw.choice((1, 4, 20, 300)))


def greeting(draw: Random, session: int = 0) -> bytes:
    """A connect: with `session` a wrong one, or with a wrong password."""
    password = draw.choice((bytes(16), password_of(session), None, b"short"))
    seen = draw.choice((0, 0, 0, *NUMBERS))
    asked = draw.choice((4000, *INTS))
    read_only = draw.choice((None, False, True))
    return encode_connect_request(ConnectRequest(seen, asked, session, password, read_only))


def to_client_port(draw: Random) -> list[bytes]:
    """What comes over one connection, in pieces."""
    match draw.randrange(8):
        case 0:
            return [garbage(draw) for _ in range(2)]
        case 1:
            return [draw.choice(sorted(FOUR_LETTER_WORDS)) + draw.choice((b"", b"\n", b"xx"))]
        case 2:
            return [frame(perhaps_damaged(draw, encode_request(1, request(draw))))]
        case 3:
            return [frame(greeting(draw, draw.choice((1, -1, *NUMBERS)))), frame(greeting(draw))]
        case _:
            session = draw.choice((0, 0, 0, 0x100000000000001))
            pieces = [frame(greeting(draw, session))]
            if draw.random() < 0.7:
                pieces = [frame(encode_connect_request(ConnectRequest(0, 4000, 0, bytes(16))))]
            for xid in range(draw.randrange(12)):
                number = draw.choice((xid, 1, *INTS))
                packet = encode_request(number, request(draw))
                if draw.random() < 0.1:
                    packet = (
                        struct.pack(">ii", number, draw.choice((*INTS, *REQUESTS))) + packet[8:]
                    )
                packet = perhaps_damaged(draw, packet)
                framed = frame(packet)
                pieces.append(damaged(draw, framed) if draw.random() < 0.1 else framed)
            return pieces


def txn(draw: Random) -> bytes:
    number = draw.choice((*NUMBERS, 1 << 32 | 1, 2 << 32 | 1, 1 << 32 | draw.randrange(40)))
    body = draw.choice(
        (
            (OpCode.ERROR, ErrorTxn(draw.choice(INTS))),
            (OpCode.CREATE, CreateTxn(path(draw), b"", OPEN_ACL_UNSAFE, False, 1)),
            (OpCode.SET_DATA, SetDataTxn(path(draw), b"", 1)),
            (OpCode.RECONFIG, SetDataTxn("/zookeeper/config", b"server.1=?", -1)),
        )
    )
    return encode_txn(TxnHeader(draw.choice(NUMBERS), 0, number, 0, body[0]), body[1])


def packet(draw: Random, sid: int) -> QuorumPacket:
    """Of any type, from either side."""
    kind = draw.choice((*A_LEARNERS * 10, *PacketType, 0, 99, -1))
    number = draw.choice((*NUMBERS, 1 << 32, 1 << 32 | draw.randrange(40), 2 << 32))
    session = draw.choice((*NUMBERS, 0x100000000000001))
    wanted = draw.choice((int(OpCode.CREATE_SESSION), *REQUESTS, *INTS))
    body = encode_request(1, request(draw))[8:]
    fitting = {
        PacketType.REQUEST: encode_payload(ForwardedRequest(session, 1, wanted, body)),
        PacketType.REVALIDATE: encode_payload(Revalidate(session, draw.choice(INTS))),
        PacketType.PING: encode_touches((Touch(session, draw.choice(INTS)),)),
        PacketType.ACK: None,
    }
    datas = (
        None,
        b"",
        draw.randbytes(draw.choice((1, 8, 12, 20, 60))),
        encode_payload(LearnerInfo(sid)),
        encode_payload(AckEpoch(draw.choice(INTS))),
        encode_payload(Revalidate(session, draw.choice(INTS))),
        encode_payload(ForwardedRequest(session, draw.choice(INTS), wanted, body)),
        encode_touches((Touch(session, draw.choice(INTS)),)),
        txn(draw),
        encode_activation(draw.choice((1, 2, 9, -1)), txn(draw)),
        b"server.1=a:1:2;3\nversion=zz",
    )
    ids = draw.choice((None, (), (Id("world", "anyone"),), (Id("", ""),)))
    data = fitting[kind] if kind in fitting and draw.random() < 0.7 else draw.choice(datas)
    return QuorumPacket(kind, number, data, ids)


def to_quorum_port(draw: Random) -> list[bytes]:
    """Of one who is no member, or has no right to be who it says it is."""
    if draw.random() < 0.15:
        return [garbage(draw), garbage(draw)]
    sid = draw.choice((9, 9, 77, 0, -1, 1 << 40))
    kind = draw.choice((PacketType.FOLLOWERINFO, PacketType.OBSERVERINFO))
    number = draw.choice((0, 0, 0, 1 << 32, -1))
    info = encode(QuorumPacket(kind, number, encode_payload(LearnerInfo(sid))))
    pieces = [perhaps_damaged(draw, info) if draw.random() < 0.2 else info]
    if draw.random() < 0.6:  # as far as UPTODATE
        last = draw.choice((0, 1 << 32 | 3, 1 << 40 | 1))
        epoch = encode_payload(AckEpoch(draw.choice((0, 1, -1, 7))))
        pieces.append(encode(QuorumPacket(PacketType.ACKEPOCH, last, epoch)))
        pieces.append(encode(QuorumPacket(PacketType.ACK, draw.choice((1, 2)) << 32)))
    for _ in range(draw.randrange(10)):
        pieces.append(perhaps_damaged(draw, encode(packet(draw, sid))))
    return pieces


def vote(draw: Random, leaders: tuple[int, ...]) -> bytes:
    state = draw.choice(list(ServerState))
    last, round_, epoch = (draw.choice((*NUMBERS, 1, 2)) for _ in range(3))
    config = draw.choice(("", "server.1=?"))
    said = Notification(state, draw.choice(leaders), last, round_, epoch, config)
    return encode_notification(said)


def to_election_port(draw: Random, sids: tuple[int, ...] = (9, 77, 0, -1)) -> list[bytes]:
    """Of one who says that it is one of these."""
    if draw.random() < 0.15:
        return [garbage(draw), garbage(draw)]
    said = announcement(draw.choice(sids), Address(draw.choice(("h", "::1", "0.0.0.0")), 1))
    pieces = [damaged(draw, said) if draw.random() < 0.2 else said]
    for _ in range(draw.randrange(10)):
        framed = frame(perhaps_damaged(draw, vote(draw, (1, 2, 3, 9, -1, 1 << 40))))
        pieces.append(damaged(draw, framed) if draw.random() < 0.1 else framed)
    return pieces
