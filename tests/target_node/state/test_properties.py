"""Any sequence of requests, pipelined in any way."""

from __future__ import annotations

from collections.abc import Iterator

from hypothesis import given, settings
from hypothesis import strategies as st

from target_node.state.digest import node_digest, tree_hash
from target_node.state.image import read_image, write_image
from target_node.state.lifetime import Lifetime, lifetime_of
from target_node.state.paths import join
from target_node.state.prep import Prepared
from target_node.state.tree import Tree
from target_node.wire.client import Request
from target_node.wire.codes import CreateMode, ErrorCode
from target_node.wire.multi import MultiRequest
from target_node.wire.requests import CloseSessionRequest, CreateRequest, CreateSessionRequest
from target_node.wire.txn import (
    CreateTxn,
    ErrorTxn,
    MultiTxn,
    decode_txn,
    decode_txn_body,
    encode_txn,
)
from tests.target_node.state.leader import ALICE, BOB, Leader
from tests.target_node.state.model import Model, children
from tests.target_node.state.requests import requests, sessions

steps = st.lists(st.tuples(requests, sessions, st.integers(0, 3)), min_size=3, max_size=40)
Steps = list[tuple[Request, int, int]]  # a request, of which session, and how many to apply
many = settings(max_examples=120, deadline=None)


def errors_of(prepared: Prepared) -> list[ErrorCode]:
    match prepared.body:
        case ErrorTxn(code):
            return [ErrorCode(code)]
        case MultiTxn(parts):
            found = [decode_txn_body(part.type, part.data) for part in parts]
            codes = [ErrorCode(one.err) for one in found if isinstance(one, ErrorTxn)]
            assert not codes or len(codes) == len(parts)
            return codes
        case _:
            return []


def perform(leader: Leader, model: Model, some: Steps) -> None:
    """Each request is proposed, and some of what is pending applied, fewer or more."""
    for request, slot, commits in some:
        ask(leader, model, request, slot)
        leader.commit(min(commits, len(leader.pending)))
        check_invariants(leader.tree)
    leader.commit()


def ask(leader: Leader, model: Model, request: Request, slot: int) -> None:
    """A session that was closed is refused once; then another begins in its place."""
    session = model.slots.setdefault(slot, slot)
    prepared = leader.propose(request, session)
    assert errors_of(prepared[-1]) == model.ask(request, session)
    if session not in model.sessions and not isinstance(request, CloseSessionRequest):
        model.slots[slot] += 1
        model.sessions.add(model.slots[slot])
        leader.propose(CreateSessionRequest(30_000), model.slots[slot])


def check_structure(tree: Tree) -> None:
    """Whoever is a child is there, and whoever is there is a child."""
    listed = ["/"]
    for path, node in tree.nodes.items():
        listed += [join(path, name) for name in node.children]
    assert sorted(listed) == sorted(tree.nodes)


def check_invariants(tree: Tree) -> None:
    check_structure(tree)
    assert tree.digest == sum(node_digest(*one) for one in tree.nodes.items()) % (1 << 64)
    for session, paths in tree.all_ephemerals().items():
        assert session in tree.sessions  # I14
        assert all(tree.nodes[path].owner == session for path in paths)
    for path, node in tree.nodes.items():
        stat = node.stat()
        assert stat.mzxid >= stat.czxid  # I16
        assert stat.pzxid >= stat.czxid
        assert stat.cversion == 2 * node.cversion - len(node.children)
        assert (
            node.cversion >= len(node.children) or path.startswith(("/zookeeper",)) or path == "/"
        )
        if lifetime_of(node.owner) is Lifetime.SESSION:
            assert path in tree.ephemerals(node.owner)
            assert not node.children


