"""When does a node go by itself? What the number in its ephemeralOwner says.

Zero: never. The smallest long: it is a container. A number whose first byte is 0xff holds a time to
live. Everything else is the session that the node goes with, and so no server may have id 255.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import Final

from target_node.state.refusal import Refused
from target_node.wire.codes import ErrorCode

CONTAINER_OWNER: Final = -(1 << 63)
MOST_TTL_MS: Final = (1 << 40) - 1
_TTL_MARK: Final = -(1 << 56)  # 0xff in the first byte; the two that follow are for other kinds
_TTL_MASK: Final = (1 << 40) - 1


class Lifetime(Enum):
    """What ends a node other than a delete."""

    UNBOUNDED = auto()
    CONTAINER = auto()
    TTL = auto()
    SESSION = auto()


def lifetime_of(owner: int) -> Lifetime:
    """The kind of a node with this ephemeralOwner."""
    if owner == 0:
        return Lifetime.UNBOUNDED
    if owner == CONTAINER_OWNER:
        return Lifetime.CONTAINER
    if _TTL_MARK <= owner < 0:
        return Lifetime.TTL
    return Lifetime.SESSION


def owner_with_ttl(ttl_ms: int) -> int:
    """The ephemeralOwner of a node that lives so long unchanged."""
    if not 0 < ttl_ms <= MOST_TTL_MS:
        raise Refused(ErrorCode.BAD_ARGUMENTS)
    return _TTL_MARK | ttl_ms


def ttl_of(owner: int) -> int:
    """In milliseconds."""
    assert lifetime_of(owner) is Lifetime.TTL, "only such an owner holds a time"
    return owner & _TTL_MASK
