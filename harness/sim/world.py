"""Which nodes are there, and what happens to them?

Nodes are called n1, n2, …, and so are their hosts; clients live on hosts of their own. Whatever one
may touch is here, or in `network`, or in a node; all of it takes effect at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from harness.chance import Chance, Draw
from harness.sim.connection import Host, Link
from harness.sim.loop import SimLoop
from harness.sim.network import CLIENT_PORT, Network, Pace, Temper
from harness.sim.node import Record, SimNode
from harness.sim.ports import PORTS
from target_node.protocol.ensemble import Address, Ensemble, Role, Server
from target_node.server.events import Port
from target_node.server.settings import Settings

LOOKING: Final = ""  # the role of one that serves nobody


class SimWorld:
    """An ensemble of `size` voters, and observers behind them; all are down at first."""

    def __init__(
        self,
        seed: int,
        size: int = 3,
        *,
        observers: int = 0,
        pace: Pace | None = None,
        temper: Temper | None = None,
        loop: SimLoop | None = None,
        chance: Chance | None = None,
        tell: Callable[[Record], None] | None = None,
        **settings: Any,
    ) -> None:
        """`settings` are those of the nodes that differ from the usual.

        Chance is the run's own, where there is a run; what nodes note is told, or else kept here.
        """
        running = loop or asyncio.get_running_loop()
        assert isinstance(running, SimLoop), "a simulated world needs a simulated time"
        self.loop = running
        self.chance = chance or Chance(seed, keeps=False)
        self.network = Network(self.loop, self.chance, pace=pace, temper=temper)
        self.ensemble = ensemble_of(size, observers)
        self.nodes: dict[Host, SimNode] = {}
        self._events: list[Record] = []
        told_to = tell or self._events.append
        for server in self.ensemble.servers:
            told = replace(Settings(server.sid, self.ensemble, most_connections=0), **settings)
            node = SimNode(told, self.loop, self.network, self.chance, told_to)
            self.nodes[node.name] = node

    def draw(self, label: str) -> Draw:
        """The stream of chance with this label."""
        return self.chance.draw(label)

    # What one may see.

    @property
    def names(self) -> tuple[Host, ...]:
        """All nodes, in their order."""
        return tuple(self.nodes)

    @property
    def seconds(self) -> float:
        """How late it is."""
        return self.loop.time()

    def roles(self) -> Mapping[Host, str]:
        """Of every node: leader, follower, observer, or nothing for one that serves nobody."""
        return {name: _role(node) for name, node in self.nodes.items()}

    def leader(self) -> Host | None:
        """The one that serves as such; of several, who may not know that they are deposed, any."""
        return next((name for name, role in self.roles().items() if role == "leader"), None)

    def events(self) -> Sequence[Record]:
        """All that the nodes noted, in order."""
        return self._events

    @property
    def failures(self) -> list[BaseException]:
        """What was raised out of nodes: there is no good reason for any."""
        return [failure for node in self.nodes.values() for failure in node.failures]

    # What one may do. Nodes that are not as they would have to be are left as they are.

    def start(self, *names: Host) -> None:
        """These, or all that are down."""
        for name in names or self.nodes:
            if not self.nodes[name].up:
                self.nodes[name].start()

    def kill(self, name: Host) -> None:
        """The process is gone, without warning; its machine lives on."""
        if self.nodes[name].up:
            self.nodes[name].crash()

    def power_off(self, name: Host) -> None:
        """The machine is gone, and what its disk had not synced."""
        self.nodes[name].crash(power=True)

    def restart(self, name: Host) -> None:
        """Killed, and up again at once."""
        self.kill(name)
        self.start(name)

    def wipe(self, name: Host) -> None:
        """Dead, and its disk is empty."""
        self.kill(name)
        self.nodes[name].disk.wipe()

    def pause(self, name: Host) -> None:
        """The process stands still."""
        self.nodes[name].pause()

    def resume(self, name: Host) -> None:
        """It goes on."""
        self.nodes[name].resume()

    def cut(self, links: Iterable[Link]) -> None:
        """Nothing passes over these links; all others are whole."""
        self.network.cut(links)

    def lift_faults(self) -> None:
        """Network, clocks and disks are as they should be, and every node is up and goes on."""
        self.network.cut(())
        self.network.refuse(())
        self.network.slow({})
        for node in self.nodes.values():
            node.lift_faults()
            node.resume()
        self.start()

    # What one may wait for.

    async def until(self, holds: Callable[[], bool], seconds: float, step_s: float = 0.05) -> bool:
        """Whether it came to that in time."""
        end = self.loop.time() + seconds
        while not holds():
            # Seconds are no whole numbers: how they are rounded must not decide about a step more.
            if self.loop.time() >= end - step_s / 2:
                return False
            await asyncio.sleep(step_s)
        return True

    def all_serve(self) -> bool:
        """Every node serves, all under one leader."""
        roles = list(self.roles().values())
        return all(roles) and roles.count("leader") == 1


def ensemble_of(size: int, observers: int = 0) -> Ensemble:
    """So many voters, and observers with the greater sids."""
    return Ensemble(
        tuple(
            Server(
                sid,
                Address(f"n{sid}", PORTS[Port.QUORUM]),
                Address(f"n{sid}", PORTS[Port.ELECTION]),
                Address(f"n{sid}", CLIENT_PORT),
                Role.PARTICIPANT if sid <= size else Role.OBSERVER,
            )
            for sid in range(1, size + observers + 1)
        )
    )


def isolating(names: Iterable[Host], others: Iterable[Host]) -> list[Link]:
    """All links between these and those, both ways."""
    rest = tuple(others)
    return [link for a in names for b in rest if a != b for link in ((a, b), (b, a))]


def _role(node: SimNode) -> str:
    server = node.server
    if server is None or node.paused or server.clients.serving is None:
        return LOOKING
    return server.role.name