@many
@given(steps)
def test_it_is_what_a_dictionary_would_be(some: Steps) -> None:
    leader = Leader()
    model = Model({ALICE, BOB})
    perform(leader, model, some)
    assert set(leader.tree.nodes) == set(model.state)
    for path, node in model.state.items():
        found = leader.tree.nodes[path]
        assert (found.data, found.version, found.aversion) == (
            node.data,
            node.version,
            node.aversion,
        )
        assert found.cversion == node.creates
        assert set(found.children) == children(model.state, path)
        assert (found.owner if found.owner > 0 else 0) == node.owner
    assert not len(leader.prep.outstanding)


@many
@given(steps)
def test_a_replica_that_only_applies_is_the_same(some: Steps) -> None:
    leader = Leader()
    perform(leader, Model({ALICE, BOB}), some)
    replica = Tree()
    for one in leader.log:
        txn = encode_txn(one.header, one.body)
        header, body, _ = decode_txn(txn)
        replica.apply(header, body, txn)
    check_same(replica, leader.tree)
    assert replica.chain == leader.tree.chain


def check_same(one: Tree, other: Tree) -> None:
    for path in {**one.nodes, **other.nodes}:
        mine, theirs = one.nodes.get(path), other.nodes.get(path)
        assert mine is not None, path
        assert theirs is not None, path
        assert mine.stat() == theirs.stat(), path
        assert set(mine.children) == set(theirs.children), path
    assert tree_hash(one) == tree_hash(other)
    assert one.digest == other.digest
    assert set(one.acls()) == set(other.acls())
    assert {s: set(p) for s, p in one.all_ephemerals().items()} == {
        s: set(p) for s, p in other.all_ephemerals().items()
    }
    assert set(one.overdue(1 << 60)) == set(other.overdue(1 << 60))
    check_invariants(one)


@settings(max_examples=250, deadline=None)
@given(steps, steps, st.integers(0, 3), st.lists(st.integers(0, 2), max_size=40))
def test_a_snapshot_written_meanwhile_and_the_log_are_the_tree(
    before: Steps, meanwhile: Steps, chunks_first: int, pace: list[int]
) -> None:
    leader, model = Leader(), Model({ALICE, BOB})
    perform(leader, model, before)
    zxid = leader.tree.last_zxid
    chunks = write_image(leader.tree, chunk_bytes=1)
    written = take(chunks, chunks_first)
    for at, (request, slot, commits) in enumerate(meanwhile):
        ask(leader, model, request, slot)
        leader.commit(min(commits, len(leader.pending)))
        written += take(chunks, pace[at] if at < len(pace) else 0)
    written += chunks
    leader.commit()
    restored = read_image(zxid, written)
    for one in leader.log:
        if one.header.zxid > zxid:
            restored.apply(one.header, one.body)
            check_structure(restored)
    check_same(restored, leader.tree)
    assert restored.chain == leader.tree.chain


def take(chunks: Iterator[bytes], count: int) -> list[bytes]:
    return [chunk for _, chunk in zip(range(count), chunks, strict=False)]


@many
@given(steps)
def test_sequential_names_of_a_parent_only_rise(some: Steps) -> None:
    leader = Leader()
    perform(leader, Model({ALICE, BOB}), some)
    asked = [
        part
        for request, _, _ in some
        for part in (request.operations if isinstance(request, MultiRequest) else (request,))
        if isinstance(part, CreateRequest) and CreateMode(part.flags).is_sequential
    ]
    last: dict[tuple[str, int], int] = {}
    births: dict[str, int] = {}
    suffixes = 0
    for one in leader.log:
        parts = [one.body]
        if isinstance(one.body, MultiTxn):
            parts = [decode_txn_body(part.type, part.data) for part in one.body.txns]
        for body in parts:
            if not isinstance(body, CreateTxn):
                continue
            births[body.path] = births.get(body.path, 0) + 1
            parent, name = body.path.rsplit("/", 1)
            if len(name) < 10 or not name[-10:].isdigit():
                continue
            suffixes += 1
            # Of one life of the parent: a new parent counts from the start.
            key = (parent, births.get(parent, 0))
            assert int(name[-10:]) > last.get(key, -1)  # I15
            last[key] = int(name[-10:])
    assert suffixes <= len(asked)
