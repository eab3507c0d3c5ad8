"""Which bytes is the tree in a snapshot?

ZooKeeper's own: the sessions, the ACL table, the nodes with parents first, each with the number of
its ACL, and "/" for the end. The root is called "" there.

Rules of this file:
- The writer goes on while the tree changes. Sessions, ACL table and chain are as of the beginning;
  each node is as it is when its turn comes, and its children's names were read with it.
- A node may have got an ACL that is not in the table (ZOOKEEPER-4846). It is written with one that
  admits nobody: the txn that gave it its ACL is still to be replayed.
- That row of the table also carries the chain: a row no node uses is of no concern to ZooKeeper.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from struct import Struct
from typing import Final

from target_node.state.digest import Chain
from target_node.state.paths import ROOT, join, split
from target_node.state.tree import Tree
from target_node.state.znode import ZNode
from target_node.wire.data import ACL, OPEN_ACL_UNSAFE, Id
from target_node.wire.jute import Malformed, Reader, Writer
from target_node.wire.record import Int, Long, Vector, read_record, record, write_record

CHUNK_BYTES: Final = 1 << 16
_OPEN: Final = -1  # as ZooKeeper numbers it
_NOBODY: Final = 0
_CHAIN_SCHEME: Final = "chain"
_STAT: Final = Struct(">qqqqiiiqq")


@record
class _Row:
    number: Long
    acl: Vector[ACL]


@record
class _Session:
    session: Long
    timeout_ms: Int


@record
class _Head:
    sessions: Vector[_Session]
    acls: Vector[_Row]


def write_image(tree: Tree, *, chunk_bytes: int = CHUNK_BYTES) -> Iterator[bytes]:
    """The body of a snapshot of `tree.last_zxid`, as of this call, however late it is read."""
    numbers = {acl: number for number, acl in enumerate(tree.acls(), _NOBODY + 1)}
    chain = Id(_CHAIN_SCHEME, f"{tree.chain.since:x}:{tree.chain.hash.hex()}")
    head = Writer()
    write_record(
        head,
        _Head(
            tuple(_Session(session, timeout) for session, timeout in tree.sessions.items()),
            (
                _Row(_NOBODY, (ACL(0, chain),)),
                *(_Row(number, acl) for acl, number in numbers.items()),
            ),
        ),
    )
    numbers[OPEN_ACL_UNSAFE] = _OPEN
    return _chunks(tree, numbers, head.getvalue(), chunk_bytes)


def _chunks(
    tree: Tree, numbers: dict[tuple[ACL, ...], int], head: bytes, chunk_bytes: int
) -> Iterator[bytes]:
    parts, size = [head], len(head)
    todo = [ROOT]
    while todo:
        path = todo.pop()
        node = tree.nodes.get(path)
        if node is None:
            continue  # deleted since its parent was written
        # In one step, for the tree may be changed by another thread while we write.
        names = tuple(node.children)
        writer = Writer()
        writer.write_string("" if path == ROOT else path)
        writer.write_buffer(node.data)
        writer.write_long(numbers.get(node.acl, _NOBODY))
        writer.pack(
            _STAT,
            node.czxid,
            node.mzxid,
            node.ctime_ms,
            node.mtime_ms,
            node.version,
            node.cversion,
            node.aversion,
            node.owner,
            node.pzxid,
        )
        todo.extend(join(path, name) for name in reversed(names))
        parts.append(writer.getvalue())
        size += len(parts[-1])
        if size >= chunk_bytes:
            yield b"".join(parts)
            parts, size = [], 0
    end = Writer()
    end.write_string("/")
    yield b"".join([*parts, end.getvalue()])


def read_image(zxid: int, chunks: Iterable[bytes]) -> Tree:
    """The tree of a snapshot of this zxid, ready for the txns behind it; or `Malformed`."""
    reader = Reader(b"".join(chunks))
    head = read_record(reader, _Head)
    acls = {row.number: row.acl for row in head.acls}
    tree = Tree(empty=True)
    tree.sessions = {one.session: one.timeout_ms for one in head.sessions}
    tree.last_zxid = zxid
    tree.chain = _chain(zxid, acls.get(_NOBODY, ()))
    nobody = acls.get(_NOBODY, (ACL(0, Id(_CHAIN_SCHEME, "")),))
    acls[_OPEN] = OPEN_ACL_UNSAFE
    while True:
        start = reader.offset
        path = reader.read_string()
        if path == "/":
            break
        data = reader.read_buffer()
        acl = acls.get(reader.read_long(), nobody)
        czxid, mzxid, ctime, mtime, version, cversion, aversion, owner, pzxid = reader.unpack(_STAT)
        path = path or ROOT
        if not _has_place(tree, path):
            raise Malformed(f"no place for a node {path!r}", start)
        tree.put(
            path,
            ZNode(data, acl, czxid, mzxid, ctime, mtime, version, cversion, aversion, owner, pzxid),
        )
    if ROOT not in tree.nodes:
        raise Malformed("a tree without a root", start)
    reader.expect_end()
    return tree


def _has_place(tree: Tree, path: str) -> bool:
    """Its parent came before it, and it comes once."""
    if path == ROOT:
        return ROOT not in tree.nodes
    whole = path.startswith("/") and "\0" not in path
    return whole and split(path)[0] in tree.nodes and path not in tree.nodes


def _chain(zxid: int, row: tuple[ACL, ...]) -> Chain:
    """What the snapshot carries of the history; one of ZooKeeper's carries nothing."""
    match row:
        case (ACL(0, Id("chain", str(text))),):
            since, _, digest = text.partition(":")
            try:
                return Chain(int(since, 16), bytes.fromhex(digest))
            except ValueError:
                raise Malformed(f"no chain of a history: {text!r}", 0) from None
        case _:
            return Chain(since=zxid)
