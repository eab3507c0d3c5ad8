from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from target_node.wire.client import (
    OPS,
    REQUESTS,
    RESPONSES,
    ReplyHeader,
    RequestHeader,
    decode_reply,
    decode_request,
    encode_body,
    encode_reply,
    encode_request,
    split_reply,
    split_request,
)
from target_node.wire.codes import CreateMode, ErrorCode, EventType, KeeperState, OpCode, Perms, Xid
from target_node.wire.connect import (
    ConnectRequest,
    ConnectResponse,
    decode_connect_request,
    decode_connect_response,
    encode_connect_request,
    encode_connect_response,
)
from target_node.wire.data import OPEN_ACL_UNSAFE, Stat
from target_node.wire.jute import Malformed
from target_node.wire.multi import CheckResult, DeleteResult, MultiRequest, MultiResponse
from target_node.wire.record import decode, encode
from target_node.wire.replies import CreateResponse, ErrorResponse, SetDataResponse, WatcherEvent
from target_node.wire.requests import (
    CheckVersionRequest,
    CreateRequest,
    DeleteRequest,
    GetDataRequest,
    PingRequest,
)
from tests.target_node.wire.values import (
    OTHER_RECORDS,
    REPLY_TYPES,
    REQUEST_TYPES,
    any_request,
    any_response,
    buffers,
    ints,
    longs,
    records,
    some,
)

STAT = Stat(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11)


@pytest.mark.parametrize("cls", OTHER_RECORDS, ids=lambda cls: cls.__name__)
@some
@given(st.data())
def test_every_record_survives_the_wire(cls: type, data: st.DataObject) -> None:
    value = data.draw(records(cls))
    assert decode(cls, encode(value)) == value
    assert decode(cls, memoryview(encode(value))) == value


@pytest.mark.parametrize("op", REQUEST_TYPES, ids=lambda op: OpCode(op).name)
@some
@given(st.data(), ints)
def test_every_request_survives_the_wire(op: int, data: st.DataObject, xid: int) -> None:
    request = data.draw(any_request(REQUESTS[op]))
    header, body = split_request(encode_request(xid, request))
    assert header == RequestHeader(xid, op)
    assert body == encode_body(request)
    assert decode_request(op, body) == request
    with pytest.raises(Malformed, match="1 bytes too many"):
        decode_request(op, body + b"\0")


@pytest.mark.parametrize("op", REPLY_TYPES, ids=lambda op: OpCode(op).name)
@some
@given(st.data(), ints, longs)
def test_every_reply_survives_the_wire(op: int, data: st.DataObject, xid: int, zxid: int) -> None:
    response = data.draw(any_response(RESPONSES[op]))
    header, body = split_reply(encode_reply(ReplyHeader(xid, zxid, ErrorCode.OK), response))
    assert header == ReplyHeader(xid, zxid, 0)
    assert decode_reply(op, body) == response


@some
@given(longs, ints, longs, buffers, st.none() | st.booleans(), ints)
def test_the_first_packets_survive_the_wire(
    zxid: int, timeout: int, session: int, passwd: bytes | None, r: bool | None, version: int
) -> None:
    request = ConnectRequest(zxid, timeout, session, passwd, r, version)
    assert decode_connect_request(encode_connect_request(request)) == request
    response = ConnectResponse(timeout, session, passwd, r, version)
    assert decode_connect_response(encode_connect_response(response)) == response


def golden(text: str) -> bytes:
    """Hex digits, and text in quotes."""
    words = text.split()
    return b"".join(w[1:-1].encode() if w[0] == "'" else bytes.fromhex(w) for w in words)


ACL = "00000001 0000001f 00000005 'world' 00000006 'anyone'"
STAT_BYTES = (
    "0000000000000001 0000000000000002 0000000000000003 0000000000000004 00000005 00000006"
    " 00000007 0000000000000008 00000009 0000000a 000000000000000b"
)


