"""A client that comes back gets its watches back, and nothing of what they would have told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from target_node.bugs.bug import Bug, Override
from target_node.state import reads
from target_node.state.catch_up import set_watches
from target_node.state.tree import Tree
from target_node.state.watches import Watches
from target_node.wire.data import Id
from target_node.wire.replies import WatcherEvent
from target_node.wire.requests import SetWatches2Request, SetWatchesRequest


def _set_as_of_now(
    tree: Tree,
    watches: Watches,
    connection: int,
    request: SetWatchesRequest | SetWatches2Request,
    ids: Sequence[Id],
) -> tuple[WatcherEvent, ...]:
    now = replace(request, relative_zxid=tree.last_zxid)
    return set_watches(tree, watches, connection, now, ids)


BUG: Final = Bug(
    "missed-events-forgotten",
    "a client hears of a change before it sees it",
    "ZOOKEEPER-3145",
    ("hearing",),
    (Override(reads, "set_watches", _set_as_of_now),),
)
