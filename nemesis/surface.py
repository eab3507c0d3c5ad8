"""What does a cluster let one touch?"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias, runtime_checkable

from nemesis.fault import Fault, Node

Draw: TypeAlias = Callable[[int], int]
"""A number below this one: the only source of chance. Smaller draws mean calmer runs."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What was seen of a fault's effect: `proven` if it does what it says, and in what words."""

    proven: bool
    words: str


class Surface(Protocol):
    """A running cluster, as a nemesis sees it."""

    @property
    def nodes(self) -> Sequence[Node]:
        """All of them, up or down, in an order that does not change."""

    @property
    def supports(self) -> frozenset[type]:
        """The kinds of fault that this cluster can do; what it cannot is absent."""

    async def roles(self) -> Mapping[Node, str]:
        """ "leader", "follower", "observer", or "" for a node that serves nobody."""

    async def caught_up(self) -> frozenset[Node]:
        """Those that serve, under one leader, and hold all that was committed when this was asked;
        nobody, if it cannot be known.
        """

    async def apply(self, active: Sequence[Fault]) -> None:
        """Let these faults be active, all of them and no others."""

    async def probe(self, fault: Fault, active: Sequence[Fault]) -> Evidence:
        """Whether this fault has the effect that it should have, now."""


@runtime_checkable
class Reasoned(Protocol):
    """A surface that finds out when it is deployed what it can do, and says why not."""

    def why_not(self, kind: type) -> str:
        """What keeps it from this kind of fault; empty, if nothing more can be said."""


@runtime_checkable
class Watched(Protocol):
    """A surface on which one can see what nodes do at the moment at which they do it."""

    async def next_event(self, wanted: Callable[[Node, str], bool]) -> Node:
        """Wait until a node writes down an event that is wanted, by its name; which node."""
