"""What is known of a server at this moment, for those who ask how it is?"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from target_node.protocol.membership import Members
from target_node.server.settings import Settings
from target_node.server.statistics import Statistics, Traffic
from target_node.state.tree import Tree
from target_node.state.watches import Watches

VERSION: Final = "zookeeper.version"


class Mode(StrEnum):
    """As what a server serves."""

    LEADER = "leader"
    FOLLOWER = "follower"
    OBSERVER = "observer"
    STANDALONE = "standalone"
    READ_ONLY = "read-only"


@dataclass(frozen=True, slots=True)
class Leading:
    """What only a leader knows; its learners are those that it has synchronised."""

    followers: int
    observers: int
    pending_syncs: int
    uptime_ms: int


@dataclass(frozen=True, slots=True)
class Connection:
    """A client's."""

    peer: str  # its address, as it is to be shown
    established_ms: int  # of the wall clock
    traffic: Traffic
    session: int = 0  # until it has one
    timeout_ms: int = 0
    queued: int = 0  # requests that wait for their answers
    held: bool = False  # not read from, for now


@dataclass(frozen=True, slots=True)
class Facts:
    """`mode` is None while it serves nobody.

    `environment` is where it runs, and has a `VERSION` that begins like `3.8.0-`. `connections` are
    those of clients, by the numbers that they have in `watches`.
    """

    settings: Settings
    environment: Mapping[str, str]
    mode: Mode | None
    ensemble: Members
    tree: Tree
    watches: Watches
    statistics: Statistics
    connections: Callable[[], Mapping[int, Connection]]
    uptime_ms: int
    leading: Leading | None = None
