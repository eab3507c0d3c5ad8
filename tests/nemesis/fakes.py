"""A cluster that only notes what it is told, and chance that is told beforehand."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from nemesis.fault import Fault, LosesADisk, Node
from nemesis.surface import Draw, Evidence
from nemesis.written import KINDS

FIVE = ("n1", "n2", "n3", "n4", "n5")
ROLES = {node: "leader" if node == "n2" else "follower" for node in FIVE}


def zeros(below: int) -> int:
    return 0


def seeded(label: str) -> Draw:
    return random.Random(label).randrange


class FakeSurface:
    """All that was applied, in order; `lag` is how long that takes."""

    def __init__(self, nodes: Sequence[Node] = FIVE, *, lag: float = 0.0) -> None:
        self.nodes = tuple(nodes)
        self.supports: frozenset[type] = frozenset(KINDS.values())
        self.lag = lag
        self.applied: list[tuple[Fault, ...]] = []
        self.now: tuple[Fault, ...] = ()
        self.leads: Node | None = "n2"
        self.behind: frozenset[Node] = frozenset()
        self.fail: Callable[[Sequence[Fault]], None] = lambda active: None
        self.story: list[tuple[str, Any]] = []

    async def roles(self) -> Mapping[Node, str]:
        return {node: "leader" if node == self.leads else "follower" for node in self.nodes}

    async def caught_up(self) -> frozenset[Node]:
        down = {fault.node for fault in self.now if isinstance(fault, LosesADisk)}
        self.story.append(("asked", tuple(sorted(down))))
        return frozenset(self.nodes) - self.behind - down

    async def apply(self, active: Sequence[Fault]) -> None:
        self.fail(active)
        await asyncio.sleep(self.lag)
        self.now = tuple(active)
        self.applied.append(self.now)
        self.story.append(("applied", self.now))

    async def probe(self, fault: Fault, active: Sequence[Fault]) -> Evidence:
        assert tuple(active) == self.now
        return Evidence(fault in self.now, "it is so")

    def note(self, f: str, value: Mapping[str, Any]) -> None:
        self.story.append((f, value))

    def journal(self, faults: Sequence[Fault]) -> None:
        self.story.append(("journalled", tuple(faults)))
