"""What is known of one node?"""

from __future__ import annotations

from dataclasses import dataclass, field

from target_node.state.lifetime import Lifetime, lifetime_of
from target_node.wire.data import ACL, Stat

_HALF = 1 << 31


def as_int(value: int) -> int:
    """What is left of it in the 32 bits of a jute int, as Java counts on."""
    return (value + _HALF) % (1 << 32) - _HALF


@dataclass(slots=True)
class ZNode:
    """One node, changed in place by the tree that owns it, and by nobody else.

    `cversion` counts the creates below it; clients are shown another number, see `stat`.
    `owner` is a session or says what `lifetime` says it does.
    """

    data: bytes | None
    acl: tuple[ACL, ...]
    czxid: int = 0
    mzxid: int = 0
    ctime_ms: int = 0
    mtime_ms: int = 0
    version: int = 0
    cversion: int = 0
    aversion: int = 0
    owner: int = 0
    pzxid: int = 0
    children: dict[str, None] = field(default_factory=dict)
    digest: int = 0

    def stat(self) -> Stat:
        """As clients see it: their cversion counts creates and deletes of children."""
        children = len(self.children)
        return Stat(
            self.czxid,
            self.mzxid,
            self.ctime_ms,
            self.mtime_ms,
            self.version,
            as_int(2 * self.cversion - children),
            self.aversion,
            self.owner if lifetime_of(self.owner) is Lifetime.SESSION else 0,
            0 if self.data is None else len(self.data),
            children,
            self.pzxid,
        )
