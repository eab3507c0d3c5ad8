"""What has a client missed, that comes back and brings the watches it had?

It tells the last zxid it saw. Of what changed since then it gets the event that its watch would
have sent; where nothing did, the watch is armed again. A watch that stays is armed only: what
happened in between is lost, as in ZooKeeper.
"""

from __future__ import annotations

from collections.abc import Sequence

from target_node.state.acl import allows
from target_node.state.tree import Tree
from target_node.state.watches import Mode, Watches
from target_node.state.znode import ZNode
from target_node.wire.codes import EventType, KeeperState, Perms
from target_node.wire.data import Id
from target_node.wire.replies import WatcherEvent
from target_node.wire.requests import SetWatches2Request, SetWatchesRequest


def set_watches(
    tree: Tree,
    watches: Watches,
    connection: int,
    request: SetWatchesRequest | SetWatches2Request,
    ids: Sequence[Id],
) -> tuple[WatcherEvent, ...]:
    """The events to send before the reply."""
    since = request.relative_zxid
    missed: list[tuple[EventType, str]] = []
    for path in request.data_watches:
        if (type_ := _missed_data(tree.nodes.get(path), since)) is None:
            watches.watch_data(connection, path)
        else:
            missed.append((type_, path))
    for path in request.exist_watches:
        if path not in tree.nodes:
            watches.watch_data(connection, path)
        else:
            missed.append((EventType.NODE_CREATED, path))
    for path in request.child_watches:
        if (type_ := _missed_children(tree.nodes.get(path), since)) is None:
            watches.watch_children(connection, path)
        else:
            missed.append((type_, path))
    if isinstance(request, SetWatches2Request):
        for path in request.persistent_watches:
            watches.add(connection, path, Mode.PERSISTENT)
        for path in request.persistent_recursive_watches:
            watches.add(connection, path, Mode.PERSISTENT_RECURSIVE)
    return tuple(
        WatcherEvent(type_, KeeperState.SYNC_CONNECTED, path)
        for type_, path in missed
        if (node := tree.nodes.get(path)) is None or allows(node.acl, Perms.READ, ids)
    )


def _missed_data(node: ZNode | None, since: int) -> EventType | None:
    if node is None:
        return EventType.NODE_DELETED
    return EventType.NODE_DATA_CHANGED if node.mzxid > since else None


def _missed_children(node: ZNode | None, since: int) -> EventType | None:
    if node is None:
        return EventType.NODE_DELETED
    return EventType.NODE_CHILDREN_CHANGED if node.pzxid > since else None
