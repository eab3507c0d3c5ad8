"""Who is told what, and when."""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from target_node.state.acl import digest_of
from target_node.state.watches import Mode
from target_node.wire.client import Request
from target_node.wire.codes import AddWatchMode, ErrorCode, EventType, Perms, WatcherType
from target_node.wire.data import ACL, OPEN_ACL_UNSAFE, Id
from target_node.wire.multi import MultiReadRequest, MultiRequest, MultiResponse
from target_node.wire.replies import (
    ErrorResponse,
    GetACLResponse,
    GetAllChildrenNumberResponse,
    GetChildren2Response,
    GetChildrenResponse,
    GetDataResponse,
    GetEphemeralsResponse,
    WatcherEvent,
    WhoAmIResponse,
)
from target_node.wire.requests import (
    AddWatchRequest,
    CheckWatchesRequest,
    ExistsRequest,
    GetACLRequest,
    GetAllChildrenNumberRequest,
    GetChildren2Request,
    GetChildrenRequest,
    GetDataRequest,
    GetEphemeralsRequest,
    RemoveWatchesRequest,
    SetACLRequest,
    SetWatches2Request,
    SetWatchesRequest,
    SyncRequest,
    WhoAmIRequest,
)
from tests.target_node.state.leader import (
    ADDRESS,
    BOB,
    CLOSE,
    Leader,
    create,
    delete,
    ephemeral,
    set_data,
)
from tests.target_node.state.requests import paths, sessions, writes

CREATED, DELETED = EventType.NODE_CREATED, EventType.NODE_DELETED
CHANGED, CHILDREN = EventType.NODE_DATA_CHANGED, EventType.NODE_CHILDREN_CHANGED
CAROL = Id("digest", digest_of("carol:secret"))
HERS = (ACL(Perms.ALL, CAROL),)


def test_a_watch_of_a_read_tells_once() -> None:
    leader = Leader()
    leader.ask(create("/a"))
    leader.read(GetDataRequest("/a", watch=True))
    leader.ask(set_data("/a"))
    leader.ask(set_data("/a"))
    assert leader.events() == [(1, CHANGED, "/a")]
    assert not len(leader.watches)


def test_exists_waits_for_a_node() -> None:
    leader = Leader()
    assert leader.read(ExistsRequest("/a", watch=True)).err == ErrorCode.NO_NODE
    leader.ask(create("/a"))
    assert leader.events() == [(1, CREATED, "/a")]


def test_a_read_that_fails_sets_no_watch() -> None:
    leader = Leader()
    for request in (
        GetDataRequest("/a", watch=True),
        GetChildrenRequest("/a", watch=True),
        GetChildren2Request("/a", watch=True),
    ):
        assert leader.read(request).err == ErrorCode.NO_NODE
    assert not len(leader.watches)


def test_a_delete_tells_once_whoever_watched_data_and_children() -> None:
    leader = Leader()
    leader.ask(create("/a"))
    leader.ask(create("/a/b"))
    leader.read(GetDataRequest("/a/b", watch=True), 1)
    leader.read(GetChildrenRequest("/a/b", watch=True), 1)
    leader.read(GetChildrenRequest("/a/b", watch=True), 2)
    leader.read(GetChildren2Request("/a", watch=True), 3)
    leader.ask(delete("/a/b"))
    assert leader.events() == [(1, DELETED, "/a/b"), (2, DELETED, "/a/b"), (3, CHILDREN, "/a")]


def test_a_persistent_watch_stays() -> None:
    leader = Leader()
    leader.read(AddWatchRequest("/a", AddWatchMode.PERSISTENT))
    for request in (create("/a"), create("/a/b"), set_data("/a/b"), set_data("/a")):
        leader.ask(request)
    leader.ask(delete("/a/b"))
    leader.ask(delete("/a"))
    assert leader.events() == [
        (1, CREATED, "/a"),
        (1, CHILDREN, "/a"),
        (1, CHANGED, "/a"),
        (1, CHILDREN, "/a"),
        (1, DELETED, "/a"),
    ]


def test_a_recursive_watch_tells_of_all_below_but_not_of_children() -> None:
    leader = Leader()
    leader.read(AddWatchRequest("/a", AddWatchMode.PERSISTENT_RECURSIVE))
    for request in (create("/ab"), create("/a"), create("/a/b"), create("/a/b/c")):
        leader.ask(request)
    leader.ask(set_data("/a/b/c"))
    leader.ask(delete("/a/b/c"))
    assert leader.events() == [
        (1, CREATED, "/a"),
        (1, CREATED, "/a/b"),
        (1, CREATED, "/a/b/c"),
        (1, CHANGED, "/a/b/c"),
        (1, DELETED, "/a/b/c"),
    ]


