"""What has one client asked, and what is it answered next?

Rules of this file:
1. A client is answered in the order in which it asked. A read waits for its own earlier writes,
   but for nobody else's.
2. A write is answered when its txn is applied here; it is known by session and cxid, and comes
   after the zxid that was proposed when the connection got its session: a client that comes back
   may count its requests from the beginning.
3. What is asked behind a sync is looked at when that is done. Else a later write could be applied
   before it, and a read between the two would see it.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from enum import Enum, auto

from target_node.server.statistics import Traffic
from target_node.state.reads import Answer
from target_node.wire.client import Request
from target_node.wire.connect import ConnectRequest
from target_node.wire.data import Id
from target_node.wire.frames import Frames


class Awaits(Enum):
    """What stands between a request and its answer."""

    TXN = auto()
    SYNC = auto()
    NOTHING = auto()  # but what was asked before it


@dataclass(slots=True, eq=False)
class Asked:
    """A request without its answer."""

    client: Client
    xid: int
    op: int
    awaits: Awaits
    since_ms: int
    request: Request | None = None  # a read
    answer: Answer | None = None  # what is already decided


class Stage(Enum):
    """How far a connection is."""

    FRESH = auto()
    OPENING = auto()  # its session is being made, or looked for
    OPEN = auto()
    ENDING = auto()  # nothing that comes over it counts any more


@dataclass(slots=True, eq=False)
class Client:
    """A connection. `ids` is who it has shown to be."""

    connection: int
    host: str
    since_ms: int
    frames: Frames
    ids: tuple[Id, ...]
    traffic: Traffic
    since_wall_ms: int = 0
    stage: Stage = Stage.FRESH
    greeting: ConnectRequest | None = None
    session: int = 0
    timeout_ms: int = 0
    heard_ms: int = 0
    begun_after: int = 0  # the zxid of rule 2
    asked: deque[Asked] = field(default_factory=deque)
    early: deque[bytes] = field(default_factory=deque)  # packets whose time has not come
    held: bool = False

    @property
    def awaits_sync(self) -> bool:
        """Rule 3."""
        return bool(self.asked) and self.asked[-1].awaits is Awaits.SYNC
