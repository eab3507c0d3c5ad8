"""A check outside a multi becomes a txn of a kind that no ZooKeeper can read."""

from __future__ import annotations

from typing import Final

from target_node.bugs.bug import Bug, Override
from target_node.state import writes
from target_node.state.outstanding import Draft
from target_node.state.prep import Prep
from target_node.state.writes import Asker
from target_node.wire.client import Request
from target_node.wire.requests import CheckVersionRequest
from target_node.wire.txn import TxnBody

_draft: Final = Prep._draft


def _draft_checks_too(
    self: Prep, draft: Draft, request: Request, asker: Asker, now_ms: int
) -> TxnBody:
    if isinstance(request, CheckVersionRequest):
        return writes.check(draft, request, asker)
    return _draft(self, draft, request, asker, now_ms)


BUG: Final = Bug(
    "check-is-logged",
    "a log holds only txns that any server can read",
    "ZOOKEEPER-2623",
    ("answers",),
    (Override(Prep, "_draft", _draft_checks_too),),
)
