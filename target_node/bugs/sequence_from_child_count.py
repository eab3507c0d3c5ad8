"""A sequential node is numbered by how many children there are, not by how many there were."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from target_node.bugs.bug import Bug, Override
from target_node.state import prep
from target_node.state.outstanding import Draft
from target_node.state.paths import split
from target_node.state.writes import AnyCreate, Asker, create
from target_node.wire.codes import CreateMode
from target_node.wire.txn import TxnBody

_WITHOUT_NUMBER: Final = {
    CreateMode.PERSISTENT_SEQUENTIAL: CreateMode.PERSISTENT,
    CreateMode.EPHEMERAL_SEQUENTIAL: CreateMode.EPHEMERAL,
}


def _number_by_children(draft: Draft, request: AnyCreate, asker: Asker) -> TxnBody:
    parent = draft.find(split(request.path)[0])
    if parent is not None and request.flags in _WITHOUT_NUMBER:
        flags = _WITHOUT_NUMBER[CreateMode(request.flags)]
        request = replace(request, path=f"{request.path}{parent.child_count:010d}", flags=flags)
    return create(draft, request, asker)


BUG: Final = Bug(
    "sequence-from-child-count",
    "the number of a sequential node is greater than all before it",
    "ZOOKEEPER-1046",
    ("numbering", "tenures"),
    (Override(prep, "create", _number_by_children),),
)
