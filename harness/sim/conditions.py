"""Under which conditions does a simulated ensemble live?

Rules of this file: what a draw of 0 gives is the calmest there is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from harness.sim.disk_queue import DiskPace
from harness.sim.network import Pace, Temper

Draw: TypeAlias = Callable[[int], int]

TICK_MS: Final = 200
_MEMORIES: Final = ((100_000, 500, False), (5, 3, True), (20, 20, False), (100_000, 3, False))
"""Such as go together: who forgets soon must send all to whoever was away, or look in its logs."""
_LIMITS: Final = {"init_limit": 25, "least_timeout_ms": 2 * TICK_MS}


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditions:
    """How many nodes there are, how often they snapshot, and how fast disks and links are."""

    nodes: int = 5
    snap_count: int = 100_000
    keep_txns: int = 500
    """In memory, for learners that were away; who lacks more is sent them from the log, or all."""
    purges: bool = False
    """Whether what the newest snapshots do not need is deleted."""
    sync_limit: int = 10
    """After so many ticks of silence a leader is given up."""
    disk_ms: float = 0.5
    disk_jitter_ms: float = 4.0
    delay_ms: float = 0.2
    jitter_ms: float = 0.3
    split: int = 16
    """One piece of so many comes in two; 0 for none."""
    patience: int = 2
    """Of so many connections that hang one is given up before its time; 0 for none."""
    torn: bool = True
    """Whether a crash may come in the middle of what a node is doing, and a machine lose power."""

    @property
    def pace(self) -> Pace:
        """Of links on which nothing is wrong."""
        return Pace(self.delay_ms, self.jitter_ms)

    @property
    def temper(self) -> Temper:
        """Of connections."""
        return Temper(split=self.split, patience=self.patience)

    @property
    def disk_pace(self) -> DiskPace:
        """Of all disks."""
        return DiskPace(self.disk_ms, self.disk_jitter_ms)

    @property
    def settings(self) -> dict[str, Any]:
        """What all nodes are told."""
        return {
            **_LIMITS,
            "tick_ms": TICK_MS,
            "most_timeout_ms": 20 * TICK_MS,
            "snap_count": self.snap_count,
            "keep_txns": self.keep_txns,
            "purges": self.purges,
            "sync_limit": self.sync_limit,
            "traces": True,
        }


def conditions(draw: Draw) -> Conditions:
    """Some that others may not have tried."""
    snap_count, keep_txns, purges = _MEMORIES[draw(len(_MEMORIES))]
    disk_ms, disk_jitter_ms = ((0.5, 4.0), (0.1, 0.5), (1.0, 30.0), (2.0, 120.0))[draw(4)]
    delay_ms, jitter_ms = ((0.2, 0.3), (0.05, 0.05), (1.0, 10.0), (5.0, 60.0))[draw(4)]
    return Conditions(
        nodes=(3, 5)[draw(2)],
        snap_count=snap_count,
        keep_txns=keep_txns,
        purges=purges,
        sync_limit=(10, 5)[draw(2)],
        disk_ms=disk_ms,
        disk_jitter_ms=disk_jitter_ms,
        delay_ms=delay_ms,
        jitter_ms=jitter_ms,
        split=(16, 4)[draw(2)],
    )
