"""Which faults are there?

A fault is a value: it says what is so while it is active, not what to do. Several may be active at
once; a surface is always told all of them together, so that lifting one never heals another.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, TypeAlias

Node: TypeAlias = str
Link: TypeAlias = tuple[Node, Node]
"""From the first to the second, one way."""


@dataclass(frozen=True, slots=True)
class Partition:
    """Nothing passes over these links; connections stay open and hang."""

    links: frozenset[Link]


@dataclass(frozen=True, slots=True)
class Slow:
    """What passes over these links is late, by `delay_ms` and up to `jitter_ms` more.

    `loss` is the share of pieces that stall as if they had to be sent again; `bytes_per_s` is 0
    for as many as may be.
    """

    links: frozenset[Link]
    delay_ms: int = 0
    jitter_ms: int = 0
    loss: float = 0.0
    bytes_per_s: int = 0


@dataclass(frozen=True, slots=True)
class Packets:
    """Of the packets over these links such shares come twice, overtake others, or have a wrong bit.

    A stream of TCP makes good for all of that, late; so it means something only where packets can
    be touched, and nothing to what stands between two streams.
    """

    links: frozenset[Link]
    duplicate: float = 0.0
    reorder: float = 0.0
    corrupt: float = 0.0


@dataclass(frozen=True, slots=True)
class Crash:
    """The process is killed, without warning; started again when the fault is lifted."""

    node: Node


@dataclass(frozen=True, slots=True)
class Pause:
    """The process stands still, and its connections with it."""

    node: Node


@dataclass(frozen=True, slots=True)
class ClockSkew:
    """Its wall clock is off by so much; `rate` is how fast all its time goes."""

    node: Node
    offset_ms: int = 0
    rate: float = 1.0


@dataclass(frozen=True, slots=True)
class Wipe:
    """Its disk is lost: it starts again with nothing."""

    node: Node


@dataclass(frozen=True, slots=True)
class FlippedBit:
    """The process is killed, and one bit of its logs and snapshots is not what it was.

    It is `back` bits in front of the last one of a file, of which the newest is number 0; both go
    round. Who is started with it may lack something, or refuse: so the disk counts as lost.
    """

    node: Node
    file: int = 0
    back: int = 0


@dataclass(frozen=True, slots=True)
class SlowDisk:
    """Each sync of its disk takes so much longer."""

    node: Node
    sync_ms: int = 0


@dataclass(frozen=True, slots=True)
class FullDisk:
    """Nothing more goes onto its disk. A node may end itself for that: so it is started again."""

    node: Node


@dataclass(frozen=True, slots=True)
class BrokenDisk:
    """Each sync of its disk fails, and with `writes` each write; a node may end itself for that."""

    node: Node
    writes: bool = False


@dataclass(frozen=True, slots=True)
class PowerLoss:
    """The process is killed, and what was not synced is gone; if it is `torn`, a part of it is."""

    node: Node
    torn: bool = False


@dataclass(frozen=True, slots=True)
class ClientLink:
    """What clients have with this node hangs, or, with `reset`, breaks off whenever it is begun."""

    node: Node
    reset: bool = False


DISKS: Final[frozenset[type]] = frozenset({SlowDisk, FullDisk, BrokenDisk, PowerLoss})
"""Those that need somebody between a node and its disk."""

LosesADisk: TypeAlias = Wipe | FlippedBit
"""After these a node may have forgotten what it acknowledged."""

Fault: TypeAlias = (
    Partition
    | Slow
    | Packets
    | Crash
    | Pause
    | ClockSkew
    | Wipe
    | FlippedBit
    | SlowDisk
    | FullDisk
    | BrokenDisk
    | PowerLoss
    | ClientLink
)
