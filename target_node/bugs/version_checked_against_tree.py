"""A conditional write is judged by what is applied, not by what is proposed before it."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from target_node.bugs.bug import Bug, Override
from target_node.state import prep
from target_node.state.outstanding import Draft
from target_node.state.writes import Asker, set_data
from target_node.wire.codes import ANY_VERSION
from target_node.wire.requests import SetDataRequest
from target_node.wire.txn import SetDataTxn


def _set_what_is_applied(draft: Draft, request: SetDataRequest, asker: Asker) -> SetDataTxn:
    node = draft._outstanding._tree.nodes.get(request.path)
    if node is not None and node.version == request.version:
        request = replace(request, version=ANY_VERSION)
    return set_data(draft, request, asker)


BUG: Final = Bug(
    "version-checked-against-tree",
    "of two conditional writes with one version, one fails",
    "a classic",
    ("lifetimes", "linearizable"),
    (Override(prep, "set_data", _set_what_is_applied),),
)
