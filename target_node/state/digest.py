"""By what can two replicas tell, in few bytes, whether they are the same?

chain       over the txns applied, one after the other: equal iff the histories are equal
node_digest ZooKeeper's own (version 2): its sum over the nodes is the tree's, and cheap to keep up;
            it knows neither ACLs nor sessions, nor anything below /zookeeper
tree_hash   over everything, once
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b
from struct import Struct
from typing import TYPE_CHECKING, Final
from zlib import crc32

from target_node.state.paths import RESERVED, ROOT
from target_node.wire.record import encode

if TYPE_CHECKING:
    from target_node.state.tree import Tree
    from target_node.state.znode import ZNode

DIGEST_VERSION: Final = 2
_CHAIN_SIZE: Final = 16
_ZXID: Final = Struct(">q")
_STAT: Final = Struct(">qqqqqiiiq")
_SESSION: Final = Struct(">qi")
_SIZES: Final = Struct(">iqi")
_BELOW_RESERVED: Final = RESERVED + "/"


@dataclass(frozen=True, slots=True)
class Chain:
    """The history behind zxid `since`, in a hash; two are comparable if they began alike.

    It begins at 0 with the first txn ever, and later only in a tree from another's snapshot.
    """

    since: int = 0
    hash: bytes = bytes(_CHAIN_SIZE)

    def then(self, zxid: int, txn: bytes) -> Chain:
        """The same with this txn behind it."""
        after = blake2b(self.hash, digest_size=_CHAIN_SIZE)
        after.update(_ZXID.pack(zxid))
        after.update(txn)
        return Chain(self.since, after.digest())


def node_digest(path: str, node: ZNode) -> int:
    """What this node adds to the tree's digest."""
    if path.startswith(_BELOW_RESERVED):
        return 0
    crc = crc32(b"" if path == ROOT else path.encode("utf-8"))
    if node.data:
        crc = crc32(node.data, crc)
    return crc32(
        _STAT.pack(
            node.czxid,
            node.mzxid,
            node.pzxid,
            node.ctime_ms,
            node.mtime_ms,
            node.version,
            node.cversion,
            node.aversion,
            node.owner,
        ),
        crc,
    )


def tree_hash(tree: Tree) -> str:
    """Paths, data, ACLs, stats and sessions, whatever order they came in."""
    whole = blake2b(digest_size=16)
    for path in sorted(tree.nodes):
        node = tree.nodes[path]
        name = path.encode("utf-8")
        size = -1 if node.data is None else len(node.data)
        whole.update(_SIZES.pack(len(name), size, len(node.acl)))
        whole.update(name)
        whole.update(node.data or b"")
        for entry in node.acl:
            whole.update(encode(entry))
        whole.update(
            _STAT.pack(
                node.czxid,
                node.mzxid,
                node.pzxid,
                node.ctime_ms,
                node.mtime_ms,
                node.version,
                node.cversion,
                node.aversion,
                node.owner,
            )
        )
    for session in sorted(tree.sessions):
        whole.update(_SESSION.pack(session, tree.sessions[session]))
    return whole.hexdigest()
