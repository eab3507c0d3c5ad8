"""How does software that is not ours run as processes on this machine, to be broken?

Whoever brings it says four things about it (`Software`); the rest is as with our own nodes: all
that passes between them and their clients goes through a proxy that can cut and delay it, and all
that is started is the child of a guardian, which leaves nothing behind.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

from harness.cluster import CannotDeploy
from harness.ends import Ends
from harness.local.evidence import Probes
from harness.local.lines import Lines
from harness.local.orders import CLIENTS, modes, ways
from harness.local.ports import HOST, free_ports
from harness.standing import in_words
from nemesis.fault import Crash, Fault, Node, Partition, Pause, Slow
from nemesis.surface import Evidence
from nemesis.union import union

START_S: Final = 60.0
_LOOK_S: Final = 0.1


@dataclass(frozen=True, slots=True)
class Seat:
    """Where a node lives. It listens on its own port of 127.0.0.1, and is to reach each other node
    by the port in `peers`, not by that node's own: only so can what is between them be cut.
    """

    name: Node
    place: int
    """From 0 on, in the order of all nodes."""
    folder: Path
    port: int
    peers: Mapping[Node, int]


class Software(Protocol):
    """What one must know of it."""

    def command(self, seat: Seat) -> Sequence[str]:
        """How a node is started, in its folder; the first time and after it was killed."""

    async def role(self, seat: Seat) -> str:
        """ "leader", "follower", or "" for a node that does not serve well; never raises."""

    async def fingerprint(self, seat: Seat) -> str:
        """The same at all nodes once they hold the same; empty, if it cannot be had."""

    async def connect(self, node: Node, doors: Mapping[Node, int]) -> Any:
        """A session of a client with this node, by its port in `doors`; `NotDone` if there is
        none. It has `session_id`, `alive`, `close()` and `abandon()`.
        """


class Processes:
    """So many nodes of it, n1, n2 …"""

    def __init__(self, software: Software, size: int) -> None:
        self.nodes: tuple[Node, ...] = tuple(f"n{place + 1}" for place in range(size))
        self.supports: frozenset[type] = frozenset({Crash, Pause, Partition, Slow})
        self.ended: dict[Node, str] = {}
        self.ends = Ends()
        self._software = software
        self._seats: dict[Node, Seat] = {}
        self._doors: dict[Node, int] = {}
        self._up: set[Node] = set()
        self._paused: set[Node] = set()
        self._guardian = Lines("harness.local.guardian")
        self._proxy = Lines("harness.local.proxy")
        self._changing = asyncio.Lock()

    @property
    def addresses(self) -> Mapping[Node, str]:
        """Where each can be reached without the proxy."""
        return {node: f"{HOST}:{seat.port}" for node, seat in self._seats.items()}

    async def deploy(self, directory: Path) -> None:
        """Start them below this directory, and wait until they serve."""
        _make(directory)
        await self._guardian.start(directory / "guardian.log")
        await self._proxy.start(directory / "proxy.log")
        own = dict(zip(self.nodes, free_ports(len(self.nodes)), strict=True))
        asked = {f"client/{node}": (CLIENTS, node, HOST, own[node]) for node in self.nodes}
        pairs = [(a, b) for a in self.nodes for b in self.nodes if a != b]
        asked |= {f"peer/{a}/{b}": (a, b, HOST, own[b]) for a, b in pairs}
        doors = (await self._proxy.ask("open", seed=0, doors=asked))["ports"]
        self._doors = {node: doors[f"client/{node}"] for node in self.nodes}
        for place, node in enumerate(self.nodes):
            peers = {other: doors[f"peer/{node}/{other}"] for other in self.nodes if other != node}
            self._seats[node] = Seat(node, place, directory / node, own[node], peers)
            _make(directory / node)
        self._probes = Probes({}, self._proxy, doors, self._look)
        for node in self.nodes:
            await self._start(node)
        try:
            await self.recovered(within_s=START_S)
        except TimeoutError as late:
            raise CannotDeploy(f"the nodes do not come up: {late}; see {directory}/*/log") from None

    async def apply(self, active: Sequence[Fault]) -> None:
        """Let these be active, all of them and no others."""
        so = union(active)
        async with self._changing:
            await self._proxy.ask("set", links=ways(so), doors=modes(so))
            for node in self.nodes:
                if node in so.down and node in self._up:
                    await self._guardian.ask("kill", names=[node])
                    self._up.discard(node)
                    self._paused.discard(node)
                elif node not in so.down and node not in self._up:
                    await self._start(node)
                if node in self._up and (node in so.paused) != (node in self._paused):
                    number = signal.SIGSTOP if node in so.paused else signal.SIGCONT
                    await self._guardian.ask("signal", name=node, signal=number)
                    self._paused ^= {node}

    async def probe(self, fault: Fault, active: Sequence[Fault]) -> Evidence:
        """What is seen of it: processes are looked at, links tried."""
        return await self._probes.probe(fault, active)

    async def roles(self) -> Mapping[Node, str]:
        """Of all of them."""
        running = [node for node in self.nodes if node in self._up - self._paused]
        told = await asyncio.gather(*(self._software.role(self._seats[node]) for node in running))
        return dict.fromkeys(self.nodes, "") | dict(zip(running, told, strict=True))

    async def caught_up(self) -> frozenset[Node]:
        """Nobody: no disk is ever lost here."""
        return frozenset()

    async def recovered(self, *, within_s: float) -> Mapping[Node, str]:
        """Wait until all serve and one leads."""
        loop = asyncio.get_running_loop()
        until = loop.time() + within_s
        while True:
            roles = await self.roles()
            if all(roles.values()) and list(roles.values()).count("leader") == 1:
                return roles
            await self._look()
            if loop.time() >= until or len(self.ended) == len(self.nodes):
                raise TimeoutError(in_words(roles, self.ended))
            await asyncio.sleep(_LOOK_S)

    async def fingerprints(self) -> Mapping[Node, str]:
        """Of those that tell it."""
        asked = [self._software.fingerprint(self._seats[node]) for node in self.nodes]
        told = dict(zip(self.nodes, await asyncio.gather(*asked), strict=True))
        return {node: said for node, said in told.items() if said}

    def event_logs(self) -> Mapping[Node, Sequence[Path]]:
        """None: what they write is theirs."""
        return {}

    async def connect(self, node: Node, *, timeout_s: float) -> Any:
        """A new session, through the proxy."""
        return await self._software.connect(node, self._doors)

    async def stop(self) -> None:
        """End everything."""
        await self._guardian.stop()
        await self._proxy.stop()

    async def _start(self, node: Node) -> None:
        seat = self._seats[node]
        await self._guardian.ask(
            "start",
            name=node,
            command=list(self._software.command(seat)),
            folder=str(seat.folder),
            log=str(seat.folder / "log"),
        )
        self._up.add(node)

    async def _look(self) -> Mapping[Node, tuple[int, str, int | None]]:
        """Pid, state and exit status of each; whoever has ended by itself is noted."""
        states = (await self._guardian.ask("look"))["states"]
        for node, (_, state, status) in states.items():
            if node in self._up and not state:
                lines = (self._seats[node].folder / "log").read_text(errors="replace").splitlines()
                self.ended.setdefault(node, f"exit status {status}: {lines[-1] if lines else ''}")
        return {node: tuple(told) for node, told in states.items()}


def _make(directory: Path) -> None:
    directory.mkdir(parents=True, exist_ok=True)