def test_setting_an_acl_tells_nobody_and_a_failed_multi_neither() -> None:
    leader = Leader()
    leader.ask(create("/a"))
    leader.read(AddWatchRequest("/", AddWatchMode.PERSISTENT_RECURSIVE))
    leader.ask(SetACLRequest("/a", OPEN_ACL_UNSAFE, -1))
    leader.ask(MultiRequest((set_data("/a"), delete("/missing"))))
    assert leader.events() == []


def test_a_multi_tells_in_its_order() -> None:
    leader = Leader()
    leader.read(AddWatchRequest("/", AddWatchMode.PERSISTENT_RECURSIVE))
    leader.ask(MultiRequest((create("/a"), set_data("/a"), delete("/a"))))
    assert leader.events() == [(1, CREATED, "/a"), (1, CHANGED, "/a"), (1, DELETED, "/a")]


def test_a_closing_session_tells_of_each_node() -> None:
    leader = Leader()
    leader.ask(create("/a"))
    leader.ask(ephemeral("/a/x"), BOB)
    leader.ask(ephemeral("/a/y"), BOB)
    leader.read(ExistsRequest("/a/y", watch=True))
    leader.read(GetChildrenRequest("/a", watch=True))
    leader.ask(CLOSE, BOB)
    assert leader.events() == [(1, CHILDREN, "/a"), (1, DELETED, "/a/y")]


def test_who_may_not_read_is_not_told() -> None:
    leader = Leader()
    leader.ids[2] = (*ADDRESS, CAROL)
    for connection in (1, 2):
        leader.read(ExistsRequest("/hers", watch=True), connection)
        leader.read(AddWatchRequest("/hers", AddWatchMode.PERSISTENT_RECURSIVE), connection)
    leader.ask(create("/hers", acl=HERS))
    leader.ask(create("/hers/below", acl=HERS), ids=(CAROL,))
    assert leader.events() == [(2, CREATED, "/hers"), (2, CREATED, "/hers/below")]
    leader.read(GetChildrenRequest("/hers", watch=True), 2)
    leader.ids[2] = ADDRESS
    leader.ask(delete("/hers/below"), ids=(CAROL,))
    assert leader.events() == []


def test_no_stat_without_permission_to_read() -> None:
    """ZOOKEEPER-2590: exists told everyone everything but the data."""
    leader = Leader()
    leader.ask(create("/hers", acl=HERS))
    for request in (
        ExistsRequest("/hers", watch=True),
        GetDataRequest("/hers", watch=True),
        GetChildrenRequest("/hers", watch=True),
        GetChildren2Request("/hers", watch=True),
        GetACLRequest("/hers"),
        GetAllChildrenNumberRequest("/hers"),
    ):
        answer = leader.read(request)
        assert (answer.err, answer.response) == (ErrorCode.NO_AUTH, None)
    assert not len(leader.watches)


def test_watch_modes_on_one_path_add_up() -> None:
    """ZOOKEEPER-4466: the last mode replaced the others."""
    leader = Leader()
    leader.ask(create("/a"))
    leader.read(AddWatchRequest("/a", AddWatchMode.PERSISTENT))
    leader.read(AddWatchRequest("/a", AddWatchMode.PERSISTENT_RECURSIVE))
    leader.read(GetDataRequest("/a", watch=True))
    leader.ask(set_data("/a"))
    leader.ask(create("/a/b"))
    leader.ask(set_data("/a"))
    assert leader.events() == [
        (1, CHANGED, "/a"),
        (1, CREATED, "/a/b"),
        (1, CHILDREN, "/a"),
        (1, CHANGED, "/a"),
    ]


