"""Which nodes and sessions are there, and what does a txn make of them?

Rules of this file:
1. The outcome of `apply` depends on the tree and the txn alone: all replicas do the same.
2. A snapshot is written while txns are applied, so it may hold effects of txns that are replayed on
   it. Replay mends that: what a txn creates is new whatever was there, what it deletes is gone with
   all below, counters of a parent only rise, everything else is set and not counted up. So each
   node is right from its last create on, or right all the time.
3. `last_zxid` moves once the whole txn has been applied, a multi too.
4. A tree that no snapshot was read into is `exact`: what rule 2 mends cannot be, and is asserted.
"""

from __future__ import annotations

from collections.abc import Iterator

from target_node.state.changes import Applied, Change, Created, DataSet, Deleted
from target_node.state.digest import Chain, node_digest
from target_node.state.lifetime import (
    CONTAINER_OWNER,
    Lifetime,
    lifetime_of,
    owner_with_ttl,
    ttl_of,
)
from target_node.state.paths import CONFIG, QUOTA, RESERVED, ROOT, join, split
from target_node.state.refusal import Refused
from target_node.state.registers import ACLTable, Owners
from target_node.state.znode import ZNode, as_int
from target_node.wire.codes import ErrorCode, OpCode
from target_node.wire.data import ACL, OPEN_ACL_UNSAFE, READ_ACL_UNSAFE, Stat
from target_node.wire.txn import (
    CheckVersionTxn,
    CloseSessionTxn,
    CreateContainerTxn,
    CreateSessionTxn,
    CreateTTLTxn,
    CreateTxn,
    CreateTxnV0,
    DeleteTxn,
    ErrorTxn,
    MultiTxn,
    SetACLTxn,
    SetDataTxn,
    TxnBody,
    TxnHeader,
    decode_txn_body,
    encode_txn,
)

_DIGEST_RANGE = 1 << 64
NEXT_CVERSION = -1  # in a create from before 3.4, which does not know it


