"""What stands in a multi before the part that fails is done all the same."""

from __future__ import annotations

from typing import Final

from target_node.bugs.bug import Bug, Override
from target_node.state import prep, tree
from target_node.state.outstanding import Draft
from target_node.state.prep import Prep
from target_node.state.refusal import Refused
from target_node.state.writes import Asker, check
from target_node.wire.multi import MultiRequest
from target_node.wire.requests import CheckVersionRequest
from target_node.wire.txn import MultiTxn, Txn, TxnBody


def _do_what_can_be_done(
    self: Prep, zxid: int, request: MultiRequest, asker: Asker, now_ms: int
) -> MultiTxn:
    draft = Draft(self.outstanding)
    parts: list[Txn] = []
    for at, operation in enumerate(request.operations):
        try:
            if isinstance(operation, CheckVersionRequest):
                body: TxnBody = check(draft, operation, asker)
            else:
                body = self._draft(draft, operation, asker, now_ms)
        except Refused as refused:
            after = len(request.operations) - at - 1
            parts += prep._failed_multi(at, refused.code, after).txns[at:]
            break
        parts.append(prep._part(operation, body))
    draft.commit(zxid)
    return MultiTxn(tuple(parts))


def _as_they_are(bodies: list[TxnBody]) -> list[TxnBody]:
    return bodies


BUG: Final = Bug(
    "half-of-a-multi",
    "a multi is done as a whole or not at all",
    "ZOOKEEPER-1624",
    ("whole", "linearizable", "contract", "versions"),
    (
        Override(Prep, "_multi", _do_what_can_be_done),
        Override(tree, "_as_refused", _as_they_are),
    ),
)
