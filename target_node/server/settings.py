"""What was a server told before it started?"""

from __future__ import annotations

from dataclasses import dataclass

from target_node.protocol.ensemble import Ensemble
from target_node.wire.frames import CLIENT_LIMIT, FOUR_LETTER_WORDS


@dataclass(frozen=True, slots=True)
class Settings:
    """Times are in milliseconds. `alone` is a server that was configured without an ensemble."""

    sid: int
    ensemble: Ensemble
    alone: bool = False
    tick_ms: int = 2000
    init_limit: int = 10  # ticks until a learner must be synchronised
    sync_limit: int = 5  # ticks that leader and learner may be silent
    least_timeout_ms: int = 4000  # of a session
    most_timeout_ms: int = 40_000
    most_connections: int = 60  # of clients from one address; 0 for any number
    most_packet: int = CLIENT_LIMIT  # bytes of a client's packet
    snap_count: int = 100_000  # txns between two snapshots
    keep_txns: int = 500  # in memory, for learners that were away for a moment
    keep_snapshots: int = 3
    purges: bool = False  # delete what `keep_snapshots` do not need
    read_only: bool = False  # serve reads without a quorum to those who ask for it
    reconfigurable: bool = False
    checks_acl: bool = True
    super_digest: str = ""
    words: frozenset[bytes] = FOUR_LETTER_WORDS  # those that are answered
    container_check_ms: int = 60_000
    traces: bool = False  # note every txn too

    @property
    def init_ms(self) -> int:
        """How long a link may take to come to UPTODATE."""
        return self.init_limit * self.tick_ms

    @property
    def sync_ms(self) -> int:
        """How long a link may be silent afterwards."""
        return self.sync_limit * self.tick_ms
