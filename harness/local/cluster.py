"""How does an ensemble of processes on this machine look to the harness?

Rules of this file:
1. What is asked for is a state and not a change: it is brought about from wherever we are, so that
   a change that failed half-way does no harm.
2. A process that ended by itself is not started again, except to end a fault that had it killed.
   Who cannot start when a bit of its disk was flipped gets an empty one: whoever lifts such a fault
   has seen to it that all others hold everything.
3. Whatever happens, `stop` and the end of this process end all that was started.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

from harness.cluster import CannotDeploy
from harness.ends import OURS
from harness.local.evidence import Probes
from harness.local.lines import Lines
from harness.local.member import PORTS, RIGHT, Member, configuration
from harness.local.orders import modes, ways
from harness.local.ports import HOST, free_ports
from harness.local.tailing import next_event
from harness.local.words import ask, comparable, print_of, standing
from harness.standing import Standing, all_serve, caught_up, in_words
from harness.zookeeper.connecting import connect
from harness.zookeeper.session import CALL_S, Session
from nemesis.fault import DISKS, Fault, Node, Packets
from nemesis.surface import Evidence
from nemesis.union import Union, union
from nemesis.written import KINDS

START_S: Final = 60.0
TRIES: Final = 5  # at finding ports that stay free
TICK_MS: Final = 200
_LOOK_S: Final = 0.1


class LocalCluster:
    """So many nodes, n1, n2 …, each runs `module`; `config` is for zoo.cfg."""

    def __init__(
        self,
        size: int = 5,
        *,
        module: Sequence[str] = ("target_node",),
        config: str = "",
        tick_ms: int = TICK_MS,
    ) -> None:
        self.nodes: tuple[Node, ...] = tuple(f"n{sid}" for sid in range(1, size + 1))
        self.supports: frozenset[type] = frozenset(KINDS.values()) - DISKS - {Packets}
        self.ended: dict[Node, str] = {}
        """Who ended by itself, though nobody wanted it so: its exit status and last words."""
        self.ends = OURS
        self._module = tuple(module)
        self._config = config
        self._tick_ms = tick_ms
        self._members: dict[Node, Member] = {}
        self._doors: dict[str, int] = {}
        self._guardian = Lines("harness.local.guardian")
        self._proxy = Lines("harness.local.proxy")
        self._changing = asyncio.Lock()

    async def deploy(self, directory: Path) -> None:
        """Start them below this directory, and wait until they serve."""
        self._directory = _made(directory)
        await self._guardian.start(self._directory / "guardian.log")
        for _ in range(TRIES):
            await self._proxy.start(self._directory / "proxy.log")
            await self._prepare()
            await asyncio.gather(*(self._start(one) for one in self._members.values()))
            if await self._come_up():
                return
            await self._guardian.ask("kill", names=self.nodes)
            await self._proxy.stop()
        raise CannotDeploy(f"no ports stay free: {'; '.join(self.ended.values())}")

    async def _prepare(self) -> None:
        ports = iter(free_ports(PORTS * len(self.nodes)))
        self.ended = {}
        self._members = {
            name: Member(name, sid, self._directory / name, (next(ports), next(ports), next(ports)))
            for sid, name in enumerate(self.nodes, start=1)
        }
        members = list(self._members.values())
        doors = {k: v for one in members for k, v in one.doors(members).items()}
        self._doors = (await self._proxy.ask("open", seed=0, doors=doors))["ports"]
        for one in members:
            one.write_files(self._doors, members)
        self._zoo_cfg = self._directory / "zoo.cfg"
        self._zoo_cfg.write_text(configuration(members, self._tick_ms, self._config))
        self._probes = Probes(self._members, self._proxy, self._doors, self._look)

    async def _come_up(self) -> bool:
        """False, if a port was taken meanwhile."""
        loop = asyncio.get_running_loop()
        until = loop.time() + START_S
        while loop.time() < until:
            if all_serve(await self.roles()):
                return True
            await self._look()
            if any("cannot listen" in why for why in self.ended.values()):
                return False
            if self.ended:
                break
            await asyncio.sleep(_LOOK_S)
        ended = "; ".join(f"{node}: {why}" for node, why in self.ended.items())
        why = ended or f"no leader within {START_S:g} s; {self._directory}/*/log may tell why"
        raise CannotDeploy(f"the ensemble does not come up: {why}")

    # What can be touched.

    async def apply(self, active: Sequence[Fault]) -> None:
        """Let these be active, all of them and no others."""
        so = union(active)
        async with self._changing:
            await self._look()
            changes: list[Callable[[], Awaitable[Any]]] = [
                partial(self._proxy.ask, "set", links=ways(so), doors=modes(so))
            ]
            changes += [partial(self._set, one, so) for one in self._members.values()]
            # What fails for one is done to the others all the same: it may be a healing.
            failures = []
            for change in changes:
                try:
                    await change()
                except OSError as failure:  # a timeout is one
                    failures.append(failure)
            if failures:
                raise failures[0]

    async def probe(self, fault: Fault, active: Sequence[Fault]) -> Evidence:
        """What is seen of it."""
        return await self._probes.probe(fault, active)

    async def _set(self, member: Member, so: Union) -> None:
        name = member.name
        if name in so.down and member.up:
            await self._guardian.ask("kill", names=[name])
            member.up = member.paused = False
        for file, back in sorted(so.flipped.get(name, frozenset()) - member.flips.keys()):
            await asyncio.to_thread(member.flip_bit, file, back)
        if name in so.wiped and not member.wiped:
            await asyncio.to_thread(member.lose_disk)
        member.wiped = name in so.wiped
        skew = so.clocks.get(name, RIGHT)
        if skew != member.skew:
            member.write_clock(skew)
        if name not in so.down and not member.up:
            await self._start(member)
        paused = name in so.paused and member.up
        if paused != member.paused:
            number = signal.SIGSTOP if paused else signal.SIGCONT
            await self._guardian.ask("signal", name=name, signal=number)
            member.paused = paused

    async def _start(self, member: Member) -> None:
        await self._begin(member)
        if member.flips:
            await self._see_it_start(member)
            member.flips.clear()
        member.up = True

    async def _see_it_start(self, member: Member) -> None:
        """With a bit that was flipped; or without any of its disk, if it cannot for that."""
        loop = asyncio.get_running_loop()
        until = loop.time() + START_S
        while loop.time() < until and not await ask(member.client_port, "ruok"):
            _, state, status = (await self._guardian.ask("look"))["states"][member.name]
            if not state:
                if self.ends.may_be_for_a_bit(f"exit status {status}:"):
                    await asyncio.to_thread(member.lose_disk)
                    await self._begin(member)
                return
            await asyncio.sleep(_LOOK_S)

    async def _begin(self, member: Member) -> None:
        command = member.command(self._module, self._zoo_cfg)
        folder, log = str(member.folder), str(member.log)
        await self._guardian.ask("start", name=member.name, command=command, folder=folder, log=log)

    async def _look(self) -> Mapping[Node, tuple[int, str, int | None]]:
        """Pid, state and exit status of each; whoever has ended by itself is noted."""
        states = (await self._guardian.ask("look"))["states"]
        for name, (_, state, status) in states.items():
            member = self._members[name]
            if member.up and not state:
                how = f"exit status {status}: {member.last_words()}"
                self.ended.setdefault(name, self.ends.told(how, rotten=member.rotten))
        return {name: tuple(told) for name, told in states.items()}

    # What is asked.

    async def roles(self) -> Mapping[Node, str]:
        """Of all of them; empty for whoever is not up, or serves nobody."""
        return {name: one.role for name, one in (await self._standings()).items()}

    async def caught_up(self) -> frozenset[Node]:
        """Those that have applied what the leader had at the beginning."""
        return await caught_up(self._standings)

    async def recovered(self, *, within_s: float) -> Mapping[Node, str]:
        """Wait until all serve and one leads."""
        loop = asyncio.get_running_loop()
        until = loop.time() + within_s
        while True:
            roles = await self.roles()
            if all_serve(roles):
                return roles
            if loop.time() >= until:
                await self._look()
                raise TimeoutError(f"after {within_s:g} s: {in_words(roles, self.ended)}")
            await asyncio.sleep(_LOOK_S)

    async def fingerprints(self) -> Mapping[Node, str]:
        """Of those that serve. The history counts where all know it from the same point on."""
        running = self._running()
        told = await asyncio.gather(*(print_of(one.client_port) for one in running))
        prints = {one.name: said for one, said in zip(running, told, strict=True) if said}
        return comparable(prints)

    @property
    def addresses(self) -> Mapping[Node, str]:
        """Where each can be reached without the proxy."""
        return {name: f"{HOST}:{one.client_port}" for name, one in self._members.items()}

    async def connect(self, node: Node, *, timeout_s: float) -> Session:
        """A new session with this node, through the proxy."""
        ports = {name: self._doors[f"client/{name}"] for name in self.nodes}
        return await connect(
            HOST,
            ports[node],
            node=node,
            timeout_s=timeout_s,
            call_s=CALL_S,
            doors={name: partial(asyncio.open_connection, HOST, at) for name, at in ports.items()},
        )

    def event_logs(self) -> Mapping[Node, Sequence[Path]]:
        """One file of each, that goes on when the node is started again."""
        return {name: [member.events] for name, member in self._members.items()}

    async def next_event(self, wanted: Callable[[Node, str], bool]) -> Node:
        """It goes on while we hear of it."""
        return await next_event(self.event_logs(), wanted)

    async def pids(self) -> Mapping[str, int]:
        """Of all that was started and has not been waited for."""
        nodes = {name: pid for name, (pid, state, _) in (await self._look()).items() if state}
        return {"guardian": self._guardian.pid, "proxy": self._proxy.pid, **nodes}

    async def stop(self) -> None:
        """End everything."""
        await self._guardian.stop()
        await self._proxy.stop()

    def _running(self) -> list[Member]:
        return [one for one in self._members.values() if one.up and not one.paused]

    async def _standings(self) -> Mapping[Node, Standing]:
        running = self._running()
        told = await asyncio.gather(*(standing(one.client_port) for one in running))
        known = dict(zip((one.name for one in running), told, strict=True))
        return {name: known.get(name, Standing()) for name in self.nodes}


def _made(directory: Path) -> Path:
    directory.mkdir(parents=True, exist_ok=True)
    return directory.resolve()
