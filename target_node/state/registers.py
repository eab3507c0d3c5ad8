"""Which nodes will go by themselves, and which ACLs are in use? Kept by the tree along with it."""

from __future__ import annotations

from target_node.state.lifetime import Lifetime, lifetime_of
from target_node.wire.data import ACL, OPEN_ACL_UNSAFE


class Owners:
    """The nodes that end otherwise than by a client's delete."""

    def __init__(self) -> None:
        self.of_session: dict[int, dict[str, None]] = {}
        self.mortal: dict[str, None] = {}  # containers and nodes with a time to live

    def enter(self, path: str, owner: int) -> None:
        """There is a node with this ephemeralOwner."""
        match lifetime_of(owner):
            case Lifetime.SESSION:
                self.of_session.setdefault(owner, {})[path] = None
            case Lifetime.CONTAINER | Lifetime.TTL:
                self.mortal[path] = None
            case Lifetime.UNBOUNDED:
                pass

    def leave(self, path: str, owner: int) -> None:
        """It is gone."""
        self.mortal.pop(path, None)
        if (owned := self.of_session.get(owner)) is not None:
            owned.pop(path, None)
            if not owned:
                del self.of_session[owner]


class ACLTable:
    """Every ACL that some node has, but for the one that nearly all have."""

    def __init__(self) -> None:
        self._uses: dict[tuple[ACL, ...], int] = {}

    def all(self) -> tuple[tuple[ACL, ...], ...]:
        """In the order in which they came into use."""
        return tuple(self._uses)

    def keep(self, acl: tuple[ACL, ...]) -> tuple[ACL, ...]:
        """A node has it; what comes back is equal, and to be held in its place."""
        if acl == OPEN_ACL_UNSAFE:
            return OPEN_ACL_UNSAFE
        self._uses[acl] = self._uses.get(acl, 0) + 1
        return acl

    def drop(self, acl: tuple[ACL, ...]) -> None:
        """A node has it no longer."""
        if acl != OPEN_ACL_UNSAFE:
            self._uses[acl] -= 1
            if not self._uses[acl]:
                del self._uses[acl]
