"""Bugs that ZooKeeper or its kin had, in the order of the catalogue: none of them is here."""

from __future__ import annotations

import pytest

from target_node.state.image import read_image, write_image
from target_node.state.reply import answer_write, event_packet, reply_packet
from target_node.state.tree import Tree
from target_node.state.writes import next_version
from target_node.wire.client import ReplyHeader, split_reply
from target_node.wire.codes import CreateMode, ErrorCode, OpCode, Perms
from target_node.wire.data import ACL, ANYONE, OPEN_ACL_UNSAFE
from target_node.wire.jute import Malformed
from target_node.wire.multi import MultiRequest, MultiResponse
from target_node.wire.record import encode
from target_node.wire.replies import (
    Create2Response,
    CreateResponse,
    ErrorResponse,
    WatcherEvent,
)
from target_node.wire.requests import CheckVersionRequest, Create2Request, CreateContainerRequest
from target_node.wire.txn import (
    CloseSessionTxn,
    CreateTxn,
    CreateTxnV0,
    DeleteTxn,
    ErrorTxn,
    MultiTxn,
    Txn,
    TxnBody,
    TxnHeader,
    encode_txn,
)
from tests.target_node.state.leader import (
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
from tests.target_node.state.test_properties import check_same, check_structure


def replayed(leader: Leader, zxid: int, chunks: list[bytes]) -> Tree:
    restored = read_image(zxid, chunks)
    for one in leader.log:
        if one.header.zxid > zxid:
            restored.apply(one.header, one.body)
    return restored


def test_a_multi_of_zookeepers_that_failed() -> None:
    """It logs what stands before the refused part as if that were to be done."""
    tree = Tree()
    header = TxnHeader(ALICE, 1, 0x1_0000_0001, 1000, OpCode.MULTI)
    parts = [
        CreateTxn("/a", b"", OPEN_ACL_UNSAFE, ephemeral=False, parent_cversion=1),
        ErrorTxn(ErrorCode.BAD_VERSION),
        ErrorTxn(ErrorCode.RUNTIME_INCONSISTENCY),
    ]
    types = (OpCode.CREATE, OpCode.ERROR, OpCode.ERROR)
    logged = MultiTxn(tuple(Txn(t, encode(one)) for t, one in zip(types, parts, strict=True)))
    answer = answer_write(tree.apply(header, logged))
    assert answer is not None
    assert answer.response == MultiResponse(
        (
            ErrorResponse(ErrorCode.OK),
            ErrorResponse(ErrorCode.BAD_VERSION),
            ErrorResponse(ErrorCode.RUNTIME_INCONSISTENCY),
        )
    )
    assert "/a" not in tree.nodes


def test_40_check_outside_a_multi_is_unimplemented() -> None:
    """ZOOKEEPER-2623: it became a txn that nobody could read again."""
    leader = Leader()
    leader.ask(create("/a"))
    (prepared,) = leader.propose(CheckVersionRequest("/a", 0))
    assert prepared.body == ErrorTxn(ErrorCode.UNIMPLEMENTED)
    assert prepared.header.type == OpCode.ERROR


@pytest.mark.parametrize(
    ("version", "following"),
    [(0, 1), ((1 << 31) - 1, -(1 << 31)), (-(1 << 31), -(1 << 31) + 1), (-3, -2), (-2, 0)],
)
def test_41_a_version_never_becomes_any_version(version: int, following: int) -> None:
    """ZOOKEEPER-4743."""
    assert next_version(version) == following


def test_41_a_stale_version_fails_behind_the_wrap() -> None:
    leader = Leader()
    leader.ask(create("/a"))
    leader.tree.nodes["/a"].version = -2
    leader.ask(set_data("/a", version=-2))
    assert leader.tree.nodes["/a"].version == 0
    assert error_of(leader.propose(set_data("/a", version=-2))) == ErrorCode.BAD_VERSION


def test_42_a_nested_create2_answers_with_its_stat() -> None:
    """ZOOKEEPER-4026."""
    leader = Leader()
    container = CreateContainerRequest("/c", b"", OPEN_ACL_UNSAFE, CreateMode.CONTAINER)
    second = Create2Request("/b", b"", OPEN_ACL_UNSAFE, CreateMode.PERSISTENT)
    response = leader.ask(MultiRequest((create("/a"), second, container))).response
    assert isinstance(response, MultiResponse)
    assert [type(one) for one in response.results] == [
        CreateResponse,
        Create2Response,
        Create2Response,
    ]


def test_43_one_of_two_pipelined_writes_with_the_same_version_fails() -> None:
    leader = Leader()
    leader.ask(create("/a"))
    assert error_of(leader.propose(set_data("/a", b"mine", version=0))) is None
    assert error_of(leader.propose(set_data("/a", b"his", version=0), BOB)) == ErrorCode.BAD_VERSION


def test_44_a_failed_multi_leaves_nothing_outstanding() -> None:
    """ZOOKEEPER-1624: the parent's counter stayed raised."""
    leader = Leader()
    leader.ask(create("/q"))
    leader.propose(sequential("/q/n-"))
    leader.propose(MultiRequest((sequential("/q/n-"), set_data("/q", version=5))))
    leader.propose(MultiRequest((create("/q/x"), delete("/q"))))
    leader.propose(sequential("/q/n-"))
    leader.propose(create("/q/x"))
    leader.propose(set_data("/q", version=0))
    leader.commit()
    assert list(leader.tree.nodes["/q"].children) == ["n-0000000000", "n-0000000001", "x"]
    assert leader.tree.nodes["/q"].version == 1


def test_44_a_multi_applies_all_or_nothing_whatever_a_peer_sends() -> None:
    tree = Tree()
    parts = (
        Txn(OpCode.CREATE, encode(CreateTxn("/a", b"", OPEN_ACL_UNSAFE, False, 1))),
        Txn(OpCode.ERROR, encode(ErrorTxn(ErrorCode.NO_NODE))),
    )
    applied = tree.apply(TxnHeader(1, 1, 5, 5, OpCode.MULTI), MultiTxn(parts))
    assert "/a" not in tree.nodes
    assert applied.changes == ()


def test_44_a_multi_that_cannot_be_read_changes_nothing() -> None:
    tree = Tree()
    good = Txn(OpCode.CREATE, encode(CreateTxn("/a", b"", OPEN_ACL_UNSAFE, False, 1)))
    for bad in (Txn(OpCode.CREATE, b"\0"), Txn(99, b""), Txn(OpCode.DELETE, None)):
        with pytest.raises(Malformed):
            tree.apply(TxnHeader(1, 1, 5, 5, OpCode.MULTI), MultiTxn((good, bad)))
    check_same(tree, Tree())
    assert tree.last_zxid == 0


def test_45_a_sequential_name_is_never_used_again() -> None:
    """ZOOKEEPER-1046: not after deletes, not after a restart from a snapshot."""
    leader = Leader()
    leader.ask(create("/q"))
    zxid, chunks = leader.tree.last_zxid, write_image(leader.tree, chunk_bytes=1)
    for _ in range(3):
        leader.ask(sequential("/q/n-"))
    leader.ask(delete("/q/n-0000000002"))
    late = list(chunks)  # the parent is written with what came later, its children with less
    leader.ask(delete("/q/n-0000000001"))
    restored = replayed(leader, zxid, late)
    assert restored.nodes["/q"].cversion == 3
    check_same(restored, leader.tree)


def test_45_a_create_from_before_3_4_counts_too() -> None:
    tree = Tree()
    body = CreateTxnV0("/old", b"", OPEN_ACL_UNSAFE, ephemeral=False)
    tree.apply(TxnHeader(1, 1, 5, 5, OpCode.CREATE), body)
    assert tree.nodes["/"].cversion == 1


def test_46_a_node_may_have_got_an_acl_that_the_snapshots_table_lacks() -> None:
    """ZOOKEEPER-3306 and 4846: until replay has given it back, it admits nobody."""
    leader = Leader()
    leader.ask(create("/a"))
    zxid, chunks = leader.tree.last_zxid, write_image(leader.tree, chunk_bytes=1)
    late = (ACL(Perms.READ, ANYONE),)
    leader.ask(create("/a/b", acl=(*late, *OPEN_ACL_UNSAFE)))
    written = list(chunks)
    early = read_image(zxid, written).nodes["/a/b"].acl
    assert [one.perms for one in early] == [0]
    check_same(replayed(leader, zxid, written), leader.tree)


def test_49_apply_asks_the_txn_for_the_time() -> None:
    body = CreateTxn("/a", b"", OPEN_ACL_UNSAFE, False, 1)
    first, second = Tree(), Tree()
    for tree in (first, second):
        tree.apply(TxnHeader(1, 1, 5, 777, OpCode.CREATE), body)
    assert first.nodes["/a"].mtime_ms == 777
    check_same(first, second)


def test_50_no_create_comes_behind_the_close() -> None:
    """ZOOKEEPER-1208."""
    leader = Leader()
    leader.propose(ephemeral("/before"))
    leader.propose(CLOSE)
    assert error_of(leader.propose(ephemeral("/behind"))) == ErrorCode.SESSION_EXPIRED
    leader.commit()
    assert not {"/before", "/behind"} & set(leader.tree.nodes)


def test_50_an_expired_session_is_refused_before_its_close_is_proposed() -> None:
    leader = Leader()
    leader.now_ms += 60_000
    assert leader.sessions.expire(leader.now_ms) == (ALICE, BOB)
    assert error_of(leader.propose(ephemeral("/late"))) == ErrorCode.SESSION_EXPIRED
    assert error_of(leader.propose(CLOSE)) is None


def test_50_a_close_takes_what_its_txn_left_out() -> None:
    """ZOOKEEPER-2355: an ephemeral node of a dead session, for ever, on one replica."""
    for body in (CloseSessionTxn(("/a", "/missing")), CloseSessionTxn(()), None):
        leader = Leader()
        leader.ask(ephemeral("/a"))
        leader.ask(ephemeral("/b"))
        header = TxnHeader(ALICE, 9, leader.zxid + 1, 9, OpCode.CLOSE_SESSION)
        leader.tree.apply(header, body)
        assert leader.tree.all_ephemerals() == {}
        assert not {"/a", "/b"} & set(leader.tree.nodes)


def test_50_a_create_replayed_on_a_later_life_of_the_node() -> None:
    """The snapshot has another session's node of that name; replay must not mix the two."""
    leader = Leader()
    leader.ask(create("/slow"))
    zxid, chunks = leader.tree.last_zxid, write_image(leader.tree, chunk_bytes=1)
    written = [next(chunks)]
    leader.ask(create("/p"))
    leader.ask(ephemeral("/p/lock"))
    leader.ask(CLOSE)
    leader.ask(ephemeral("/p/lock"), BOB)
    restored = replayed(leader, zxid, [*written, *chunks])
    assert restored.all_ephemerals() == {BOB: ("/p/lock",)}
    check_same(restored, leader.tree)


def test_50_a_delete_replayed_on_a_later_life_of_the_node() -> None:
    """What the snapshot has below it is of that later life, and comes again with its own txn."""
    leader = Leader()
    leader.ask(create("/p"))
    zxid, chunks = leader.tree.last_zxid, write_image(leader.tree, chunk_bytes=1)
    written = [next(chunks)]
    leader.ask(delete("/p"))
    leader.ask(create("/p"))
    leader.ask(ephemeral("/p/e"))
    restored = read_image(zxid, [*written, *chunks])
    assert "/p/e" in restored.nodes
    for one in leader.log[-3:]:
        restored.apply(one.header, one.body)
        check_structure(restored)
    check_same(restored, leader.tree)


def test_52_a_close_too_large_for_a_packet_is_split() -> None:
    """ZOOKEEPER-4306: nobody could read the txn."""
    leader = Leader(most_close_bytes=400)
    leader.ask(create("/p"))
    for at in range(20):
        leader.ask(ephemeral(f"/p/{'x' * 50}{at}"))
    prepared = leader.propose(CLOSE)
    assert len(prepared) > 3
    zxids = [one.header.zxid for one in prepared]
    assert zxids == list(range(zxids[0], zxids[0] + len(prepared)))
    for one in prepared:
        assert len(encode_txn(one.header, one.body)) < 500
        assert (one.header.session == ALICE) == (one is prepared[-1])
    assert error_of(leader.propose(delete("/p"), BOB)) is None
    leader.commit()
    assert "/p" not in leader.tree.nodes
    assert ALICE not in leader.tree.sessions


def test_55_a_moved_session_gets_no_answer() -> None:
    leader = Leader()
    leader.ask(create("/a"))
    leader.sessions.revalidate(ALICE, 30_000, 2, leader.now_ms)
    leader.propose(set_data("/a"))
    assert answer_write(leader.commit()[-1]) is None


def test_57_a_replayed_close_raises_the_parents_pzxid() -> None:
    """ZOOKEEPER-3145: the parent was written before the close, its child never."""
    leader = Leader()
    leader.ask(create("/p"))
    leader.ask(ephemeral("/p/e"))
    zxid, chunks = leader.tree.last_zxid, write_image(leader.tree, chunk_bytes=1)
    written: list[bytes] = []
    while b"/p" not in b"".join(written):
        written.append(next(chunks))
    leader.ask(CLOSE)
    restored = replayed(leader, zxid, [*written, *chunks])
    assert restored.nodes["/p"].pzxid == leader.zxid
    check_same(restored, leader.tree)


def test_replies_carry_the_zxid_of_their_own_txn() -> None:
    """I13: what a client has seen never goes back."""
    leader = Leader()
    leader.propose(create("/a"))
    leader.propose(create("/b"))
    first, second = leader.commit()
    for applied in (first, second):
        answer = answer_write(applied)
        assert answer is not None
        header, _ = split_reply(reply_packet(7, answer))
        assert header == ReplyHeader(7, applied.zxid, 0)
    header, _ = split_reply(event_packet(WatcherEvent(1, 3, "/a"), first.zxid))
    assert header == ReplyHeader(-1, first.zxid, 0)


@pytest.mark.parametrize(
    "damage",
    [lambda image: image[:-3], lambda image: image + b"\0", lambda image: image[:40]],
)
def test_an_image_that_is_not_whole_is_malformed(damage: object) -> None:
    image = b"".join(write_image(Tree()))
    assert callable(damage)
    with pytest.raises(Malformed):
        read_image(1, [damage(image)])


def test_a_node_without_a_parent_has_no_place_in_an_image() -> None:
    leader = Leader()
    leader.ask(create("/a"))
    leader.ask(create("/a/b"))
    image = b"".join(write_image(leader.tree)).replace(b"\0\0\0\4/a/b", b"\0\0\0\4/c/b")
    with pytest.raises(Malformed, match="no place"):
        read_image(1, [image])


@pytest.mark.parametrize("path", [b"a/b", b"/\0/b", b"quit"])
def test_a_path_that_is_none_has_no_place_in_an_image(path: bytes) -> None:
    leader = Leader()
    leader.ask(create("/a-b"))
    written = b"".join(write_image(leader.tree))
    image = written.replace(b"\0\0\0\4/a-b", len(path).to_bytes(4, "big") + path)
    assert image != written
    with pytest.raises(Malformed, match="no place"):
        read_image(1, [image])


def test_a_chain_that_is_none_is_malformed() -> None:
    image = b"".join(write_image(Tree()))
    at = image.index(b"chain") + len(b"chain") + 4
    with pytest.raises(Malformed, match="no chain"):
        read_image(1, [image[:at] + b"g" + image[at + 1 :]])


def test_a_tree_has_a_root() -> None:
    nothing = encode_head() + b"\0\0\0\1/"
    with pytest.raises(Malformed, match="root"):
        read_image(1, [nothing])


def encode_head() -> bytes:
    """No sessions, no ACLs."""
    return bytes(8)


def test_txns_are_applied_in_order() -> None:
    tree = Tree()
    tree.exact = False
    body: TxnBody = DeleteTxn("/missing")
    applied = tree.apply(TxnHeader(1, 1, 5, 5, OpCode.DELETE), body)
    assert applied.err == ErrorCode.NO_NODE
    with pytest.raises(AssertionError, match="in order"):
        tree.apply(TxnHeader(1, 1, 5, 5, OpCode.DELETE), body)


def test_the_membership_is_written_by_each_server_for_itself() -> None:
    tree = Tree()
    tree.set_config(b"server.1=...", 0x100000000)
    stat = tree.nodes["/zookeeper/config"].stat()
    assert (stat.version, stat.mzxid, stat.data_length) == (-1, 0x100000000, 12)