def test_removing_one_mode_leaves_the_others() -> None:
    """ZOOKEEPER-4471 and 4472."""
    leader = Leader()
    leader.ask(create("/a"))
    watches = leader.watches

    def arm() -> None:
        watches.watch_data(1, "/a")
        watches.watch_children(1, "/a")
        watches.add(1, "/a", Mode.PERSISTENT)
        watches.add(1, "/a", Mode.PERSISTENT_RECURSIVE)

    kinds = [*WatcherType]
    kinds.remove(WatcherType.ANY)
    for removed in kinds:
        arm()
        assert leader.read(RemoveWatchesRequest("/a", removed)).err == ErrorCode.OK
        for kind in kinds:
            err = ErrorCode.NO_WATCHER if kind is removed else ErrorCode.OK
            assert leader.read(CheckWatchesRequest("/a", kind)).err == err
        assert leader.read(RemoveWatchesRequest("/a", removed)).err == ErrorCode.NO_WATCHER
    assert leader.read(CheckWatchesRequest("/a", WatcherType.ANY), 2).err == ErrorCode.NO_WATCHER
    assert leader.read(RemoveWatchesRequest("/a", WatcherType.ANY)).err == ErrorCode.OK
    assert not len(watches)
    assert leader.read(RemoveWatchesRequest("/a", 9)).err == ErrorCode.MARSHALLING_ERROR
    assert leader.read(AddWatchRequest("/a", 9)).err == ErrorCode.MARSHALLING_ERROR


def test_watches_die_with_their_connection() -> None:
    leader = Leader()
    for connection in (1, 2):
        leader.watches.watch_data(connection, "/a")
        leader.watches.watch_children(connection, "/")
        leader.watches.add(connection, "/", Mode.PERSISTENT)
    leader.watches.drop(1)
    leader.watches.drop(7)
    leader.ask(create("/a"))
    assert leader.events() == [(2, CREATED, "/a"), (2, CHILDREN, "/")]
    leader.watches.drop(2)
    assert not len(leader.watches)
    assert list(leader.watches.all()) == []


def test_a_client_that_comes_back_learns_what_it_missed() -> None:
    """Without a gap (bug 57): either the event, or the watch is armed."""
    leader = Leader()
    for path in ("/same", "/changed", "/gone", "/parent", "/quiet", "/empty"):
        leader.ask(create(path))
    leader.ask(create("/empty/last"))
    seen = leader.tree.last_zxid
    leader.ask(set_data("/changed"))
    leader.ask(delete("/gone"))
    leader.ask(create("/parent/child"))
    leader.ask(create("/new"))
    leader.ask(delete("/empty/last"))
    data = ("/same", "/changed", "/gone", "/parent")
    exist = ("/new", "/still-missing")
    child = ("/parent", "/quiet", "/gone", "/empty", "/changed")
    answer = leader.read(SetWatches2Request(seen, data, exist, child, ("/p",), ("/",)))
    assert [(one.type, one.path) for one in answer.events] == [
        (CHANGED, "/changed"),
        (DELETED, "/gone"),
        (CREATED, "/new"),
        (CHILDREN, "/parent"),
        (DELETED, "/gone"),
        (CHILDREN, "/empty"),
    ]
    assert (answer.err, answer.response) == (ErrorCode.OK, None)
    assert [path for path, _ in leader.watches.all()] == [
        *("/same", "/parent", "/still-missing", "/p", "/"),
        *("/quiet", "/changed", "/p"),
    ]
    leader.ask(create("/hers", acl=HERS))
    assert leader.read(SetWatchesRequest(seen, ("/hers",), ("/hers",), ())).events == ()


def test_pzxid_is_raised_by_a_closing_session() -> None:
    """ZOOKEEPER-3145: a client that came back was not told that the children changed."""
    leader = Leader()
    leader.ask(create("/a"))
    leader.ask(ephemeral("/a/e"), BOB)
    seen = leader.tree.last_zxid
    leader.ask(CLOSE, BOB)
    answer = leader.read(SetWatchesRequest(seen, (), (), ("/a",)))
    assert answer.events == (WatcherEvent(CHILDREN, 3, "/a"),)


