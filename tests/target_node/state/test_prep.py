"""What becomes of a request, as a client sees it."""

from __future__ import annotations

import pytest

from target_node.state.acl import digest_of
from target_node.state.writes import Asker
from target_node.wire.client import Request
from target_node.wire.codes import CreateMode, ErrorCode, OpCode, Perms
from target_node.wire.data import ACL, OPEN_ACL_UNSAFE, READ_ACL_UNSAFE, Id, Stat
from target_node.wire.multi import CheckResult, DeleteResult, MultiRequest, MultiResponse
from target_node.wire.replies import (
    Create2Response,
    CreateResponse,
    ErrorResponse,
    GetDataResponse,
    SetACLResponse,
    SetDataResponse,
)
from target_node.wire.requests import (
    CheckVersionRequest,
    Create2Request,
    CreateContainerRequest,
    CreateTTLRequest,
    DeleteContainerRequest,
    GetDataRequest,
    ReconfigRequest,
    SetACLRequest,
)
from target_node.wire.txn import CloseSessionTxn, CreateTxn, ErrorTxn, MultiTxn
from tests.target_node.state.leader import (
    ADDRESS,
    ALICE,
    BOB,
    CLOSE,
    Leader,
    create,
    delete,
    ephemeral,
    error_of,
    sequential,
    set_data,
)

CAROL = Id("digest", digest_of("carol:secret"))
CAROLS = (ACL(Perms.ALL, CAROL),)


def stat_of(leader: Leader, path: str) -> Stat:
    response = leader.read(GetDataRequest(path, watch=False)).response
    assert isinstance(response, GetDataResponse)
    return response.stat


def test_the_life_of_a_node() -> None:
    leader = Leader()
    first = leader.zxid + 1
    assert leader.ask(create("/a", b"one")).response == CreateResponse("/a")
    born_ms = leader.now_ms
    assert stat_of(leader, "/a") == Stat(first, first, born_ms, born_ms, 0, 0, 0, 0, 3, 0, first)
    answer = leader.ask(set_data("/a", b"four", version=0))
    assert answer.response == SetDataResponse(
        Stat(first, first + 1, born_ms, leader.now_ms, 1, 0, 0, 0, 4, 0, first)
    )
    changed_ms = leader.now_ms
    leader.ask(ephemeral("/a/b"))
    leader.ask(create("/a/c"))
    leader.ask(delete("/a/b"))
    assert stat_of(leader, "/a") == Stat(
        first, first + 1, born_ms, changed_ms, 1, 3, 0, 0, 4, 1, first + 4
    )
    assert leader.ask(delete("/a", version=1)).err == ErrorCode.NOT_EMPTY
    leader.ask(delete("/a/c"))
    assert leader.ask(delete("/a", version=0)).err == ErrorCode.BAD_VERSION
    assert leader.ask(delete("/a", version=1)).err == ErrorCode.OK
    assert leader.read(GetDataRequest("/a", watch=False)).err == ErrorCode.NO_NODE


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        (create("/missing/x"), ErrorCode.NO_NODE),
        (create("/there"), ErrorCode.NODE_EXISTS),
        (create("/brief/x"), ErrorCode.NO_CHILDREN_FOR_EPHEMERALS),
        (create("there"), ErrorCode.BAD_ARGUMENTS),
        (create("/x/"), ErrorCode.NO_NODE),
        (create("/there/"), ErrorCode.BAD_ARGUMENTS),
        (create("/there/.."), ErrorCode.BAD_ARGUMENTS),
        (create("/x", acl=()), ErrorCode.INVALID_ACL),
        (create("/x", acl=None), ErrorCode.INVALID_ACL),
        (create("/missing/x", acl=()), ErrorCode.INVALID_ACL),
        (create("/hers/x"), ErrorCode.NO_AUTH),
        (create("/"), ErrorCode.NODE_EXISTS),
        (create("/x", mode=CreateMode.CONTAINER), ErrorCode.BAD_ARGUMENTS),
        (create("/x", mode=CreateMode.PERSISTENT_WITH_TTL), ErrorCode.BAD_ARGUMENTS),
        (Create2Request("/x", b"", OPEN_ACL_UNSAFE, 99), ErrorCode.BAD_ARGUMENTS),
        (CreateTTLRequest("/x", b"", OPEN_ACL_UNSAFE, 5, 0), ErrorCode.BAD_ARGUMENTS),
        (CreateTTLRequest("/x", b"", OPEN_ACL_UNSAFE, 5, 1 << 40), ErrorCode.BAD_ARGUMENTS),
        (CreateTTLRequest("/x", b"", OPEN_ACL_UNSAFE, 0, 5), ErrorCode.BAD_ARGUMENTS),
        (delete("/"), ErrorCode.BAD_ARGUMENTS),
        (delete("/zookeeper/config"), ErrorCode.BAD_ARGUMENTS),
        (delete("/missing"), ErrorCode.NO_NODE),
        (delete("/hers/x"), ErrorCode.NO_AUTH),
        (delete("/there", version=7), ErrorCode.BAD_VERSION),
        (set_data("/missing"), ErrorCode.NO_NODE),
        (set_data("/hers"), ErrorCode.NO_AUTH),
        (set_data("/there", version=7), ErrorCode.BAD_VERSION),
        (set_data("/zookeeper/config"), ErrorCode.NO_AUTH),
        (SetACLRequest("/hers", OPEN_ACL_UNSAFE, -1), ErrorCode.NO_AUTH),
        (SetACLRequest("/there", OPEN_ACL_UNSAFE, 7), ErrorCode.BAD_VERSION),
        (SetACLRequest("/there", (), -1), ErrorCode.INVALID_ACL),
        (DeleteContainerRequest("/there"), ErrorCode.UNIMPLEMENTED),
        (ReconfigRequest(None, None, None, -1), ErrorCode.RECONFIG_DISABLED),
        (GetDataRequest("/there", watch=False), ErrorCode.UNIMPLEMENTED),
    ],
    ids=lambda one: repr(one)[:60],
)
def test_a_refused_request_takes_a_zxid_and_changes_nothing(
    request_: Request, code: ErrorCode
) -> None:
    leader = Leader()
    leader.ask(create("/there"))
    leader.ask(ephemeral("/brief"))
    leader.ask(create("/hers", acl=(*CAROLS, ACL(Perms.READ, Id("world", "anyone")))))
    before, digest = leader.zxid, leader.tree.digest
    answer = leader.ask(request_)
    assert (answer.err, answer.response, answer.zxid) == (code, None, before + 1)
    assert leader.tree.digest == digest
    assert leader.tree.last_zxid == before + 1
    assert not len(leader.prep.outstanding)


