"""How does a simulated ensemble look to the harness?

Rules of this file:
1. What is asked for is a state and not a change, as with every kind of cluster.
2. A node that ended by itself is not started again, except to end a fault that had it killed, or
   one of its disk for which it may end itself. Who cannot start when a bit of its disk was flipped
   gets an empty one: whoever lifts such a fault has seen to it that all others hold everything.
3. Who is killed may die between any two effects of a step or changes of its disk, or with the power
   of its machine: draws decide it, and 0 is a plain kill.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Final

from harness.chance import Chance
from harness.cluster import CannotDeploy
from harness.ends import OURS
from harness.sim.conditions import Conditions
from harness.sim.disk import BROKEN, FULL
from harness.sim.evidence import probe
from harness.sim.journals import Journals
from harness.sim.network import CLIENT_PORT, CLIENTS, Pace
from harness.sim.node import SimNode
from harness.sim.timely import by_the_second
from harness.sim.world import SimWorld
from harness.standing import in_words
from harness.zookeeper.connecting import connect
from harness.zookeeper.session import CALL_S, Session
from nemesis.fault import Fault, Link, Node, Packets
from nemesis.surface import Evidence
from nemesis.union import Lag, Skew, Union, union
from nemesis.written import KINDS
from target_node.state.digest import tree_hash

START_S: Final = 60.0
LAST_GASPS_S: Final = (0.02, 0.005, 0.001, 0.0002)
"""For which somebody who is to die goes on at most: what it sent last has arrived, or has not."""
STEPS: Final = (0, 1, 2, 3, 4, 6, 9, 12)  # that it does meanwhile: effects, or disk changes
POWER: Final = 4  # of so many crashes one takes the machine
_LOOK_S: Final = 0.05
_RIGHT: Final = Skew()


class SimCluster:
    """So many nodes, n1, n2 …, in a world that is made when they are deployed."""

    def __init__(self, conditions: Conditions, chance: Chance) -> None:
        self.nodes: tuple[Node, ...] = tuple(f"n{sid}" for sid in range(1, conditions.nodes + 1))
        # A stream never shows what became of its packets, but by the time that it took: `Slow`.
        self.supports: frozenset[type] = frozenset(KINDS.values()) - {Packets}
        self.ends = OURS
        self.conditions = conditions
        self._chance = chance
        self._journals = Journals()
        self._wiped: set[Node] = set()
        # What is not started yet with these bits wrong.
        self._flipped: dict[Node, set[tuple[int, int]]] = {name: set() for name in self.nodes}
        self._down: set[Node] = set()  # because it is to be
        self._dark: set[Node] = set()
        self._changing = asyncio.Lock()

    @property
    def ended(self) -> Mapping[Node, str]:
        """Who ended by itself, though nobody wanted it so."""
        return self._journals.ended

    async def deploy(self, directory: Path) -> None:
        """Start them, and wait until they serve."""
        told = self.conditions
        self._journals.open(directory, self.nodes)
        self.world = SimWorld(
            self._chance.seed,
            told.nodes,
            pace=told.pace,
            temper=told.temper,
            chance=self._chance,
            tell=self._journals.note,
            **told.settings,
        )
        for node in self.world.nodes.values():
            node.disk_pace = told.disk_pace
        self.world.start()
        if not await self.world.until(self.world.all_serve, START_S):
            raise CannotDeploy(
                f"no leader within {START_S:g} s: {in_words(self.world.roles(), {})}"
            )

    # What can be touched.

    async def apply(self, active: Sequence[Fault]) -> None:
        """Let these be active, all of them and no others."""
        so = union(active)
        async with self._changing:
            self._set_network(so)
            for name, node in self.world.nodes.items():
                await self._set(name, node, so)

    def _set_network(self, so: Union) -> None:
        network = self.world.network
        network.slow({link: self._late(lag) for link, lag in so.slow.items()})
        # In an order that no set has decided: what is refused is reset in it.
        network.refuse([link for name in self.nodes if name in so.reset for link in _client(name)])
        stalled = [link for name in self.nodes if name in so.stalled for link in _client(name)]
        network.cut([*sorted(so.cut), *stalled])

    def _late(self, lag: Lag) -> Pace:
        usual = self.conditions.pace
        delay_ms, jitter_ms = usual.delay_ms + lag.delay_ms, usual.jitter_ms + lag.jitter_ms
        return Pace(delay_ms, jitter_ms, lag.loss, lag.bytes_per_s)

    async def _set(self, name: Node, node: SimNode, so: Union) -> None:
        if name in so.dark and name not in self._dark:
            self._dark.add(name)
            self._down.add(name)
            await self._kill(name, node, torn=so.dark[name], power=True)
        if name in so.down and name not in self._down:
            self._down.add(name)
            await self._kill(name, node, torn=self.conditions.torn and name not in self._wiped)
        for file, back in sorted(so.flipped.get(name, frozenset()) - self._flipped[name]):
            self._flipped[name].add((file, back))
            self._journals.rotten.add(name)
            node.flip(file, back)
        if name in so.wiped and name not in self._wiped:
            self._wiped.add(name)
            self._lose_disk(name, node)
        skew = so.clocks.get(name, _RIGHT)
        node.set_clock(skew.offset_ms, skew.rate)
        self._set_disk(name, node, so)
        if name not in so.down and name in self._down:
            self._down.discard(name)
            self._wiped.discard(name)
            self._dark.discard(name)
            self._start(name, node)
            self._flipped[name].clear()
        if name not in so.ill and name in self._journals.excused:
            if name not in so.down:
                self._start(name, node)
            self._journals.excused.discard(name)
        if name in so.paused:
            node.pause()
        else:
            node.resume()

    def _start(self, name: Node, node: SimNode) -> None:
        self.world.start(name)
        if (how := self._journals.refused.pop(name, None)) is None:
            return
        if self._flipped[name]:
            self._lose_disk(name, node)
            self.world.start(name)
        else:  # a bit that has lain there for long: who knows what all others hold now?
            self._journals.ended.setdefault(name, self.ends.told(how, rotten=True))

    def _lose_disk(self, name: Node, node: SimNode) -> None:
        node.lose_disk()
        self._journals.rotten.discard(name)

    def _set_disk(self, name: Node, node: SimNode, so: Union) -> None:
        usual, late_ms = self.conditions.disk_pace, so.slow_disks.get(name, 0)
        node.disk_pace = replace(usual, least_ms=usual.least_ms + late_ms)
        if name in so.ill:  # it may find out and end itself, and is right to
            self._journals.excused.add(name)
        writes = so.broken.get(name)
        node.disk.fails_to_sync = writes is False
        node.disk.fails = BROKEN if writes else FULL if name in so.full else None

    async def _kill(self, name: Node, node: SimNode, *, torn: bool, power: bool = False) -> None:
        draw = by_the_second(self.world.loop, self._chance, f"crash/{name}")
        power = power or (torn and draw(POWER) == POWER - 1)
        steps = STEPS[draw(len(STEPS))] if torn else 0
        if steps and node.up and not node.paused:
            last_s = LAST_GASPS_S[draw(len(LAST_GASPS_S))]
            if draw(2):
                node.crash_in_disk(steps, power=power)
                last_s += node.disk_pace.most_s
            else:
                node.crash_after(steps, power=power)
            await self.world.until(lambda: not node.up, last_s, step_s=last_s / 20)
        if node.up or power:
            node.crash(power=power, all_lost=power and not torn)

    async def next_event(self, wanted: Callable[[Node, str], bool]) -> Node:
        """Wait for it; nothing else has happened by the time that this returns."""
        found: asyncio.Future[Node] = asyncio.get_running_loop().create_future()

        def hear(node: Node, event: str) -> None:
            if not found.done() and wanted(node, event):
                found.set_result(node)

        self._journals.listeners.append(hear)
        try:
            return await found
        finally:
            self._journals.listeners.remove(hear)

    async def probe(self, fault: Fault, active: Sequence[Fault]) -> Evidence:
        """What is seen of it."""
        return probe(self.world, fault, active)

    # What is asked.

    async def roles(self) -> Mapping[Node, str]:
        """Of all of them; empty for whoever is not up, or serves nobody."""
        return self.world.roles()

    async def caught_up(self) -> frozenset[Node]:
        """Those that have applied what the leader has."""
        roles = self.world.roles()
        leaders = [name for name, role in roles.items() if role == "leader"]
        if len(leaders) != 1:
            return frozenset()
        newest = self._applied(leaders[0])
        return frozenset(n for n, role in roles.items() if role and self._applied(n) >= newest)

    async def recovered(self, *, within_s: float) -> Mapping[Node, str]:
        """Wait until all serve and one leads."""
        if await self.world.until(self.world.all_serve, within_s, step_s=_LOOK_S):
            return self.world.roles()
        raise TimeoutError(f"after {within_s:g} s: {in_words(self.world.roles(), self.ended)}")

    async def fingerprints(self) -> Mapping[Node, str]:
        """Of those that serve."""
        roles = self.world.roles()
        return {name: self._print(name) for name, role in roles.items() if role}

    def _applied(self, name: Node) -> int:
        server = self.world.nodes[name].server
        return -1 if server is None else server.place.history.tree.last_zxid

    def _print(self, name: Node) -> str:
        server = self.world.nodes[name].server
        assert server is not None, "who serves is up"
        tree = server.place.history.tree
        return f"zxid=0x{tree.last_zxid:x} hash={tree_hash(tree)} chain={tree.chain.hash.hex()}"

    async def connect(self, node: Node, *, timeout_s: float) -> Session:
        """A new session with this node, over the simulated network."""
        opener = partial(self.world.network.connect, here=CLIENTS)
        return await connect(
            node,
            CLIENT_PORT,
            node=node,
            timeout_s=timeout_s,
            call_s=CALL_S,
            opener=opener,
            doors={name: partial(opener, name) for name in self.nodes},
        )

    def event_logs(self) -> Mapping[Node, Sequence[Path]]:
        """One file of each, with all in it that it has noted up to now."""
        return self._journals.flushed()

    async def stop(self) -> None:
        """Leave nothing open."""
        self._journals.close()


def _client(name: Node) -> tuple[Link, Link]:
    return (CLIENTS, name), (name, CLIENTS)
