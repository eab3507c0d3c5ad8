"""Does kazoo, a client of many years, write what we read and read what we write?"""

from __future__ import annotations

from typing import Any

import pytest
from kazoo.exceptions import NoNodeError, RolledBackError
from kazoo.protocol import serialization as kazoo
from kazoo.security import CREATOR_ALL_ACL, OPEN_ACL_UNSAFE, make_digest_acl

from target_node.wire import replies, requests
from target_node.wire.client import (
    OPS,
    ReplyHeader,
    RequestHeader,
    decode_request,
    encode_body,
    encode_reply,
    encode_request,
)
from target_node.wire.codes import ErrorCode, OpCode
from target_node.wire.connect import (
    ConnectRequest,
    ConnectResponse,
    decode_connect_request,
    encode_connect_request,
    encode_connect_response,
)
from target_node.wire.data import ACL, Id, Stat
from target_node.wire.multi import CheckResult, DeleteResult, MultiRequest, MultiResponse
from target_node.wire.record import decode

DIGEST = make_digest_acl("me", "secret", read=True)
THEIR_ACL = [*OPEN_ACL_UNSAFE, *CREATOR_ALL_ACL, DIGEST]
OUR_ACL = (
    ACL(31, Id("world", "anyone")),
    ACL(31, Id("auth", None)),
    ACL(1, Id("digest", DIGEST.id.id)),
)
STAT = Stat(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11)
STAT_VALUES = (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11)


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        (
            kazoo.Create("/é", b"x", THEIR_ACL, 3),
            requests.CreateRequest("/é", b"x", OUR_ACL, 3),
        ),
        (
            kazoo.Create2("/a", None, THEIR_ACL, 0),
            requests.Create2Request("/a", None, OUR_ACL, 0),
        ),
        (kazoo.Delete("/a", -1), requests.DeleteRequest("/a", -1)),
        (kazoo.Exists("/a", None), requests.ExistsRequest("/a", watch=False)),
        (kazoo.GetData("/a", print), requests.GetDataRequest("/a", watch=True)),
        (kazoo.SetData("/a", b"", 5), requests.SetDataRequest("/a", b"", 5)),
        (kazoo.GetACL("/a"), requests.GetACLRequest("/a")),
        (kazoo.SetACL("/a", THEIR_ACL, 1), requests.SetACLRequest("/a", OUR_ACL, 1)),
        (kazoo.GetChildren("/a", None), requests.GetChildrenRequest("/a", watch=False)),
        (kazoo.GetChildren2("/a", print), requests.GetChildren2Request("/a", watch=True)),
        (kazoo.Sync("/a"), requests.SyncRequest("/a")),
        (kazoo.CheckVersion("/a", 2), requests.CheckVersionRequest("/a", 2)),
        (
            kazoo.Reconfig("server.4=h:1:2", "", None, -1),
            requests.ReconfigRequest("server.4=h:1:2", None, None, -1),
        ),
        (
            kazoo.Auth(0, "digest", "me:secret"),
            requests.AuthRequest(0, "digest", b"me:secret"),
        ),
        (kazoo.SASL(b"token"), requests.SaslRequest(b"token")),
        (
            kazoo.Transaction(
                [
                    kazoo.CheckVersion("/a", 1),
                    kazoo.Create("/b", b"", THEIR_ACL, 2),
                    kazoo.SetData("/a", b"x", -1),
                    kazoo.Delete("/a", -1),
                ]
            ),
            MultiRequest(
                (
                    requests.CheckVersionRequest("/a", 1),
                    requests.CreateRequest("/b", b"", OUR_ACL, 2),
                    requests.SetDataRequest("/a", b"x", -1),
                    requests.DeleteRequest("/a", -1),
                )
            ),
        ),
    ],
    ids=lambda value: type(value).__name__,
)
def test_requests_are_the_same_bytes(theirs: Any, ours: Any) -> None:
    body = bytes(theirs.serialize())
    assert OPS[type(ours)] == theirs.type
    assert encode_body(ours) == body
    assert decode_request(theirs.type, body) == ours


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [(kazoo.Ping, requests.PingRequest()), (kazoo.Close, requests.CloseSessionRequest())],
)
def test_requests_without_a_body(theirs: Any, ours: Any) -> None:
    assert decode(RequestHeader, encode_request(-2, ours)) == RequestHeader(-2, theirs.type)


