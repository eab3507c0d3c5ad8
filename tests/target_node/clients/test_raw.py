"""Does a server answer what kazoo never asks as ZooKeeper would, on every connection of its kind?

Asked of one server alone, and of a follower among three.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import ExitStack
from typing import TypeVar

import pytest

from target_node.wire.client import Request, RequestHeader, encode_request
from target_node.wire.codes import (
    ANY_VERSION,
    AddWatchMode,
    CreateMode,
    ErrorCode,
    EventType,
    OpCode,
    Perms,
    WatcherType,
    Xid,
)
from target_node.wire.connect import ConnectRequest, encode_connect_request
from target_node.wire.data import ACL, OPEN_ACL_UNSAFE, Id
from target_node.wire.frames import CLIENT_LIMIT
from target_node.wire.jute import INT
from target_node.wire.multi import CheckResult, DeleteResult, MultiReadRequest, MultiRequest
from target_node.wire.record import encode
from target_node.wire.replies import (
    Create2Response,
    CreateResponse,
    ErrorResponse,
    ExistsResponse,
    GetAllChildrenNumberResponse,
    GetChildrenResponse,
    GetDataResponse,
    GetEphemeralsResponse,
    SetDataResponse,
    WhoAmIResponse,
)
from target_node.wire.requests import (
    AddWatchRequest,
    AuthRequest,
    CheckVersionRequest,
    CheckWatchesRequest,
    CloseSessionRequest,
    Create2Request,
    CreateContainerRequest,
    CreateRequest,
    CreateTTLRequest,
    DeleteContainerRequest,
    DeleteRequest,
    ExistsRequest,
    GetAllChildrenNumberRequest,
    GetChildrenRequest,
    GetDataRequest,
    GetEphemeralsRequest,
    PingRequest,
    ReconfigRequest,
    RemoveWatchesRequest,
    SetDataRequest,
    SetWatches2Request,
    SetWatchesRequest,
    SyncRequest,
    WhoAmIRequest,
)
from tests.target_node.clients.session import Link, No, Session
from tests.target_node.ensemble import Ensemble, Member, ensemble

OPEN = OPEN_ACL_UNSAFE
CREATED, DELETED = EventType.NODE_CREATED, EventType.NODE_DELETED
CHANGED, CHILDREN = EventType.NODE_DATA_CHANGED, EventType.NODE_CHILDREN_CHANGED
_T = TypeVar("_T")


@pytest.fixture(scope="module", params=[1, 3])
def servers(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Ensemble]:
    directory = tmp_path_factory.mktemp("servers")
    with ensemble(directory, request.param, more="znode.container.checkIntervalMs=100\n") as one:
        yield one


@pytest.fixture
def member(servers: Ensemble) -> Member:
    """One that does not lead, if there is one."""
    members = servers.members.values()
    return next((one for one in members if one.mode == "follower"), servers.members[1])


class Asking:
    """Opens sessions, and makes a node for each test."""

    def __init__(self, member: Member, stack: ExitStack, root: str) -> None:
        self.port = member.client_port
        self._stack = stack
        self.root = root

    def session(self, resumed: Session | None = None, *, last_zxid_seen: int = 0) -> Session:
        session = Session(self.port, resumed, last_zxid_seen=last_zxid_seen)
        return self._stack.enter_context(session)

    def link(self) -> Link:
        return self._stack.enter_context(Link(self.port))


_numbers = itertools.count()


@pytest.fixture
def asking(member: Member) -> Iterator[Asking]:
    with ExitStack() as stack:
        asking = Asking(member, stack, f"/test-{next(_numbers)}")
        with Session(member.client_port) as session:
            session.ask(CreateRequest(asking.root, b"", OPEN, 0))
        yield asking


@pytest.fixture
def session(asking: Asking) -> Session:
    return asking.session()


@pytest.fixture
def root(asking: Asking) -> str:
    return asking.root


def create(path: str, data: bytes = b"", mode: CreateMode = CreateMode.PERSISTENT) -> CreateRequest:
    return CreateRequest(path, data, OPEN, mode)


def put(path: str, data: bytes = b"changed") -> SetDataRequest:
    return SetDataRequest(path, data, ANY_VERSION)


def drop(path: str) -> DeleteRequest:
    return DeleteRequest(path, ANY_VERSION)


# What a client that comes back asks: the watches it had.


def test_a_client_that_comes_back_is_told_what_it_missed(asking: Asking, root: str) -> None:
    session, other = asking.session(), asking.session()
    for name in ("kept", "changed", "gone", "parent", "barren", "left"):
        session.ask(create(f"{root}/{name}"))
    session.ask(ExistsRequest(root, watch=False))
    seen = session.header.zxid
    other.ask(put(f"{root}/changed"))
    other.ask(drop(f"{root}/gone"))
    other.ask(drop(f"{root}/left"))
    other.ask(create(f"{root}/awaited"))
    other.ask(create(f"{root}/parent/child"))
    session.close()

    back = asking.session(session)
    assert back.id == session.id
    back.ask(
        SetWatchesRequest(
            seen,
            data_watches=(f"{root}/kept", f"{root}/changed", f"{root}/gone"),
            exist_watches=(f"{root}/awaited", f"{root}/absent"),
            child_watches=(f"{root}/parent", f"{root}/barren", f"{root}/left"),
        )
    )
    told = back.take_events()
    assert sorted(told) == [
        (CREATED, f"{root}/awaited"),
        (DELETED, f"{root}/gone"),
        (DELETED, f"{root}/left"),
        (CHANGED, f"{root}/changed"),
        (CHILDREN, f"{root}/parent"),
    ]

    other.ask(put(f"{root}/kept"))
    other.ask(create(f"{root}/absent"))
    other.ask(create(f"{root}/barren/child"))
    back.await_events(lambda events: len(events) == 3)
    assert back.take_events() == [
        (CHANGED, f"{root}/kept"),
        (CREATED, f"{root}/absent"),
        (CHILDREN, f"{root}/barren"),
    ]
    other.ask(put(f"{root}/kept"))  # it was told once and for all
    back.ask(SyncRequest("/"))
    assert back.take_events() == []


def test_watches_that_stay_are_armed_again_and_tell_nothing_of_what_was(
    asking: Asking, root: str
) -> None:
    session, other = asking.session(), asking.session()
    session.ask(create(f"{root}/a"))
    seen = session.header.zxid
    other.ask(put(f"{root}/a"))
    session.close()

    back = asking.session(session)
    back.ask(SetWatches2Request(seen, (), (), (), (f"{root}/a",), (root,)))
    assert back.take_events() == []
    for _ in range(2):
        other.ask(put(f"{root}/a"))
    other.ask(create(f"{root}/a/b"))
    back.await_events(lambda events: len(events) == 4)
    assert back.take_events() == [
        (CHANGED, f"{root}/a"),
        (CHANGED, f"{root}/a"),
        (CREATED, f"{root}/a/b"),
        (CHILDREN, f"{root}/a"),
    ]


# Watches.


def test_a_recursive_watch_tells_of_all_below_and_never_of_children(
    asking: Asking, root: str
) -> None:
    watcher, other = asking.session(), asking.session()
    assert watcher.ask(AddWatchRequest(root, AddWatchMode.PERSISTENT_RECURSIVE)) == ErrorResponse(0)
    for request in (create(f"{root}/a"), create(f"{root}/a/b"), put(f"{root}/a/b")):
        other.ask(request)
    other.ask(drop(f"{root}/a/b"))
    other.ask(create(f"{root}-beside"))
    other.ask(put(root))
    watcher.await_events(lambda events: len(events) == 5)
    assert watcher.take_events() == [
        (CREATED, f"{root}/a"),
        (CREATED, f"{root}/a/b"),
        (CHANGED, f"{root}/a/b"),
        (DELETED, f"{root}/a/b"),
        (CHANGED, root),
    ]
    assert watcher.refusal(AddWatchRequest(root, 7)) is ErrorCode.MARSHALLING_ERROR


def test_an_event_comes_before_any_answer_that_reflects_it(asking: Asking, root: str) -> None:
    watcher, other = asking.session(), asking.session()
    for number in range(1, 21):
        watcher.ask(GetDataRequest(root, watch=True))
        other.ask(put(root, b"%d" % number))
        watcher.ask(SyncRequest(root))
        answer = watcher.get(GetDataRequest(root, watch=False), GetDataResponse)
        assert answer.data == b"%d" % number
        assert watcher.take_events() == [(CHANGED, root)]
        assert watcher.event_zxids[-1] == answer.stat.mzxid


def test_removed_watches_tell_nothing(session: Session, root: str) -> None:
    def checked(which: WatcherType) -> bool:
        refusal = session.refusal(CheckWatchesRequest(root, which))
        assert refusal in (None, ErrorCode.NO_WATCHER)
        return refusal is None

    session.ask(GetDataRequest(root, watch=True))
    session.ask(GetChildrenRequest(root, watch=True))
    assert checked(WatcherType.DATA)
    assert checked(WatcherType.CHILDREN)
    assert session.ask(RemoveWatchesRequest(root, WatcherType.DATA)) is None
    assert not checked(WatcherType.DATA)
    assert checked(WatcherType.ANY)
    again = RemoveWatchesRequest(root, WatcherType.DATA)
    assert session.refusal(again) is ErrorCode.NO_WATCHER
    session.ask(put(root))
    assert session.take_events() == []
    session.ask(create(f"{root}/a"))
    assert session.take_events() == [(CHILDREN, root)]

    session.ask(AddWatchRequest(root, AddWatchMode.PERSISTENT))
    session.ask(RemoveWatchesRequest(root, WatcherType.ANY))
    session.ask(put(root))
    session.ask(drop(f"{root}/a"))
    assert session.take_events() == []


# Reads of many things.


def test_many_reads_are_answered_each_for_itself(asking: Asking, root: str) -> None:
    session = asking.session()
    secret = (ACL(Perms.ALL, Id("digest", "nobody:nothing")),)
    session.ask(create(f"{root}/a", b"x"))
    session.ask(CreateRequest(f"{root}/secret", b"", secret, 0))
    reads = (
        GetDataRequest(f"{root}/a", watch=True),
        GetChildrenRequest(root, watch=True),
        GetDataRequest(f"{root}/no", watch=True),
        GetDataRequest(f"{root}/secret", watch=False),
        GetChildrenRequest(f"{root}/a", watch=False),
    )
    results = session.results(MultiReadRequest(reads))
    data, children, missing, forbidden, none = results
    assert isinstance(data, GetDataResponse)
    assert data.data == b"x"
    assert isinstance(children, GetChildrenResponse)
    assert sorted(children.children) == ["a", "secret"]
    assert missing == ErrorResponse(ErrorCode.NO_NODE)
    assert forbidden == ErrorResponse(ErrorCode.NO_AUTH)
    assert none == GetChildrenResponse(())
    session.ask(put(f"{root}/a"))
    session.ask(create(f"{root}/no"))  # a read that failed watches nothing
    assert session.take_events() == [(CHANGED, f"{root}/a"), (CHILDREN, root)]


def test_ephemerals_are_those_of_the_session(asking: Asking, root: str) -> None:
    session, other = asking.session(), asking.session()
    session.ask(create(f"{root}/dir"))
    paths = [f"{root}/one", f"{root}/dir/two"]
    for path in paths:
        session.ask(create(path, mode=CreateMode.EPHEMERAL))
    other.ask(create(f"{root}/other", mode=CreateMode.EPHEMERAL))

    def owned(prefix: str) -> list[str]:
        return sorted(session.get(GetEphemeralsRequest(prefix), GetEphemeralsResponse).ephemerals)

    assert owned("/") == sorted(paths)
    assert owned(f"{root}/dir") == [f"{root}/dir/two"]
    assert owned("/elsewhere") == []
    number = session.get(GetAllChildrenNumberRequest(root), GetAllChildrenNumberResponse)
    assert number.total_number == 4
    for one in (session, other):
        one.end()
    last = asking.session()
    number = last.get(GetAllChildrenNumberRequest(root), GetAllChildrenNumberResponse)
    assert number.total_number == 1
    missing = GetAllChildrenNumberRequest(f"{root}/no")
    assert last.refusal(missing) is ErrorCode.NO_NODE


def test_who_am_i(session: Session) -> None:
    def identities() -> list[tuple[str, str]]:
        answer = session.get(WhoAmIRequest(), WhoAmIResponse)
        return [(one.auth_scheme, one.user) for one in answer.client_info]

    assert identities() == [("ip", "127.0.0.1")]
    session.ask(AuthRequest(0, "digest", b"me:secret"))
    session.ask(AuthRequest(0, "digest", b"you:secret"))
    assert identities() == [("ip", "127.0.0.1"), ("digest", "me"), ("digest", "you")]


# Writes of their own kind.


def test_a_check_has_its_place_in_a_multi_and_nowhere_else(session: Session, root: str) -> None:
    assert session.refusal(CheckVersionRequest(root, 0)) is ErrorCode.UNIMPLEMENTED
    session.ask(put(root))
    passed = MultiRequest((CheckVersionRequest(root, 1), create(f"{root}/a")))
    results = session.results(passed)
    assert results == (CheckResult(), CreateResponse(f"{root}/a"))
    failed = MultiRequest((create(f"{root}/b"), CheckVersionRequest(root, 7), drop(f"{root}/a")))
    results = session.results(failed)
    codes = [one.err for one in results]
    assert codes == [ErrorCode.OK, ErrorCode.BAD_VERSION, ErrorCode.RUNTIME_INCONSISTENCY]
    children = session.get(GetChildrenRequest(root, watch=False), GetChildrenResponse)
    assert children.children == ("a",)


def test_a_multi_of_every_kind(session: Session, root: str) -> None:
    path = f"{root}/s"
    results = session.results(
        MultiRequest(
            (
                Create2Request(path, b"1", OPEN, CreateMode.PERSISTENT_SEQUENTIAL),
                create(f"{root}/e", mode=CreateMode.EPHEMERAL),
                CreateContainerRequest(f"{root}/c", b"", OPEN, CreateMode.CONTAINER),
                CreateTTLRequest(f"{root}/t", b"", OPEN, CreateMode.PERSISTENT_WITH_TTL, 60_000),
                SetDataRequest(f"{root}/e", b"22", 0),
                CheckVersionRequest(f"{root}/e", 1),
                drop(f"{root}/e"),
            )
        )
    )
    kinds = [Create2Response, CreateResponse, Create2Response, Create2Response]
    assert [type(one) for one in results] == [*kinds, SetDataResponse, CheckResult, DeleteResult]
    assert results[0].path == f"{path}0000000000"
    assert results[4].stat.data_length == 2
    zxids = {one.stat.czxid for one in results if isinstance(one, Create2Response)}
    assert zxids == {session.header.zxid}


def test_an_empty_multi_changes_nothing(session: Session) -> None:
    results = session.results(MultiRequest(()))
    assert results == ()


def test_a_container_goes_with_its_last_child(asking: Asking, root: str) -> None:
    watcher, other = asking.session(), asking.session()
    container = CreateContainerRequest(f"{root}/c", b"", OPEN, CreateMode.CONTAINER)
    made = other.get(container, Create2Response)
    assert (made.path, made.stat.ephemeral_owner) == (f"{root}/c", 0)
    never = CreateContainerRequest(f"{root}/never", b"", OPEN, CreateMode.CONTAINER)
    other.ask(never)
    other.ask(create(f"{root}/c/a"))
    assert other.refusal(drop(f"{root}/c")) is ErrorCode.NOT_EMPTY
    watcher.ask(ExistsRequest(f"{root}/c", watch=True))
    other.ask(drop(f"{root}/c/a"))
    watcher.await_events(lambda events: (DELETED, f"{root}/c") in events)
    assert watcher.refusal(ExistsRequest(f"{root}/c", watch=False)) is ErrorCode.NO_NODE
    watcher.ask(ExistsRequest(f"{root}/never", watch=False))  # a child may be on its way


def test_a_node_with_a_time_to_live_dies_of_neglect(asking: Asking, root: str) -> None:
    session = asking.session()

    def mortal(
        name: str, ttl_ms: int, mode: int = CreateMode.PERSISTENT_WITH_TTL
    ) -> Create2Response:
        request = CreateTTLRequest(f"{root}/{name}", b"", OPEN, mode, ttl_ms)
        return session.get(request, Create2Response)

    made = mortal("t-", 1, CreateMode.PERSISTENT_SEQUENTIAL_WITH_TTL)
    assert made.path == f"{root}/t-0000000000"
    assert made.stat.ephemeral_owner == 0
    mortal("long", 3_600_000)
    # One that is never without a child.
    parent = CreateTTLRequest(f"{root}/parent", b"", OPEN, CreateMode.PERSISTENT_WITH_TTL, 1)
    session.ask(MultiRequest((parent, create(f"{root}/parent/child"))))
    while (refusal := session.refusal(ExistsRequest(made.path, watch=False))) is None:
        pass
    assert refusal is ErrorCode.NO_NODE
    session.ask(ExistsRequest(f"{root}/long", watch=False))
    session.ask(ExistsRequest(f"{root}/parent/child", watch=False))
    bad = CreateTTLRequest(f"{root}/bad", b"", OPEN, CreateMode.PERSISTENT_WITH_TTL, 0)
    assert session.refusal(bad) is ErrorCode.BAD_ARGUMENTS


def test_what_is_not_for_clients(session: Session, root: str) -> None:
    container = CreateContainerRequest(f"{root}/c", b"", OPEN, CreateMode.CONTAINER)
    session.ask(container)
    with pytest.raises((No, ConnectionError)):
        session.ask(DeleteContainerRequest(f"{root}/c"))


def test_a_membership_that_may_not_change(session: Session) -> None:
    request = ReconfigRequest(None, "2", None, -1)
    assert session.refusal(request) is ErrorCode.RECONFIG_DISABLED


# The order of answers.


def test_many_questions_at_once_are_answered_in_their_order(session: Session, root: str) -> None:
    requests: list[Request] = []
    for number in range(300):
        requests += [put(root, b"%d" % number), GetDataRequest(root, watch=False)]
        if number % 50 == 0:
            requests += [SyncRequest(root), create(f"{root}/no/parent")]
    data: list[bytes | None] = []
    refusals: list[ErrorCode] = []
    for asked in session.say(*requests):
        try:
            answer = session.hear(*asked)
        except No as no:
            refusals.append(no.code)
        else:
            if isinstance(answer, GetDataResponse):
                data.append(answer.data)
    assert data == [b"%d" % number for number in range(300)]
    assert refusals == [ErrorCode.NO_NODE] * 6


def test_what_is_asked_before_the_session_is_there(asking: Asking, root: str) -> None:
    link = asking.link()
    packets = [encode_connect_request(ConnectRequest(0, 4000, 0, bytes(16)))]
    packets += [encode_request(xid, put(root, b"%d" % xid)) for xid in range(1, 6)]
    packets.append(encode_request(6, CloseSessionRequest()))
    link.send(*packets)
    assert len([link.receive() for _ in packets]) == len(packets)
    assert link.is_cut


# Sessions.


def test_a_session_moves_to_who_knows_its_password(asking: Asking, root: str) -> None:
    first = asking.session()
    first.ask(create(f"{root}/e", mode=CreateMode.EPHEMERAL))
    second = asking.session(first)
    assert (second.id, second.password) == (first.id, first.password)
    assert first.is_cut
    second.ask(ExistsRequest(f"{root}/e", watch=False))

    second.password = bytes(16)
    stranger = asking.session(second)
    assert (stranger.id, stranger.welcome.timeout_ms) == (0, 0)
    assert stranger.is_cut
    second.ask(PingRequest())


def test_a_session_moves_between_servers(servers: Ensemble, asking: Asking, root: str) -> None:
    session = asking.session()
    session.ask(create(f"{root}/e", mode=CreateMode.EPHEMERAL))
    with ExitStack() as stack:
        for member in servers.members.values():
            moved = stack.enter_context(Session(member.client_port, session))
            assert moved.id == session.id
            stat = moved.get(ExistsRequest(f"{root}/e", watch=False), ExistsResponse).stat
            assert stat.ephemeral_owner == session.id


def test_a_connection_that_was_left_behind_writes_nothing(
    servers: Ensemble, asking: Asking, root: str
) -> None:
    left = asking.session()
    elsewhere = next(
        (one for one in servers.members.values() if one.client_port != asking.port),
        servers.members[1],
    )
    with Session(elsewhere.client_port, left) as moved:
        moved.ask(create(f"{root}/there"))
        with pytest.raises(ConnectionError):
            left.ask(put(root))
        moved.ask(SyncRequest(root))
        assert moved.get(GetDataRequest(root, watch=False), GetDataResponse).data == b""
        moved.end()


def test_a_client_that_has_seen_more_is_turned_away(asking: Asking) -> None:
    session = asking.session()
    session.ask(PingRequest())
    with pytest.raises(ConnectionError):
        asking.session(last_zxid_seen=session.header.zxid + (1 << 32))


def test_a_closed_session_is_gone_with_all_it_owned(asking: Asking, root: str) -> None:
    session, other = asking.session(), asking.session()
    session.ask(create(f"{root}/e", mode=CreateMode.EPHEMERAL))
    other.ask(ExistsRequest(f"{root}/e", watch=True))
    session.end()
    other.await_events(bool)
    assert other.take_events() == [(DELETED, f"{root}/e")]
    back = asking.session(session)
    assert back.welcome.timeout_ms == 0
    assert back.is_cut


@pytest.mark.parametrize(("asked", "given"), [(1, 400), (1000, 1000), (1 << 30, 4000)])
def test_a_timeout_is_between_two_and_twenty_ticks(member: Member, asked: int, given: int) -> None:
    with Session(member.client_port, timeout_ms=asked) as session:
        assert session.welcome.timeout_ms == given
        session.end()


def test_a_client_of_old_times_is_answered_in_kind(asking: Asking) -> None:
    greetings = [ConnectRequest(0, 4000, 0, bytes(16), read) for read in (None, False)]
    lengths = []
    for greeting in greetings:
        link = asking.link()
        link.send(encode_connect_request(greeting))
        lengths.append(len(link.receive()))
    assert lengths == [36, 37]


# Nonsense: the worst that comes of it is a closed connection.


NONSENSE = {
    "empty": b"",
    "short header": b"\0\0",
    "auth without body": encode(RequestHeader(-4, OpCode.AUTH)),
    "unknown operation": encode(RequestHeader(1, 4711)),
    "a leader's own": encode(RequestHeader(1, OpCode.CREATE_SESSION)) + INT.pack(4000),
}
ERRORS = {
    "get without body": encode(RequestHeader(1, OpCode.GET_DATA)),
    "create without body": encode(RequestHeader(1, OpCode.CREATE)),
    "sync without body": encode(RequestHeader(1, OpCode.SYNC)),
    "multi that ends too early": encode(RequestHeader(1, OpCode.MULTI)) + bytes(5),
    "text that is none": encode(RequestHeader(1, OpCode.DELETE)) + b"\0\0\0\2\xff\xff\0\0\0\0",
}


@pytest.mark.parametrize("packet", NONSENSE.values(), ids=NONSENSE)
def test_nonsense_ends_the_connection_only(asking: Asking, session: Session, packet: bytes) -> None:
    session.send(packet)
    session.receive_all()
    asking.session(session).ask(PingRequest())


@pytest.mark.parametrize("packet", NONSENSE.values(), ids=NONSENSE)
def test_nonsense_before_the_session_is_there(asking: Asking, packet: bytes) -> None:
    link = asking.link()
    link.send(encode_connect_request(ConnectRequest(0, 4000, 0, bytes(16))), packet)
    link.receive_all()
    asking.session().ask(PingRequest())


@pytest.mark.parametrize("packet", ERRORS.values(), ids=ERRORS)
def test_a_body_that_makes_no_sense_is_an_error(
    asking: Asking, session: Session, packet: bytes
) -> None:
    session.send(packet)
    with pytest.raises(No, match="MARSHALLING_ERROR"):
        session.hear(1, OpCode.DELETE)
    session.ask(PingRequest())


@pytest.mark.parametrize(
    "data",
    [INT.pack(-1), INT.pack(CLIENT_LIMIT + 1), INT.pack(4) + b"what", b"GET / HTTP/1.1\r\n\r\n"],
    ids=["negative", "too long", "no greeting", "browser"],
)
def test_a_connection_that_begins_with_nonsense(asking: Asking, data: bytes) -> None:
    link = asking.link()
    link.socket.sendall(data)
    assert link.is_cut
    asking.session().ask(PingRequest())


def test_a_ping_is_answered_under_its_own_number(session: Session) -> None:
    session.send(encode_request(4711, PingRequest()))
    session.hear(Xid.PING, OpCode.PING)


def test_the_membership_is_a_node(servers: Ensemble, session: Session) -> None:
    config = session.get(GetDataRequest("/zookeeper/config", watch=False), GetDataResponse)
    members = servers.members
    lines = (config.data or b"").decode().splitlines()
    if len(members) == 1:
        assert lines == []  # who is alone has none
        return
    assert [line.partition("=")[0] for line in lines] == [
        *map("server.{}".format, members),
        "version",
    ]
