"""Whatever comes to whichever port: nobody stops, nothing is lost, and who behaves is served.

Servers without sockets, for speed: what is thrown at them are the bytes that connections carry.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random

import pytest

from target_node.server.events import Port
from target_node.wire.client import (
    OPS,
    Request,
    Response,
    decode_reply,
    encode_request,
    split_reply,
)
from target_node.wire.codes import ErrorCode, Xid
from target_node.wire.connect import (
    ConnectRequest,
    decode_connect_response,
    encode_connect_request,
)
from target_node.wire.data import OPEN_ACL_UNSAFE
from target_node.wire.frames import Frames, frame
from target_node.wire.replies import GetDataResponse
from target_node.wire.requests import CreateRequest, GetDataRequest, SetDataRequest, SyncRequest
from tests.target_node.protocol.members import ensemble
from tests.target_node.server.junk import to_client_port, to_election_port, to_quorum_port
from tests.target_node.server.some_servers import Outside, Servers

MEMBERS = ensemble(1, 2, 3, "4:observer")
ROLES = ("leader", "follower", "observer", "standalone", "looking", "read-only")
FEW, MANY = 1_500, 25_000  # pieces of junk, to each role


class GoodClient:
    """Asks one thing at a time, and must be answered at once."""

    def __init__(self, net: Servers, sid: int, *, only_reads: bool = False) -> None:
        self.outside: Outside = net.connect(sid, Port.CLIENT)
        self.frames = Frames(1 << 22)
        self.xid = 0
        greeting = ConnectRequest(0, 4000, 0, bytes(16), only_reads)
        (answer,) = self.say(encode_connect_request(greeting))
        assert decode_connect_response(answer).timeout_ms

    def say(self, packet: bytes) -> list[bytes]:
        self.outside.send(frame(packet))
        came, self.outside.received = bytes(self.outside.received), bytearray()
        return list(self.frames.feed(came))

    def ask(self, request: Request) -> Response | None:
        self.xid += 1
        answers = self.say(encode_request(self.xid, request))
        headers = [split_reply(answer) for answer in answers]
        ((header, body),) = [one for one in headers if one[0].xid != Xid.WATCH_EVENT]
        assert (header.xid, header.err) == (self.xid, ErrorCode.OK)
        return decode_reply(OPS[type(request)], body)

    def read(self, path: str) -> bytes | None:
        answer = self.ask(GetDataRequest(path, False))
        assert isinstance(answer, GetDataResponse)
        return answer.data


def serving(role: str) -> tuple[Servers, int]:
    """Servers, and which of them has this role."""
    if role in ("looking", "read-only"):
        net = Servers(MEMBERS, (2,), read_only=role == "read-only")
        net.pass_time(3000)
        return net, 2
    net = Servers(ensemble(1) if role == "standalone" else MEMBERS, (1,))
    if role != "standalone":
        net = Servers(MEMBERS, (1, 2, 3, 4))
    net.pass_time(3000)
    assert len(net.roles()) == len(net.up)
    return net, net.role("leader" if role == "standalone" else role)


def throw(net: Servers, sid: int, draw: Random, count: int) -> int:
    """Junk at all ports, some connections at a time; how much."""
    thrown = 0
    open_ones: list[Outside] = []
    while thrown < count:
        port = draw.choice((Port.CLIENT, Port.CLIENT, Port.QUORUM, Port.ELECTION))
        made: dict[Port, Callable[[Random], list[bytes]]] = {
            Port.CLIENT: to_client_port,
            Port.QUORUM: to_quorum_port,
            Port.ELECTION: to_election_port,
        }
        outside = net.connect(sid, port)
        open_ones.append(outside)
        for piece in made[port](draw):
            thrown += 1
            if draw.random() < 0.1 and len(piece) > 1:
                cut = draw.randrange(1, len(piece))
                outside.send(piece[:cut])
                piece = piece[cut:]
            outside.send(piece)
        if draw.random() < 0.05:
            net.pass_time(draw.choice((1, 20, 150)))
        if len(open_ones) > 20 or draw.random() < 0.5:
            open_ones.pop(draw.randrange(len(open_ones))).close()
    for outside in open_ones:
        outside.close()
    return thrown


def survive(role: str, seed: int, count: int) -> int:
    net, sid = serving(role)
    lonely = role in ("looking", "read-only")
    kept = {f"/good-{number}": b"%d" % number for number in range(5)}
    if not lonely:
        client = GoodClient(net, sid)
        for path, data in kept.items():
            client.ask(CreateRequest(path, b"", OPEN_ACL_UNSAFE, 0))
            client.ask(SetDataRequest(path, data, 0))
    before = net.roles()
    thrown = throw(net, sid, Random(seed), count)
    assert net.roles() == before
    if role == "read-only":
        GoodClient(net, sid, only_reads=True).read("/")
    for each in () if lonely else net.up:
        client = GoodClient(net, each)
        client.ask(SyncRequest("/"))
        assert {path: client.read(path) for path in kept} == kept
        client.ask(SetDataRequest("/good-0", b"0", -1))
        assert client.read("/good-0") == b"0"
    net.pass_time(1000)
    assert net.roles() == before
    chains = {one.server.place.history.tree.chain.hash for one in net.up.values()}
    assert len(chains) == 1
    # Who says nothing for long is let go.
    net.pass_time(60_000)
    assert not net.up[sid].server.clients.by_connection
    return thrown


@pytest.mark.parametrize("role", ROLES)
def test_junk_harms_nobody(role: str) -> None:
    survive(role, 1, FEW)


@pytest.mark.prove
@pytest.mark.parametrize("role", ROLES)
def test_much_junk_harms_nobody(role: str, record_property: Callable[[str, object], None]) -> None:
    thrown = sum(survive(role, seed, MANY // 10) for seed in range(10, 20))
    assert thrown >= MANY
    record_property("measured", f"{thrown} pieces of junk")
