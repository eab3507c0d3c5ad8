"""The close of a session deletes what it has, and not what it is about to have."""

from __future__ import annotations

from typing import Final

from target_node.bugs.bug import Bug, Override
from target_node.state.changes import Change
from target_node.state.outstanding import Outstanding
from target_node.state.refusal import Refused
from target_node.state.tree import Tree
from target_node.wire.txn import TxnHeader


def _only_applied(self: Outstanding, session: int) -> tuple[str, ...]:
    return tuple(one for one in self._tree.ephemerals(session) if self.find(one) is not None)


def _close_what_is_named(
    self: Tree, header: TxnHeader, paths: tuple[str, ...], changes: list[Change]
) -> None:
    self.sessions.pop(header.session, None)
    for path in paths:
        try:
            self._delete(path, header.zxid, changes)
        except Refused:
            continue


BUG: Final = Bug(
    "ephemeral-outlives-close",
    "an ephemeral node goes with its session",
    "ZOOKEEPER-1208",
    ("lifetimes", "tenures"),
    (
        Override(Outstanding, "ephemerals", _only_applied),
        Override(Tree, "_close", _close_what_is_named),
    ),
)