def test_the_first_packets_are_the_same_bytes() -> None:
    theirs = kazoo.Connect(0, 5, 10_000, 7, b"p" * 16, True)
    ours = ConnectRequest(5, 10_000, 7, b"p" * 16, read_only=True)
    assert bytes(theirs.serialize()) == encode_connect_request(ours)
    assert decode_connect_request(bytes(theirs.serialize())) == ours
    answer = encode_connect_response(ConnectResponse(4000, 7, b"q" * 16, read_only=True))
    assert kazoo.Connect.deserialize(answer, 0)[0] == (0, 0, 4000, 7, b"q" * 16, True)


@pytest.mark.parametrize(
    ("request_", "ours", "theirs"),
    [
        (kazoo.Create, replies.CreateResponse("/é"), "/é"),
        (kazoo.Create2, replies.Create2Response("/a", STAT), ("/a", STAT_VALUES)),
        (kazoo.Delete, None, True),
        (kazoo.Exists, replies.ExistsResponse(STAT), STAT_VALUES),
        (kazoo.GetData, replies.GetDataResponse(b"x", STAT), (b"x", STAT_VALUES)),
        (kazoo.SetData, replies.SetDataResponse(STAT), STAT_VALUES),
        (kazoo.SetACL, replies.SetACLResponse(STAT), STAT_VALUES),
        (kazoo.GetChildren, replies.GetChildrenResponse(("a", "b")), ["a", "b"]),
        (kazoo.GetChildren2, replies.GetChildren2Response(("a",), STAT), (["a"], STAT_VALUES)),
        (kazoo.Sync, replies.SyncResponse("/a"), "/a"),
        (kazoo.Reconfig, replies.GetDataResponse(b"x", STAT), (b"x", STAT_VALUES)),
        (kazoo.SASL, replies.SaslResponse(b"x"), (b"x", 21)),
    ],
)
def test_replies_are_read(request_: Any, ours: Any, theirs: Any) -> None:
    packet = encode_reply(ReplyHeader(3, 1 << 32, ErrorCode.OK), ours)
    header, offset = kazoo.ReplyHeader.deserialize(packet, 0)
    assert header == (3, 1 << 32, 0)
    assert request_.deserialize(packet, offset) == theirs


def test_an_acl_is_read() -> None:
    packet = encode_reply(ReplyHeader(3, 4, 0), replies.GetACLResponse(OUR_ACL[::2], STAT))
    assert kazoo.GetACL.deserialize(packet, 16) == (THEIR_ACL[::2], STAT_VALUES)


def test_a_watch_event_is_read() -> None:
    packet = encode_reply(ReplyHeader(-1, 4, 0), replies.WatcherEvent(3, 3, "/a"))
    assert kazoo.Watch.deserialize(packet, 16)[0] == (3, 3, "/a")


def test_results_of_a_multi_are_read() -> None:
    done = MultiResponse(
        (
            replies.CreateResponse("/a"),
            DeleteResult(),
            replies.SetDataResponse(STAT),
            CheckResult(),
        )
    )
    results = kazoo.Transaction.deserialize(encode_reply(ReplyHeader(3, 4, 0), done), 16)
    assert results == ["/a", True, STAT_VALUES, True]
    failed = MultiResponse(
        (replies.ErrorResponse(ErrorCode.OK), replies.ErrorResponse(ErrorCode.NO_NODE))
    )
    results = kazoo.Transaction.deserialize(encode_reply(ReplyHeader(3, 4, 0), failed), 16)
    assert [type(result) for result in results] == [RolledBackError, NoNodeError]


def test_kazoo_asks_for_nothing_we_do_not_know() -> None:
    types = {vars(kind).get("type") for kind in vars(kazoo).values() if isinstance(kind, type)}
    assert types - {None} <= set(OPS.values()) - {OpCode.CREATE_SESSION}
