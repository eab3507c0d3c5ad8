"""A version counts on through the number that stands for any version."""

from __future__ import annotations

from typing import Final

from target_node.bugs.bug import Bug, Override
from target_node.state import writes
from target_node.state.znode import as_int


def _count_on(version: int) -> int:
    return as_int(version + 1)


BUG: Final = Bug(
    "version-wraps-to-any",
    "of two conditional writes with one version, one fails",
    "ZOOKEEPER-4743",
    (),
    (Override(writes, "next_version", _count_on),),
    unwatched="no run is long enough: a version would have to pass 2^31",
)
