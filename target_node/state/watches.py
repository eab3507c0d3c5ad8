"""Who is told of a change?

Rules of this file:
- A connection watches a path in any of three ways at once, and they add up: once, which the first
  event ends; always (`PERSISTENT`); always, with all below (`PERSISTENT_RECURSIVE`).
- Watches for data and for children are apart, as getData and getChildren set them. A recursive one
  is for data only, so it never tells that children changed: it tells of each child itself.
- A connection gets at most one event for a change of a node, however many of its watches see it.
- Events come in the order of the changes, and for one change in the order in which connections
  began to watch. Who may not read the node is not told, but its watch is spent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from target_node.state.acl import allows
from target_node.state.changes import Change, Created, DataSet, Deleted
from target_node.state.paths import split, upwards
from target_node.wire.codes import EventType, KeeperState, Perms, WatcherType
from target_node.wire.data import ACL, Id
from target_node.wire.replies import WatcherEvent


class Mode(Enum):
    """How long a watch lasts, and how far it reaches."""

    ONCE = auto()
    PERSISTENT = auto()
    PERSISTENT_RECURSIVE = auto()


@dataclass(frozen=True, slots=True)
class Told:
    """An event on its way to a connection."""

    connection: int
    event: WatcherEvent


class _Kind:
    """The watches of one kind: by path, then by connection, the modes that add up."""

    __slots__ = ("_by_connection", "_by_path")

    def __init__(self) -> None:
        self._by_path: dict[str, dict[int, dict[Mode, None]]] = {}
        self._by_connection: dict[int, dict[str, None]] = {}

    def arm(self, connection: int, path: str, mode: Mode) -> None:
        self._by_path.setdefault(path, {}).setdefault(connection, {})[mode] = None
        self._by_connection.setdefault(connection, {})[path] = None

    def modes(self, connection: int, path: str) -> tuple[Mode, ...]:
        return tuple(self._by_path.get(path, {}).get(connection, ()))

    def disarm(self, connection: int, path: str, mode: Mode) -> bool:
        """Was there one?"""
        watchers = self._by_path.get(path, {})
        modes = watchers.get(connection, {})
        if mode not in modes:
            return False
        del modes[mode]
        if not modes:
            del watchers[connection]
            del self._by_connection[connection][path]
            if not self._by_connection[connection]:
                del self._by_connection[connection]
        if not watchers:
            del self._by_path[path]
        return True

    def spend(self, path: str) -> dict[int, None]:
        """The connections that see a change of this node; who watched it once no longer does."""
        seen: dict[int, None] = {}
        for at in upwards(path):
            for connection, modes in list(self._by_path.get(at, {}).items()):
                if at == path or Mode.PERSISTENT_RECURSIVE in modes:
                    seen[connection] = None
                if at == path:
                    self.disarm(connection, path, Mode.ONCE)
        return seen

    def drop(self, connection: int) -> None:
        for path in self._by_connection.pop(connection, {}):
            watchers = self._by_path[path]
            del watchers[connection]
            if not watchers:
                del self._by_path[path]

    def all(self) -> Iterator[tuple[str, int, Mode]]:
        for path, watchers in self._by_path.items():
            for connection, modes in watchers.items():
                for mode in modes:
                    yield path, connection, mode


_MODE_OF: Final = {
    WatcherType.CHILDREN: Mode.ONCE,
    WatcherType.DATA: Mode.ONCE,
    WatcherType.PERSISTENT: Mode.PERSISTENT,
    WatcherType.PERSISTENT_RECURSIVE: Mode.PERSISTENT_RECURSIVE,
}


class Watches:
    """All watches of one server; a connection is any number that the server gave it."""

    def __init__(self) -> None:
        self._data = _Kind()
        self._children = _Kind()

    def __len__(self) -> int:
        return sum(1 for _ in self.all())

    def all(self) -> Iterator[tuple[str, int]]:
        """(path, connection) of every watch."""
        for kind in (self._data, self._children):
            for path, connection, _ in kind.all():
                yield path, connection

    def watch_data(self, connection: int, path: str) -> None:
        """Once; of a path without a node, its creation."""
        self._data.arm(connection, path, Mode.ONCE)

    def watch_children(self, connection: int, path: str) -> None:
        """Once."""
        self._children.arm(connection, path, Mode.ONCE)

    def add(self, connection: int, path: str, mode: Mode) -> None:
        """A watch that stays, besides whatever there is."""
        assert mode is not Mode.ONCE, "those are set by a read"
        self._data.arm(connection, path, mode)
        if mode is Mode.PERSISTENT:
            self._children.arm(connection, path, mode)

    def has(self, connection: int, path: str, which: WatcherType) -> bool:
        """Does it watch the path so?"""
        if which is WatcherType.ANY:
            return any(kind.modes(connection, path) for kind in (self._data, self._children))
        kind = self._children if which is WatcherType.CHILDREN else self._data
        return _MODE_OF[which] in kind.modes(connection, path)

    def remove(self, connection: int, path: str, which: WatcherType) -> bool:
        """Away with these and no others; was there one?"""
        removed = False
        for kind in (self._data, self._children):
            for mode in kind.modes(connection, path):
                match which:
                    case WatcherType.ANY:
                        meant = True
                    case WatcherType.DATA | WatcherType.CHILDREN:
                        wanted = self._data if which is WatcherType.DATA else self._children
                        meant = kind is wanted and mode is Mode.ONCE
                    case _:
                        meant = mode is _MODE_OF[which]
                if meant:
                    removed = kind.disarm(connection, path, mode) or removed
        return removed

    def drop(self, connection: int) -> None:
        """The connection is gone."""
        self._data.drop(connection)
        self._children.drop(connection)

    def fire(
        self, changes: Iterable[Change], ids_of: Callable[[int], tuple[Id, ...]]
    ) -> tuple[Told, ...]:
        """What to send before anything that reflects these changes, in this order.

        `ids_of` tells a connection's identities.
        """
        told: list[Told] = []

        def tell(seen: Iterable[int], type_: EventType, path: str, acl: tuple[ACL, ...]) -> None:
            event = WatcherEvent(type_, KeeperState.SYNC_CONNECTED, path)
            for connection in seen:
                if allows(acl, Perms.READ, ids_of(connection)):
                    told.append(Told(connection, event))

        for change in changes:
            path, acl = change.path, change.acl
            match change:
                case DataSet():
                    tell(self._data.spend(path), EventType.NODE_DATA_CHANGED, path, acl)
                    continue
                case Created():
                    tell(self._data.spend(path), EventType.NODE_CREATED, path, acl)
                case Deleted():
                    seen = {**self._data.spend(path), **self._children.spend(path)}
                    tell(seen, EventType.NODE_DELETED, path, acl)
            parent, _ = split(path)
            children = self._children.spend(parent)
            tell(children, EventType.NODE_CHILDREN_CHANGED, parent, change.parent_acl)
        return tuple(told)