class Tree:
    """The replicated state of one server, as of `last_zxid`."""

    def __init__(self, *, empty: bool = False) -> None:
        """Before the first txn; `empty` is without the nodes that are always there."""
        self.nodes: dict[str, ZNode] = {}
        self.sessions: dict[int, int] = {}  # to their timeouts in milliseconds
        self.last_zxid = 0
        self.chain = Chain()
        self.digest = 0  # the sum of all nodes' digests, in 64 bits
        self.exact = not empty
        self._owners = Owners()
        self._acls = ACLTable()
        if empty:
            return
        self.put(ROOT, ZNode(b"", OPEN_ACL_UNSAFE))
        for path in (RESERVED, QUOTA):
            self.put(path, ZNode(b"", OPEN_ACL_UNSAFE))
        self.put(CONFIG, ZNode(b"", READ_ACL_UNSAFE, aversion=-1))

    # What is there.

    def node(self, path: str) -> ZNode:
        """The node, which must be there."""
        node = self.nodes.get(path)
        if node is None:
            raise Refused(ErrorCode.NO_NODE)
        return node

    def ephemerals(self, session: int) -> tuple[str, ...]:
        """The nodes that go with this session."""
        return tuple(self._owners.of_session.get(session, ()))

    def all_ephemerals(self) -> dict[int, tuple[str, ...]]:
        """The nodes of each session that has some."""
        return {session: tuple(paths) for session, paths in self._owners.of_session.items()}

    def descendants(self, path: str) -> Iterator[str]:
        """All nodes below this one, parents first."""
        todo = [path]
        while todo:
            parent = todo.pop()
            node = self.nodes.get(parent)
            for name in node.children if node else ():
                child = join(parent, name)
                todo.append(child)
                yield child

    def acls(self) -> tuple[tuple[ACL, ...], ...]:
        """Every ACL that some node has."""
        return self._acls.all()

    def overdue(self, now_ms: int) -> tuple[str, ...]:
        """The containers and nodes with a time to live that the leader should delete now."""
        return tuple(path for path in self._owners.mortal if _is_overdue(self.nodes[path], now_ms))

    # What changes it.

    def apply(self, header: TxnHeader, body: TxnBody | None, txn: bytes | None = None) -> Applied:
        """The next txn has happened; `txn` is its bytes as proposed, made here if not at hand."""
        assert header.zxid > self.last_zxid, "txns are applied in order, each once"
        changes: list[Change] = []
        applied = self._apply(header, body, changes)
        members = None
        if header.type == OpCode.RECONFIG and isinstance(body, SetDataTxn):
            members = body.data
        self.chain = self.chain.then(header.zxid, txn or encode_txn(header, body))
        self.last_zxid = header.zxid
        return Applied(
            applied.session,
            applied.cxid,
            applied.zxid,
            applied.type,
            applied.err,
            applied.path,
            applied.stat,
            applied.parts,
            tuple(changes),
            members,
        )

    def set_config(self, text: bytes, zxid: int) -> None:
        """The membership, which each server writes for itself; `zxid` is its version."""
        if CONFIG not in self.nodes:  # in a snapshot from before 3.5
            self.put(CONFIG, ZNode(b"", READ_ACL_UNSAFE, aversion=-1))
        node = self.node(CONFIG)
        node.data, node.version, node.mzxid = text, -1, zxid

    def put(self, path: str, node: ZNode) -> None:
        """The node stands there, below a parent that is there already, and is counted."""
        node.acl = self._acls.keep(node.acl)
        self.nodes[path] = node
        if path != ROOT:
            parent, name = split(path)
            self.nodes[parent].children[name] = None
        self._owners.enter(path, node.owner)
        self._count(path, node)

    def _apply(self, header: TxnHeader, body: TxnBody | None, changes: list[Change]) -> Applied:
        err, path, stat = ErrorCode.OK, "", None
        match body:
            case MultiTxn():
                return self._multi(header, body, changes)
            case ErrorTxn():
                return Applied(header.session, header.cxid, header.zxid, header.type, body.err)
            case CreateSessionTxn():
                self.sessions[header.session] = body.timeout_ms
            case CloseSessionTxn() | None:
                self._close(header, body.paths_to_delete if body else (), changes)
            case _:
                path = body.path
                try:
                    stat = self._change(header, body, changes)
                except Refused as refused:
                    # Prep let it pass, so it has happened; only a replay comes here (rule 2).
                    if self.exact:
                        raise AssertionError(f"{refused} for what was let pass") from refused
                    err = refused.code
        return Applied(header.session, header.cxid, header.zxid, header.type, err, path, stat)

    def _multi(self, header: TxnHeader, body: MultiTxn, changes: list[Change]) -> Applied:
        # All are read before the first is applied: bytes that make no sense must change nothing.
        bodies = [decode_txn_body(part.type, part.data) for part in body.txns]
        if any(isinstance(one, ErrorTxn) for one in bodies):
            bodies = _as_refused(bodies)
        parts: list[Applied] = []
        for part, decoded in zip(body.txns, bodies, strict=True):
            type_ = OpCode.ERROR if isinstance(decoded, ErrorTxn) else part.type
            part_header = TxnHeader(header.session, header.cxid, header.zxid, header.time_ms, type_)
            parts.append(self._apply(part_header, decoded, changes))
        err = next((part.err for part in parts if part.err), ErrorCode.OK)
        return Applied(
            header.session, header.cxid, header.zxid, header.type, err, parts=tuple(parts)
        )

    def _change(
        self,
        header: TxnHeader,
        body: CreateTxn
        | CreateTxnV0
        | CreateTTLTxn
        | CreateContainerTxn
        | DeleteTxn
        | SetDataTxn
        | SetACLTxn
        | CheckVersionTxn,
        changes: list[Change],
    ) -> Stat | None:
        match body:
            case CreateTxn(path, data, acl, ephemeral, cversion):
                owner = header.session if ephemeral else 0
                return self._create(header, path, data, acl, owner, cversion, changes)
            case CreateTxnV0(path, data, acl, ephemeral):
                owner = header.session if ephemeral else 0
                return self._create(header, path, data, acl, owner, NEXT_CVERSION, changes)
            case CreateTTLTxn(path, data, acl, cversion, ttl_ms):
                owner = owner_with_ttl(ttl_ms)
                return self._create(header, path, data, acl, owner, cversion, changes)
            case CreateContainerTxn(path, data, acl, cversion):
                return self._create(header, path, data, acl, CONTAINER_OWNER, cversion, changes)
            case DeleteTxn(path):
                self._delete(path, header.zxid, changes)
                return None
            case SetDataTxn(path, data, version):
                node = self.node(path)
                if self.exact and path != CONFIG:
                    assert as_int(node.version + 1) in (version, -1), "versions count the writes"
                node.data, node.version = data, version
                node.mzxid, node.mtime_ms = header.zxid, header.time_ms
                self._count(path, node)
                changes.append(DataSet(path, node.acl))
                return node.stat()
            case SetACLTxn(path, acl, version):
                node = self.node(path)
                self._acls.drop(node.acl)
                node.acl, node.aversion = self._acls.keep(acl), version
                self._count(path, node)
                return node.stat()
            case CheckVersionTxn():
                return None

    def _create(
        self,
        header: TxnHeader,
        path: str,
        data: bytes | None,
        acl: tuple[ACL, ...],
        owner: int,
        cversion: int,
        changes: list[Change],
    ) -> Stat:
        zxid, now_ms = header.zxid, header.time_ms
        above, _ = split(path)
        parent = self.node(above)
        if path in self.nodes:
            assert not self.exact, "what is created was not there"
            self._remove(path)
        if lifetime_of(owner) is Lifetime.SESSION and self.exact:
            assert owner in self.sessions, "an ephemeral's session is open"
        if cversion == NEXT_CVERSION:
            cversion = as_int(parent.cversion + 1)
        elif self.exact:
            assert cversion == as_int(parent.cversion + 1), "cversions count the creates"
        if cversion > parent.cversion:
            parent.cversion, parent.pzxid = cversion, zxid
            self._count(above, parent)
        node = ZNode(data, acl, zxid, zxid, now_ms, now_ms, version=0, owner=owner, pzxid=zxid)
        self.put(path, node)
        changes.append(Created(path, node.acl, parent.acl))
        return node.stat()

    def _delete(self, path: str, zxid: int, changes: list[Change]) -> None:
        above, _ = split(path)
        parent = self.node(above)
        if zxid > parent.pzxid:
            # Also if the node is gone already: the snapshot may have it from before the delete.
            parent.pzxid = zxid
            self._count(above, parent)
        node = self.node(path)
        assert not (self.exact and node.children), "what is deleted has no children"
        acl = node.acl
        self._remove(path)
        changes.append(Deleted(path, acl, parent.acl))

    def _close(self, header: TxnHeader, paths: tuple[str, ...], changes: list[Change]) -> None:
        self.sessions.pop(header.session, None)
        # The paths of the txn first: in a replay they may be another session's by now, or gone,
        # and their parents must still learn the zxid (ZOOKEEPER-3145). Then whatever it left out.
        for path in dict.fromkeys(paths + self.ephemerals(header.session)):
            try:
                self._delete(path, header.zxid, changes)
            except Refused:
                continue
        assert header.session not in self._owners.of_session, "no ephemeral outlives its session"

    def _remove(self, path: str) -> None:
        """The node and, which happens in a replay only, all below it are gone."""
        for gone in [*self.descendants(path), path]:
            node = self.nodes.pop(gone)
            self._acls.drop(node.acl)
            self._owners.leave(gone, node.owner)
            self.digest = (self.digest - node.digest) % _DIGEST_RANGE
        above, name = split(path)
        self.nodes[above].children.pop(name, None)

    def _count(self, path: str, node: ZNode) -> None:
        before, node.digest = node.digest, node_digest(path, node)
        self.digest = (self.digest + node.digest - before) % _DIGEST_RANGE


def _as_refused(bodies: list[TxnBody]) -> list[TxnBody]:
    """All or nothing: ZooKeeper logs what stood before the refused part as if it were to be done.

    It is answered that it was fine, and what stands behind that it was not tried.
    """
    refused = next(place for place, one in enumerate(bodies) if isinstance(one, ErrorTxn))
    return [
        one
        if isinstance(one, ErrorTxn)
        else ErrorTxn(ErrorCode.OK if place < refused else ErrorCode.RUNTIME_INCONSISTENCY)
        for place, one in enumerate(bodies)
    ]


def _is_overdue(node: ZNode, now_ms: int) -> bool:
    if node.children:
        return False
    if lifetime_of(node.owner) is Lifetime.TTL:
        return now_ms - node.mtime_ms > ttl_of(node.owner)
    return node.cversion > 0  # a container that never had a child may be about to get one
