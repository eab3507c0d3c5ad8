"""What does a nemesis intend to do, and after which while?

A nemesis is a plan: steps without an end, each of which waits, lets faults be, holds them and lifts
them. What it aims at may be a role or a shape rather than a node; which nodes and links that are
is found out at the last moment.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

from nemesis.fault import Fault, Link, Node, Partition
from nemesis.grudge import GRUDGES, between, shuffled
from nemesis.surface import Draw, Surface
from nemesis.targets import Scene, resolve


@dataclass(frozen=True, slots=True)
class AtNodes:
    """A fault for each node that `aim` means: a role, a number of them, or a node's name."""

    aim: str
    fault: Callable[[Node], Fault]

    def faults(self, scene: Scene, draw: Draw) -> tuple[Fault, ...]:
        """What is meant in this scene; nothing, if nobody is."""
        return tuple(self.fault(node) for node in resolve(self.aim, scene, draw))


@dataclass(frozen=True, slots=True)
class OverLinks:
    """One fault of all links that the grudge of this name cuts."""

    aim: str
    fault: Callable[[frozenset[Link]], Fault]

    def faults(self, scene: Scene, draw: Draw) -> tuple[Fault, ...]:
        """What is meant in this scene; nothing, if the shape has no links in it."""
        links = GRUDGES[self.aim](scene.nodes, scene.roles, draw)
        return (self.fault(links),) if links else ()


@dataclass(frozen=True, slots=True)
class Exactly:
    """These faults, whoever is what by then: as they were resolved in an earlier run."""

    aim: str
    given: tuple[Fault, ...]

    def faults(self, scene: Scene, draw: Draw) -> tuple[Fault, ...]:
        """As they are given."""
        return self.given


@dataclass(frozen=True, slots=True)
class Unawares:
    """Whoever leads is cut off from all others, and by a fault of its own does not notice.

    Clients still come to it: so a leader that was deposed is asked late.
    """

    fault: Callable[[Node], Fault]
    aim: str = "leader"

    def faults(self, scene: Scene, draw: Draw) -> tuple[Fault, ...]:
        """Two of them; nothing, if nobody leads."""
        leaders = resolve(self.aim, scene, draw)
        links = between(leaders, scene.nodes)
        return (Partition(links), self.fault(leaders[0])) if links else ()


@dataclass(frozen=True, slots=True)
class Apart:
    """This node, and as chance has it some others, are cut off from a majority."""

    node: Node
    aim: str = "minority"

    def faults(self, scene: Scene, draw: Draw) -> tuple[Fault, ...]:
        """A partition with the node in its smaller part."""
        others = shuffled([node for node in scene.voters if node != self.node], draw)
        most = len(others) // 2  # in a minority of all voters
        some = [self.node, *others[: draw(most)]] if most else [self.node]
        return (Partition(between(some, [node for node in scene.nodes if node not in some])),)


Aim: TypeAlias = AtNodes | OverLinks | Exactly | Unawares | Apart


@dataclass(frozen=True, slots=True)
class When:
    """The moment at which a node writes down such an event for this many a time, as its log has it.

    `then` says what is aimed at, once it is known whose event it was.
    """

    event: str
    then: Callable[[Node], Aim]
    role: str = ""
    """Only of nodes that are this at the moment; "" for any."""
    node: Node = ""
    """Only of this one; "" for any."""
    times: int = 1
    within_s: float = 10.0
    """After which nobody waits any more."""
    delay_s: float = 0.0
    """How much later than that it is to be."""


@dataclass(frozen=True, slots=True)
class Moment:
    """When it came to that: so long after this node wrote down such an event, for this many a time
    since one began to wait for it.
    """

    node: Node
    event: str
    times: int
    waited_ns: int
    delay_ns: int = 0


@dataclass(frozen=True, slots=True)
class Step:
    """Wait, let it be, hold it, and lift it; so many `times` over the same nodes and links, with
    pauses.

    With `when` that is waited for too, and says what to aim at; if it does not come to that, the
    aim is the step's own. Without an aim nothing happens but the wait. Of a `timed` step the hold
    begins when it is asked for, not when it has its effect.
    """

    wait_s: float
    aim: Aim | None
    hold_s: float
    times: int = 1
    pause_s: float = 0.0
    when: When | None = None
    timed: bool = False


Plan: TypeAlias = Callable[[Surface, Draw], Iterator[Step]]


@dataclass(frozen=True, slots=True)
class Nemesis:
    """A plan with a name. `kinds` are the classes of faults that it may inject, all of which a
    cluster must support; `more` are such as it injects only where a cluster supports them. `about`
    is for the list of nemeses.
    """

    name: str
    about: str
    kinds: frozenset[type]
    plan: Plan = field(repr=False)
    more: frozenset[type] = frozenset()
