"""What will the tree be like once everything proposed has been applied?

Only the leader needs to know, to judge the next request. It forgets what has been applied, and all
of it when it stops to lead.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace

from target_node.state.refusal import Refused
from target_node.state.tree import Tree
from target_node.wire.codes import ErrorCode
from target_node.wire.data import ACL


@dataclass(frozen=True, slots=True)
class Record:
    """A node as it will be, as far as requests depend on it."""

    version: int
    cversion: int
    aversion: int
    owner: int
    child_count: int
    acl: tuple[ACL, ...]


@dataclass(frozen=True, slots=True)
class _Pending:
    zxid: int
    record: Record | None  # None: it will be gone


class Outstanding:
    """The tree, and upon it what is proposed and not yet applied."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self._pending: dict[str, _Pending] = {}
        self._touched: deque[tuple[int, str]] = deque()  # in zxid order, as often as it changes

    def __len__(self) -> int:
        return len(self._pending)

    def find(self, path: str) -> Record | None:
        """The node, if it will be there."""
        if (pending := self._pending.get(path)) is not None:
            return pending.record
        if (node := self._tree.nodes.get(path)) is None:
            return None
        return Record(
            node.version, node.cversion, node.aversion, node.owner, len(node.children), node.acl
        )

    def ephemerals(self, session: int) -> tuple[str, ...]:
        """The nodes that will go with this session, counting what is not applied yet."""
        candidates = dict.fromkeys((*self._tree.ephemerals(session), *self._pending))
        return tuple(
            path
            for path in candidates
            if (record := self.find(path)) is not None and record.owner == session
        )

    def set(self, zxid: int, changes: dict[str, Record | None]) -> None:
        """So it will be once this zxid is applied."""
        for path, record in changes.items():
            self._pending[path] = _Pending(zxid, record)
            self._touched.append((zxid, path))

    def applied(self, zxid: int) -> None:
        """Everything up to here is in the tree."""
        while self._touched and self._touched[0][0] <= zxid:
            _, path = self._touched.popleft()
            pending = self._pending.get(path)
            if pending is not None and pending.zxid <= zxid:
                del self._pending[path]

    def discard(self) -> None:
        """What is proposed may never happen: another leader decides."""
        self._pending.clear()
        self._touched.clear()


class Draft:
    """The changes of one request upon those outstanding, which see none of it until `commit`.

    So there is nothing to roll back when the third part of a multi fails (ZOOKEEPER-1624).
    """

    def __init__(self, outstanding: Outstanding) -> None:
        self._outstanding = outstanding
        self._changes: dict[str, Record | None] = {}

    def find(self, path: str) -> Record | None:
        """The node, if it will be there."""
        return self._changes[path] if path in self._changes else self._outstanding.find(path)

    def get(self, path: str) -> Record:
        """The node, which must be going to be there."""
        if (record := self.find(path)) is None:
            raise Refused(ErrorCode.NO_NODE)
        return record

    def put(self, path: str, record: Record) -> None:
        """The node will be so."""
        self._changes[path] = record

    def create(self, parent: str, path: str, record: Record, cversion: int) -> None:
        """The node will be there, and its parent has counted it."""
        above = self.get(parent)
        self.put(parent, replace(above, cversion=cversion, child_count=above.child_count + 1))
        self.put(path, record)

    def delete(self, parent: str, path: str) -> None:
        """The node will be gone."""
        above = self.get(parent)
        self.put(parent, replace(above, child_count=above.child_count - 1))
        self._changes[path] = None

    def commit(self, zxid: int) -> None:
        """It is proposed under this zxid."""
        self._outstanding.set(zxid, self._changes)