def test_other_reads() -> None:
    leader = Leader()
    for request in (create("/a", b"d"), create("/a/b"), create("/a/b/c"), ephemeral("/a/e")):
        leader.ask(request)
    leader.ask(ephemeral("/f"))
    leader.ids[1] = (*ADDRESS, CAROL)

    def response(request: Request) -> object:
        answer = leader.read(request)
        assert answer.zxid == leader.tree.last_zxid
        return answer.response

    assert response(GetAllChildrenNumberRequest("/a")) == GetAllChildrenNumberResponse(3)
    assert response(GetAllChildrenNumberRequest("/")) == GetAllChildrenNumberResponse(8)
    assert response(GetEphemeralsRequest("/")) == GetEphemeralsResponse(("/a/e", "/f"))
    assert response(GetEphemeralsRequest("/a")) == GetEphemeralsResponse(("/a/e",))
    assert response(GetChildrenRequest("/a", watch=False)) == GetChildrenResponse(("b", "e"))
    stat = leader.tree.nodes["/a"].stat()
    assert response(GetChildren2Request("/a", watch=False)) == GetChildren2Response(
        ("b", "e"), stat
    )
    assert response(MultiReadRequest((GetDataRequest("/a", watch=False),))) == MultiResponse(
        (GetDataResponse(b"d", stat),)
    )
    missing = (GetChildrenRequest("/x", watch=True), GetChildrenRequest("/f", watch=False))
    assert response(MultiReadRequest(missing)) == MultiResponse(
        (ErrorResponse(ErrorCode.NO_NODE), GetChildrenResponse(()))
    )
    who = response(WhoAmIRequest())
    assert isinstance(who, WhoAmIResponse)
    assert [(one.auth_scheme, one.user) for one in who.client_info] == [
        ("ip", "10.0.0.7"),
        ("digest", "carol"),
    ]
    assert isinstance(response(GetACLRequest("/a")), GetACLResponse)
    assert leader.read(SyncRequest("/")).err == ErrorCode.UNIMPLEMENTED
    assert leader.read(ExistsRequest("/\0", watch=True)).err == ErrorCode.BAD_ARGUMENTS


@dataclass
class Armed:
    """What each connection should hear, kept as plain sets."""

    data: set[tuple[int, str]] = field(default_factory=set)
    child: set[tuple[int, str]] = field(default_factory=set)
    persistent: set[tuple[int, str]] = field(default_factory=set)
    recursive: set[tuple[int, str]] = field(default_factory=set)

    def hear(self, type_: EventType, path: str) -> set[tuple[int, EventType, str]]:
        """For one change of one node, and for its parent's children if they changed by it."""
        heard = {who for who, at in self.data | self.persistent if at == path}
        heard |= {
            who for who, at in self.recursive if (path + "/").startswith(at.rstrip("/") + "/")
        }
        self.data -= {(who, path) for who in range(9)}
        if type_ is DELETED:
            heard |= {who for who, at in self.child if at == path}
            self.child -= {(who, path) for who in range(9)}
        events = {(who, type_, path) for who in heard}
        if type_ is not CHANGED:
            parent = path[: path.rindex("/")] or "/"
            events |= {
                (who, CHILDREN, parent) for who, at in self.child | self.persistent if at == parent
            }
            self.child -= {(who, parent) for who in range(9)}
        return events


watching = st.one_of(
    st.builds(GetDataRequest, paths, st.just(value=True)),
    st.builds(ExistsRequest, paths, st.just(value=True)),
    st.builds(GetChildrenRequest, paths, st.just(value=True)),
    st.builds(AddWatchRequest, paths, st.sampled_from([*AddWatchMode])),
)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.one_of(st.tuples(watching, st.integers(1, 3)), st.tuples(writes, sessions)), max_size=40
    )
)
def test_every_armed_watch_fires_at_the_right_txn(some: list[tuple[Request, int]]) -> None:
    leader, armed = Leader(), Armed()
    for request, who in some:
        if who < 9:
            answer = leader.read(request, who)
            match request:
                case AddWatchRequest(path, AddWatchMode.PERSISTENT):
                    armed.persistent.add((who, path))
                case AddWatchRequest(path, _):
                    armed.recursive.add((who, path))
                case ExistsRequest(path, _):
                    armed.data.add((who, path))
                case GetDataRequest(path, _) if not answer.err:
                    armed.data.add((who, path))
                case GetChildrenRequest(path, _) if not answer.err:
                    armed.child.add((who, path))
            continue
        before = {path: node.mzxid for path, node in leader.tree.nodes.items()}
        leader.ask(request, who)
        after = {path: node.mzxid for path, node in leader.tree.nodes.items()}
        expected: set[tuple[int, EventType, str]] = set()
        for path in {**before, **after}:
            if path not in after:
                expected |= armed.hear(DELETED, path)
            elif path not in before:
                expected |= armed.hear(CREATED, path)
            elif before[path] != after[path]:
                expected |= armed.hear(CHANGED, path)
        events = leader.events()
        assert len(events) == len(set(events))
        assert set(events) == expected