def test_sequential_names_count_the_creates() -> None:
    leader = Leader()
    leader.ask(create("/q"))
    names = []
    for request in (sequential("/q/n-"), create("/q/plain"), sequential("/q/"), delete("/q/plain")):
        response = leader.ask(request).response
        names += [response.path] if isinstance(response, CreateResponse) else []
    names += [
        prepared[0].body.path
        for prepared in (leader.propose(sequential("/q/n-")), leader.propose(sequential("/q/n-")))
        if isinstance(prepared[0].body, CreateTxn)
    ]
    assert names == [
        "/q/n-0000000000",
        "/q/plain",
        "/q/0000000002",
        "/q/n-0000000003",
        "/q/n-0000000004",
    ]


def test_pipelined_requests_see_each_other() -> None:
    leader = Leader()
    refusals = [
        error_of(leader.propose(request))
        for request in (
            create("/a"),
            create("/a/b"),
            delete("/a"),
            create("/a/b"),
            delete("/a/b", version=0),
            set_data("/a", version=0),
            set_data("/a", version=0),
            delete("/a", version=1),
            create("/a/c"),
            create("/a"),
            set_data("/a", version=0),
        )
    ]
    assert refusals == [
        None,
        None,
        ErrorCode.NOT_EMPTY,
        ErrorCode.NODE_EXISTS,
        None,
        None,
        ErrorCode.BAD_VERSION,
        None,
        ErrorCode.NO_NODE,
        None,
        None,
    ]
    assert "/a" not in leader.tree.nodes
    leader.commit()
    assert stat_of(leader, "/a").version == 1
    assert not len(leader.prep.outstanding)


def test_what_is_proposed_is_forgotten_with_the_term() -> None:
    leader = Leader()
    leader.propose(create("/a"))
    leader.prep.discard()
    leader.pending.clear()
    assert not len(leader.prep.outstanding)
    assert error_of(leader.propose(create("/a"))) is None


def test_a_multi_is_one_txn() -> None:
    leader = Leader()
    request = MultiRequest(
        (
            create("/a"),
            Create2Request("/a/b", b"xy", OPEN_ACL_UNSAFE, CreateMode.EPHEMERAL),
            set_data("/a", b"new", version=0),
            CheckVersionRequest("/a", 1),
            delete("/a/b"),
        )
    )
    before = leader.zxid
    answer = leader.ask(request)
    zxid, now = before + 1, leader.now_ms
    assert leader.tree.last_zxid == zxid
    assert answer.err == ErrorCode.OK
    assert answer.response == MultiResponse(
        (
            CreateResponse("/a"),
            Create2Response("/a/b", Stat(zxid, zxid, now, now, 0, 0, 0, ALICE, 2, 0, zxid)),
            SetDataResponse(Stat(zxid, zxid, now, now, 1, 1, 0, 0, 3, 1, zxid)),
            CheckResult(),
            DeleteResult(),
        )
    )


def test_a_multi_that_fails_says_where() -> None:
    leader = Leader()
    answer = leader.ask(
        MultiRequest((create("/a"), delete("/missing"), create("/b"), create("/c")))
    )
    assert answer.err == ErrorCode.OK
    assert answer.response == MultiResponse(
        (
            ErrorResponse(ErrorCode.OK),
            ErrorResponse(ErrorCode.NO_NODE),
            ErrorResponse(ErrorCode.RUNTIME_INCONSISTENCY),
            ErrorResponse(ErrorCode.RUNTIME_INCONSISTENCY),
        )
    )
    assert not {"/a", "/b", "/c"} & set(leader.tree.nodes)


