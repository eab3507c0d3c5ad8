"""How does an ensemble on hosts look to the harness?

Rules of this file:
1. What is asked for is a state and not a change: a change that failed half-way does no harm.
2. All hosts are spoken to at once, and what fails at one is done at the others all the same: it may
   be a healing.
3. Nothing is begun on hosts that another run holds, and all that was begun ends with `stop`. If
   nobody is left to call it, every fault ends by itself.
4. A host that is lost ends nothing: what it was not told it is told when it answers again, and
   until then its faults end by themselves. But it is never forgotten that it was lost.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, suppress
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeVar

from harness.cluster import CannotDeploy
from harness.deploy import audit, clocks, lease, replicas, slow
from harness.deploy.abilities import Abilities
from harness.deploy.contact import Contact
from harness.deploy.evidence import Probes
from harness.deploy.facts import HostFacts, look_at, reasons_against
from harness.deploy.hosted import Hosted
from harness.deploy.packets import Network
from harness.deploy.target import CLIENT_PORT, HOME, Member, Target
from harness.hosts.host import Host
from harness.hosts.trouble import HostTrouble, all_of
from harness.standing import Standing, all_serve, caught_up, in_words
from harness.zookeeper.connecting import connect
from harness.zookeeper.session import CALL_S, Session
from nemesis.fault import Fault, Node, Slow
from nemesis.surface import Evidence
from nemesis.union import Union, union

START_S: Final = 60.0
LAST_S: Final = 10.0  # in which a host that was lost may answer once more
_LOOK_S: Final = 0.1

_T = TypeVar("_T")


class HostCluster:
    """A node on each of these hosts, which are `opened` by `deploy` and let go of by `stop`."""

    def __init__(
        self,
        nodes: Sequence[Node],
        target: Target,
        opened: AbstractAsyncContextManager[Sequence[Host]],
    ) -> None:
        self.nodes: tuple[Node, ...] = tuple(nodes)
        self._abilities = Abilities(target)
        self.ended: dict[Node, str] = {}
        """Who ended by itself, though nobody wanted it so: its exit status and last words."""
        self.ends = target.ends
        self.lost: dict[Node, str] = {}
        self.changed: dict[Node, Sequence[str]] = {}
        """What `stop` has found that is not as it was before `deploy`, for each host."""
        self.tell: Callable[[str, int], None] = _to_nobody
        self._target = target
        self._opened = opened
        self._open = AsyncExitStack()
        self._hosted: dict[Node, Hosted] = {}
        self._changing = asyncio.Lock()
        self._before: Mapping[Node, audit.Seen] = {}
        self._so: Union = union(())
        self._keeping: list[asyncio.Task[None]] = []
        self._events: dict[Node, Sequence[Path]] = {}
        self._held = False
        self._ill: frozenset[Node] = frozenset()  # who may end itself for its disk

    async def deploy(self, directory: Path) -> None:
        """Install, configure and start it, and wait until all nodes serve."""
        self._directory = directory
        hosts = await self._open.enter_async_context(self._opened)
        members = [Member(host.name, sid, host.address) for sid, host in enumerate(hosts, start=1)]
        for host, member in zip(hosts, members, strict=True):
            self._hosted[member.name] = Hosted(Contact(host), member, self._target)
        assert tuple(self._hosted) == self.nodes, "the hosts are others than those that were named"
        try:
            await self._deploy(members)
        except HostTrouble as trouble:
            raise CannotDeploy(str(trouble)) from None
        except TimeoutError as late:
            raise CannotDeploy(f"the ensemble does not come up: {late}") from None

    async def _deploy(self, members: Sequence[Member]) -> None:
        found = await self._step("reached", self._look_at)
        if reasons := [line for node in self.nodes for line in reasons_against(node, found[node])]:
            raise CannotDeploy("\n".join(reasons))
        self._network = Network(
            {node: one.addresses for node, one in found.items()},
            {node: (one.ssh_port,) for node, one in found.items()},
        )
        self._probes = Probes(self._hosted, self._network)
        self._choose(found, await asyncio.to_thread(clocks.boot))
        self._before = await self._step("looked at", lambda one: audit.look(one.host))
        self._held = True
        await self._step("installed", lambda one: one.install(members))
        self._abilities.installed(self._hosted)
        await self._step("started", Hosted.start)
        loop = asyncio.get_running_loop()
        self._keeping = [loop.create_task(self._keep(one)) for one in self._hosted.values()]
        await self.recovered(within_s=START_S)
        # Else a loss of power soon would take what no server syncs that has just begun.
        await self._step("synced", Hosted.settle)

    def _choose(self, found: Mapping[Node, HostFacts], boot: str) -> None:
        shared = clocks.why_shared({node: one.clock for node, one in found.items()}, boot)
        self._abilities.look(found, shared)
        for node, one in self._hosted.items():
            one.bends_host = not shared[node]
            if Slow in self.supports:
                one.way = slow.WAYS[found[node].slow]

    @property
    def supports(self) -> frozenset[type]:
        """Before `deploy`, which looks at the hosts, all that there may be."""
        return self._abilities.kinds

    def why_not(self, kind: type) -> str:
        """What keeps these hosts from this kind of fault; empty, if that is not known."""
        return self._abilities.why_not(kind)

    @property
    def addresses(self) -> Mapping[Node, str]:
        """Where each is for the others; in a lab, from inside it only."""
        return {node: f"{one.member.address}:{CLIENT_PORT}" for node, one in self._hosted.items()}

    async def connect(self, node: Node, *, timeout_s: float) -> Session:
        """A new session with this node, the way that SSH goes too."""
        host = self._hosted[node].host

        async def opener(name: str, port: int) -> Any:
            return await host.dial(port, timeout_s=timeout_s)

        return await connect(
            host.address,
            CLIENT_PORT,
            node=node,
            timeout_s=timeout_s,
            call_s=CALL_S,
            opener=opener,
            doors={
                name: partial(one.host.dial, CLIENT_PORT, timeout_s=timeout_s)
                for name, one in self._hosted.items()
            },
        )

    # What can be touched.

    async def apply(self, active: Sequence[Fault]) -> None:
        """Let these be active, all of them and no others."""
        so = union(active)
        async with self._changing:
            await self._standings()  # who ended by itself did so before this
            self._so = so
            self._ill |= so.ill
            await self._all(self._set)
            self._ill = so.ill

    async def probe(self, fault: Fault, active: Sequence[Fault]) -> Evidence:
        """What is seen of it."""
        try:
            return await self._probes.probe(fault, active)
        except HostTrouble as trouble:
            return Evidence(proven=False, words=str(trouble))

    # What is asked.

    async def roles(self) -> Mapping[Node, str]:
        """Of all of them; empty for whoever is not up, or serves nobody."""
        return {node: one.role for node, one in (await self._standings()).items()}

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
                raise TimeoutError(f"after {within_s:g} s: {in_words(roles, self.ended)}")
            await asyncio.sleep(_LOOK_S)

    async def fingerprints(self) -> Mapping[Node, str]:
        """Of those that serve. What they wrote down is fetched too, if they are quiet."""
        if not self._target.writes_events:
            return await replicas.read(
                self.nodes, lambda node, timeout_s: self.connect(node, timeout_s=timeout_s)
            )
        prints = await replicas.told(self._hosted)
        files = await replicas.quiet_events(self._hosted, self._directory)
        if files:
            self._events = {node: [file] for node, file in files.items()}
        return prints

    def event_logs(self) -> Mapping[Node, Sequence[Path]]:
        """Copies, all of one moment at which none of them grew."""
        return self._events

    async def collect(self, *, data: bool = False) -> None:
        """Fetch what the nodes wrote, with their disks if `data`, below the directory of logs."""

        async def fetch(one: Hosted) -> None:
            with suppress(HostTrouble):
                await one.collect(self._directory / one.member.name, data=data)

        await self._all(fetch)

    async def stop(self) -> None:
        """Fetch the logs, end everything, and compare each host with what it was."""
        for one in self._keeping:
            one.cancel()
        await asyncio.gather(*self._keeping, return_exceptions=True)
        self._keeping = []
        try:
            if self._held:
                self._held = False
                found = await self._all(self._leave)
                self.changed = dict(zip(self.nodes, found, strict=True))
        finally:
            await self._open.aclose()

    async def _leave(self, one: Hosted) -> Sequence[str]:
        """End all that is ours there; what is then not as it was before, a line each."""
        host = one.host
        try:
            if not await host.answers(LAST_S):
                return [f"nobody could look: {host.away}"]
            with suppress(HostTrouble):
                await one.collect(self._directory / one.member.name, data=False)
            await one.stop()
            found = audit.differences(self._before[one.member.name], await audit.look(host))
            await host.run(["rm", "-rf", HOME, lease.FOLDER])
        except HostTrouble as trouble:
            return [f"nobody could look: {str(trouble).removeprefix(f'{host.name}: ')}"]
        return found

    async def _look_at(self, one: Hosted) -> HostFacts:
        return await look_at(one.host, self._target)

    async def _standings(self) -> Mapping[Node, Standing]:
        turns = {node: one.turn for node, one in self._hosted.items() if one.up}
        told = dict(zip(self.nodes, await self._all(Hosted.standing), strict=True))
        for node, (_, how) in told.items():
            one = self._hosted[node]
            if not how or not one.up or one.turn != turns.get(node):
                continue
            if not (node in self._ill and self.ends.may_be_for_a_disk(how)):
                self.ended.setdefault(node, self.ends.told(how, rotten=one.rotten))
        return {node: standing for node, (standing, _) in told.items()}

    async def _set(self, one: Hosted) -> None:
        try:
            await one.set(self._so, self._network)
        except HostTrouble as trouble:
            self._lose(one, str(trouble).removeprefix(f"{one.host.name}: "))
            await one.host.answers(lease.RENEW_S)

    async def _keep(self, one: Hosted) -> None:
        """Let its faults last on; what it has missed it is told when it answers again."""
        loop = asyncio.get_running_loop()
        heard = loop.time()
        while True:
            await asyncio.sleep(lease.RENEW_S)
            try:
                if not one.host.away:
                    await one.renew()
                    heard = loop.time()
                elif await one.host.answers(lease.RENEW_S):
                    async with self._changing:
                        await self._set(one)
            except HostTrouble:
                await one.host.answers(lease.RENEW_S)
            if loop.time() - heard > lease.LEASE_S:
                why = one.host.away or "it answers, but does not do what it is told"
                self._lose(one, f"for {lease.LEASE_S} s its faults were not renewed: {why}")

    def _lose(self, one: Hosted, why: str) -> None:
        self.lost.setdefault(one.member.name, why)

    async def _step(self, name: str, what: Callable[[Hosted], Awaitable[_T]]) -> dict[Node, _T]:
        """Do this with every host at once, and tell of each that is done."""
        done = 0

        async def counted(one: Hosted) -> _T:
            nonlocal done
            result = await what(one)
            done += 1
            self.tell(name, done)
            return result

        self.tell(name, 0)
        return dict(zip(self.nodes, await self._all(counted), strict=True))

    async def _all(self, what: Callable[[Hosted], Awaitable[_T]]) -> list[_T]:
        return await all_of(what(one) for one in self._hosted.values())


def _to_nobody(step: str, done: int) -> None:
    pass
