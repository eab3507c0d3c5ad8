"""A leader counts on when its epoch has no zxids left, and so into the next one."""

from __future__ import annotations

from typing import Final

from target_node.bugs.bug import Bug, Override
from target_node.protocol import broadcast


def _never_at_the_end(zxid: int) -> int:
    return 0


BUG: Final = Bug(
    "counter-runs-over",
    "a leader proposes in its own epoch only",
    "ZOOKEEPER-1277",
    (),
    (Override(broadcast, "counter_of", _never_at_the_end),),
    unwatched="no run is long enough: an epoch would have to hold more than 2^32 txns",
)