def test_a_closing_session_takes_its_nodes_along() -> None:
    leader = Leader()
    leader.ask(create("/a"))
    leader.ask(ephemeral("/a/applied"))
    leader.ask(ephemeral("/a/deleted"))
    leader.ask(ephemeral("/a/bobs"), BOB)
    leader.propose(ephemeral("/a/proposed"))
    leader.propose(delete("/a/deleted"), BOB)
    (close,) = leader.propose(CLOSE)
    assert close.body == CloseSessionTxn(("/a/applied", "/a/proposed"))
    assert error_of(leader.propose(delete("/a/applied"), BOB)) == ErrorCode.NO_NODE
    assert error_of(leader.propose(ephemeral("/a/late"))) == ErrorCode.SESSION_EXPIRED
    leader.commit()
    assert list(leader.tree.nodes["/a"].children) == ["bobs"]
    assert ALICE not in leader.tree.sessions
    assert leader.tree.all_ephemerals() == {BOB: ("/a/bobs",)}
    assert error_of(leader.propose(create("/x"))) == ErrorCode.SESSION_EXPIRED


def test_the_parent_of_a_closing_sessions_node_may_be_deleted_behind_it() -> None:
    leader = Leader()
    leader.ask(create("/a"))
    leader.ask(ephemeral("/a/e"))
    leader.propose(CLOSE)
    assert error_of(leader.propose(delete("/a"), BOB)) is None
    leader.commit()
    assert "/a" not in leader.tree.nodes


def test_containers_and_nodes_with_a_time_to_live() -> None:
    leader = Leader()
    container = CreateContainerRequest("/c", b"", OPEN_ACL_UNSAFE, CreateMode.CONTAINER)
    lasting = CreateTTLRequest("/t", b"", OPEN_ACL_UNSAFE, CreateMode.PERSISTENT_WITH_TTL, 500)
    for request in (container, lasting):
        response = leader.ask(request).response
        assert isinstance(response, Create2Response)
        assert response.stat.ephemeral_owner == 0
    born_ms = leader.now_ms
    assert leader.tree.overdue(born_ms + 500) == ()  # a container is not new for ever
    leader.ask(create("/c/child"))
    assert leader.tree.overdue(born_ms + 501) == ("/t",)
    leader.propose(delete("/c/child"))
    assert error_of(leader.propose(DeleteContainerRequest("/c"), 0)) is None
    assert error_of(leader.propose(create("/t/child"))) is None
    assert error_of(leader.propose(DeleteContainerRequest("/t"), 0)) == ErrorCode.NOT_EMPTY
    leader.commit()
    assert "/c" not in leader.tree.nodes
    assert leader.tree.overdue(born_ms + 10_000) == ()
    leader.ask(create("/plain"))
    assert error_of(leader.propose(DeleteContainerRequest("/plain"), 0)) == ErrorCode.BAD_VERSION


def test_an_acl_binds_what_is_asked_behind_it() -> None:
    leader = Leader()
    leader.ask(create("/a"))
    leader.propose(SetACLRequest("/a", READ_ACL_UNSAFE, 0))
    assert error_of(leader.propose(set_data("/a"))) == ErrorCode.NO_AUTH
    assert error_of(leader.propose(create("/a/b"))) == ErrorCode.NO_AUTH
    leader.commit()
    assert stat_of(leader, "/a").aversion == 1


def test_auth_means_who_asks() -> None:
    leader = Leader()
    mine = (ACL(Perms.ALL, Id("auth", None)),)
    assert error_of(leader.propose(create("/a", acl=mine))) == ErrorCode.INVALID_ACL
    assert error_of(leader.propose(create("/a", acl=mine), ids=(*ADDRESS, CAROL))) is None
    leader.commit()
    assert leader.tree.nodes["/a"].acl == CAROLS
    response = leader.ask(SetACLRequest("/a", READ_ACL_UNSAFE, 0), ids=(CAROL,)).response
    assert isinstance(response, SetACLResponse)
    assert response.stat.aversion == 1


def test_nobody_may_speak_for_a_session_that_is_elsewhere() -> None:
    leader = Leader()
    leader.ask(create("/a"))
    leader.sessions.revalidate(ALICE, 30_000, 3, leader.now_ms)
    assert error_of(leader.propose(delete("/a"))) == ErrorCode.SESSION_MOVED
    multi = leader.propose(MultiRequest((delete("/a"),)))
    assert error_of(multi) == ErrorCode.SESSION_MOVED
    assert not isinstance(multi[0].body, MultiTxn)


def test_a_request_that_cannot_be_read_is_refused_in_its_turn() -> None:
    leader = Leader()
    refused = leader.prep.refuse(7, Asker(ALICE, 3, 1), ErrorCode.MARSHALLING_ERROR, 55)
    assert refused.body == ErrorTxn(ErrorCode.MARSHALLING_ERROR)
    assert (refused.header.type, refused.header.cxid) == (OpCode.ERROR, 3)
