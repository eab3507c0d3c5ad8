"""Which nodes does a name such as `leader` or `minority` mean at this moment?

A plan is made before anybody knows who will lead by then. So it names its targets, and they are
looked up when the fault is injected.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from nemesis.fault import Node
from nemesis.grudge import Roles, shuffled
from nemesis.surface import Draw, Surface

TARGETS: Final = ("follower", "one", "leader", "observer", "minority", "majority", "all")
"""What can be said instead of a node's name."""


@dataclass(frozen=True, slots=True)
class Scene:
    """The nodes, and what they are now: "" is a node that serves nobody."""

    nodes: tuple[Node, ...]
    roles: Roles = field(default_factory=dict)

    @property
    def voters(self) -> tuple[Node, ...]:
        """All who are not known to observe."""
        return tuple(node for node in self.nodes if self.roles.get(node) != "observer")


async def scene_of(surface: Surface) -> Scene:
    """What it looks like now."""
    return Scene(tuple(surface.nodes), await surface.roles())


def resolve(target: str, scene: Scene, draw: Draw) -> tuple[Node, ...]:
    """The nodes that are meant, in the order of all nodes; none, if nobody is that now."""
    if target in scene.nodes:
        return (target,)
    match target:
        case "one":
            chosen = _some(scene.nodes, 1, draw)
        case "leader" | "follower" | "observer":
            chosen = _some([n for n in scene.nodes if scene.roles.get(n) == target], 1, draw)
        case "minority":
            # Of the voters, and not always the largest that there is.
            most = (len(scene.voters) - 1) // 2
            chosen = _some(scene.voters, 1 + draw(most), draw) if most else []
        case "majority":
            chosen = _some(scene.voters, len(scene.voters) // 2 + 1, draw)
        case "all":
            chosen = list(scene.nodes)
        case _:
            raise ValueError(f"{target!r} is no node and none of {', '.join(TARGETS)}")
    return tuple(node for node in scene.nodes if node in chosen)


def _some(nodes: Sequence[Node], count: int, draw: Draw) -> list[Node]:
    return shuffled(nodes, draw)[:count]
