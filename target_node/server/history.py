"""What has this server logged and applied, and what of it can it tell a learner?

The log is ahead of the tree by its *tail*: txns that are on our disk and of which we do not know
whether they are committed. A leader that begins with them, or lets us keep them, settles that.

Rules of this file:
1. The tail counts in an election (ZOOKEEPER-2845), and shows to nobody before it is confirmed.
2. `confirmed` says that the tree holds nothing but what is committed.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import Final

from target_node.durable.names import follows
from target_node.durable.recovery import Recovered
from target_node.durable.scan import Txn
from target_node.protocol.ensemble import Ensemble, parse_ensemble
from target_node.protocol.plan import Stretch
from target_node.state.changes import Applied
from target_node.state.image import read_image
from target_node.state.paths import CONFIG
from target_node.state.tree import Tree
from target_node.wire.codes import OpCode
from target_node.wire.txn import SetDataTxn, TxnBody, TxnHeader, decode_txn

KEPT: Final = 500  # txns for learners that were away for a moment
KEPT_BYTES: Final = 64 << 20


class History:
    """The tree of one server, and what surrounds it."""

    def __init__(self, recovered: Recovered, image: bytes | None, keeps: int = KEPT) -> None:
        self.tree = Tree()
        self.tail: deque[Txn] = deque()
        self.confirmed = True
        self.applied = 0  # txns, since we started
        self._keeps = keeps
        self._recent: deque[Txn] = deque()
        self._recent_bytes = 0
        self._after = 0  # what came before the recent ones
        self.load(recovered, image)

    @property
    def last_zxid(self) -> int:
        """The last in our log."""
        return self.tail[-1].zxid if self.tail else self.tree.last_zxid

    def load(self, recovered: Recovered, image: bytes | None) -> None:
        """Begin anew with what the disk holds."""
        snapshot = recovered.snapshot
        if snapshot is None or image is None:
            self.replace(Tree())
        else:
            self.replace(read_image(snapshot.zxid, (image,)))
        self.tail.extend(recovered.txns)
        # It may be of a leader that nobody came to follow.
        self.confirmed = snapshot is None

    def replace(self, tree: Tree) -> None:
        """Begin anew with another's tree, which may know less of who is a member than we do."""
        ours, theirs = self.tree.nodes.get(CONFIG), tree.nodes.get(CONFIG)
        if ours and ours.data and (theirs is None or theirs.mzxid <= ours.mzxid):
            tree.set_config(ours.data, ours.mzxid)
        self.tree = tree
        self.tail.clear()
        self._recent.clear()
        self._recent_bytes = 0
        self._after = tree.last_zxid

    def absorb(self) -> None:
        """The tail is part of the history that a leader has, or begins with."""
        self.confirmed = False
        while self.tail:
            txn = self.tail.popleft()
            header, body, _ = decode_txn(txn.payload)
            self.apply(txn, header, body)

    def apply(self, txn: Txn, header: TxnHeader, body: TxnBody | None) -> Applied:
        """The next one."""
        assert follows(txn.zxid, self.tree.last_zxid), "some are missing between"
        applied = self.tree.apply(header, body, txn.payload)
        self.applied += 1
        self._recent.append(txn)
        self._recent_bytes += len(txn.payload)
        while len(self._recent) > self._keeps or self._recent_bytes > KEPT_BYTES:
            dropped = self._recent.popleft()
            self._recent_bytes -= len(dropped.payload)
            self._after = dropped.zxid
        return applied

    def break_off(self, logged: Iterable[Txn]) -> None:
        """We leave our leader, or lead no more: these are in our log and perhaps nowhere else."""
        self.tail.extend(txn for txn in logged if txn.zxid > self.last_zxid)

    def proposed_members(self) -> Ensemble | None:
        """Those of a change that our log ends with, committed or not."""
        for txn in reversed(self.tail):
            header, body, _ = decode_txn(txn.payload)
            if (members := members_in(header, body)) is not None:
                return members
        return None

    def recent(self, until: int) -> Stretch:
        """What we have in memory, up to the zxid that we stand at."""
        return Stretch(self._after, until, tuple(self._recent))


def members_in(header: TxnHeader, body: TxnBody | None) -> Ensemble | None:
    """Those that this txn brings, if it brings any."""
    if header.type == OpCode.RECONFIG and isinstance(body, SetDataTxn):
        return parse_ensemble((body.data or b"").decode())
    return None
