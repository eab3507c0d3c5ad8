"""What did applying a txn do?"""

from __future__ import annotations

from dataclasses import dataclass

from target_node.wire.codes import ErrorCode
from target_node.wire.data import ACL, Stat


@dataclass(frozen=True, slots=True)
class Created:
    """A node came; the ACLs are its own and its parent's, for those who watch."""

    path: str
    acl: tuple[ACL, ...]
    parent_acl: tuple[ACL, ...]


@dataclass(frozen=True, slots=True)
class Deleted:
    """A node went."""

    path: str
    acl: tuple[ACL, ...]
    parent_acl: tuple[ACL, ...]


@dataclass(frozen=True, slots=True)
class DataSet:
    """A node's data were set, perhaps to what they were."""

    path: str
    acl: tuple[ACL, ...]


Change = Created | Deleted | DataSet


@dataclass(frozen=True, slots=True)
class Applied:
    """What to answer whoever asked for it, and what to tell those who watch.

    `stat` is set where the reply needs one; `parts` are those of a multi. An `err` is what the
    txn itself says, except in a replay, where what was done already is done again or ignored.
    """

    session: int
    cxid: int
    zxid: int
    type: int
    err: int = ErrorCode.OK
    path: str = ""
    stat: Stat | None = None
    parts: tuple[Applied, ...] = ()
    changes: tuple[Change, ...] = ()
    data: bytes | None = None  # of a reconfig: the membership