@pytest.mark.parametrize(
    ("request_", "packet"),
    [
        (PingRequest(), "fffffffe 0000000b"),
        (DeleteRequest("/a", -1), "fffffffe 00000002 00000002 '/a' ffffffff"),
        (GetDataRequest("/a", watch=True), "fffffffe 00000004 00000002 '/a' 01"),
        (
            CreateRequest("/a", b"x", OPEN_ACL_UNSAFE, CreateMode.EPHEMERAL_SEQUENTIAL),
            f"fffffffe 00000001 00000002 '/a' 00000001 'x' {ACL} 00000003",
        ),
        (
            MultiRequest((CheckVersionRequest("/a", 7), DeleteRequest("/a", 7))),
            "fffffffe 0000000e 0000000d 00 ffffffff 00000002 '/a' 00000007"
            " 00000002 00 ffffffff 00000002 '/a' 00000007 ffffffff 01 ffffffff",
        ),
    ],
    ids=lambda value: type(value).__name__,
)
def test_golden_requests(request_: Any, packet: str) -> None:
    assert encode_request(Xid.PING, request_) == golden(packet)


@pytest.mark.parametrize(
    ("op", "response", "body"),
    [
        (OpCode.CREATE, CreateResponse("/a"), "00000002 '/a'"),
        (OpCode.SET_DATA, SetDataResponse(STAT), STAT_BYTES),
        (
            OpCode.NOTIFICATION,
            WatcherEvent(EventType.NODE_DELETED, KeeperState.SYNC_CONNECTED, "/a"),
            "00000002 00000003 00000002 '/a'",
        ),
        (
            OpCode.MULTI,
            MultiResponse((CreateResponse("/a"), DeleteResult(), CheckResult())),
            "00000001 00 00000000 00000002 '/a' 00000002 00 00000000 0000000d 00 00000000"
            " ffffffff 01 ffffffff",
        ),
        (
            OpCode.MULTI,
            MultiResponse((ErrorResponse(0), ErrorResponse(ErrorCode.NO_NODE))),
            "ffffffff 00 00000000 00000000 ffffffff 00 ffffff9b ffffff9b ffffffff 01 ffffffff",
        ),
    ],
)
def test_golden_replies(op: int, response: Any, body: str) -> None:
    header = "00000007 0000000100000002 00000000"
    assert encode_reply(ReplyHeader(7, 0x100000002, 0), response) == golden(f"{header} {body}")
    assert decode_reply(op, golden(body)) == response


def test_golden_first_packets() -> None:
    old = "00000000 0000000000000005 00007530 0000000000000000 00000002 0102"
    assert encode_connect_request(ConnectRequest(5, 30000, 0, b"\1\2")) == golden(old + " 00")
    assert decode_connect_request(golden(old)) == ConnectRequest(5, 30000, 0, b"\1\2", None)
    assert encode_connect_response(ConnectResponse(0, 0, bytes(2), None)) == golden(
        "00000000 00000000 0000000000000000 00000002 0000"
    )


def test_a_stat_is_68_bytes() -> None:
    assert len(encode(STAT)) == 68


def test_each_request_has_one_type() -> None:
    assert {REQUESTS[op] for op in OPS.values()} == set(OPS)
    assert set(REQUESTS) - {OpCode.CREATE_SESSION} == set(RESPONSES) - {OpCode.NOTIFICATION}


@pytest.mark.parametrize(
    ("op", "body", "what"),
    [
        (10, "", "no request has the type 10 at offset 0"),
        (OpCode.ERROR, "", "no request has the type -1"),
        (OpCode.MULTI, "00000004 00 ffffffff", "no MultiRequest holds the type 4 at offset 0"),
        (OpCode.MULTI_READ, "00000001 00 00000000", "no MultiReadRequest holds the type 1"),
        (OpCode.MULTI, "", "9 bytes, but 0 are left"),
        (OpCode.GET_DATA, "ffffffff 00", "null where a string must be at offset 0"),
        (OpCode.SET_WATCHES, f"{'00' * 8} ffffffff", "null where a vector must be at offset 8"),
        (OpCode.CREATE, "00000000 ffffffff 7fffffff", "vector of 2147483647 elements"),
    ],
)
def test_refuses_a_request(op: int, body: str, what: str) -> None:
    with pytest.raises(Malformed, match=what):
        decode_request(op, golden(body))


def test_an_acl_may_be_null_for_the_server_to_refuse() -> None:
    request = CreateRequest("/a", None, None, 0)
    assert decode_request(OpCode.CREATE, encode_body(request)) == request


def test_perms_and_modes() -> None:
    assert Perms.ALL == Perms.READ | Perms.WRITE | Perms.CREATE | Perms.DELETE | Perms.ADMIN
    assert [m for m in CreateMode if m.is_sequential] == [2, 3, 6]
    assert [m for m in CreateMode if m.is_ephemeral] == [1, 3]
    assert [m for m in CreateMode if m.has_ttl] == [5, 6]
