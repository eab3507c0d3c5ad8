"""What are the phases of a run, and what must have happened for it to mean anything?

    deploy → prepare → load → faults → lift all → recovery → last calls → agreement

The cluster is not stopped here: whoever called this judges and saves first.

Rules of this file:
1. All faults are lifted, whatever happened before, and before anybody waits for a recovery.
2. Nothing that goes wrong here is a verdict on the service by itself, unless it is a violation.
3. Time is the loop's, chance is drawn, and no order comes from a set: the same code runs in a
   simulation.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final

from harness.agreement import agreement, ended, lost, quiet_logs
from harness.chance import Chance
from harness.client import Client, Shared
from harness.cluster import Cluster, OnHosts
from harness.gates import gates_of, too_few
from harness.hunger import Hunger
from harness.observer import Observer, Silence
from harness.pace import Pace
from harness.plan import Gate, Plan, Played, Violation
from harness.preparation import prepare
from harness.recorder import Recorder
from harness.store import StoredRun
from nemesis.conduct import Relief, conduct
from nemesis.plan import Nemesis
from nemesis.registry import check_supported
from workloads.workload import Adapter, Workload

SHORT_S: Final = 5.0  # to wait for what will hardly come
LOOK_S: Final = 1.0  # between two looks at the roles
LATE: Final = 3  # times the calm may last longer than was planned


class Run:
    """One run on one cluster. `hurry` is set by whoever wants it to end before its time."""

    _client_class: Callable[..., Client] = Client

    def __init__(
        self,
        plan: Plan,
        cluster: Cluster,
        workload: Workload,
        adapter: Adapter,
        nemeses: Sequence[Nemesis],
        *,
        store: StoredRun,
        chance: Chance,
        recorder: Recorder,
        observer: Observer | None = None,
        hurry: asyncio.Event | None = None,
    ) -> None:
        self._plan = plan
        self._cluster = cluster
        self._nemeses = nemeses
        self._store = store
        self._chance = chance
        self._recorder = recorder
        self._observer = observer or Silence()
        self._hurry = hurry or asyncio.Event()
        self._loop = asyncio.get_running_loop()
        stop = asyncio.Event()
        pace = Pace(plan.rate, stop)
        self._shared = Shared(plan, workload, adapter, recorder, self._observer, pace, stop)
        self._clients: list[Client] = []
        self._gates: list[Gate] = []
        self._violations: list[Violation] = []
        self._faults: Mapping[str, Mapping[str, int]] = {}

    async def play(self) -> Played:
        """All phases; what is known of the run besides its history."""
        began = self._loop.time()
        self._phase("deploy")
        if isinstance(self._cluster, OnHosts):
            self._cluster.tell = self._tell_of_hosts
        await self._cluster.deploy(self._store.nodes)
        check_supported(self._nemeses, self._cluster)  # which may have found out only now
        self._phase("prepare")
        await prepare(self._cluster, self._shared.adapter, connect_s=self._plan.connect_s)
        watching = self._loop.create_task(self._watch_roles())
        try:
            await self._under_load()
            await self._last_calls()
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)
        self._phase("agreement")
        agreed = await agreement(self._cluster, self._plan.agree_s)
        for seen in (agreed, ended(self._cluster), lost(self._cluster)):
            self._gates += seen.gates
            self._violations += seen.violations
        logs = await quiet_logs(self._cluster, self._store.path)
        self._phase("done")
        counts = self._shared.counts
        if self._hurry.is_set():
            self._gates.append(Gate("the run took its time", passed=False, why="interrupted"))
        self._gates += gates_of(self._plan, self._shared.workload.kinds, counts, self._faults)
        if self._shared.crashes:
            why = f"{len(self._shared.crashes)} times, at first: {self._shared.crashes[0]}"
            self._gates.append(Gate("the adapter worked", passed=False, why=why))
        return Played(
            gates=self._gates,
            violations=self._violations,
            counts=counts,
            faults=self._faults,
            seconds=round(self._loop.time() - began, 3),
            logs=logs,
            events=self._recorder.events,
        )

    def _tell_of_hosts(self, step: str, done: int) -> None:
        of = len(self._cluster.nodes)
        self._observer.hosts(step, done, of, self._recorder.now_ns())

    def _phase(self, name: str) -> None:
        self._shared.phase = name
        self._recorder.note("run", "phase", name)
        self._observer.phase(name, self._recorder.now_ns())

    async def _under_load(self) -> None:
        """Clients work from before the first fault until all has recovered."""
        nodes, plan = self._cluster.nodes, self._plan
        for place in range(plan.concurrency):
            self._clients.append(self._client(place, nodes[place % len(nodes)]))
        self._phase("load")
        working = [self._loop.create_task(client.work()) for client in self._clients]
        try:
            await self._calm()
            if self._nemeses:
                self._phase("faults")
                await self._disturb(plan.time_s - plan.calm_s)
            self._phase("recovery")
            await self._recover()
        finally:
            self._shared.stop.set()
            # All calls have deadlines, and pauses end at the word.
            ended = await asyncio.gather(*working, return_exceptions=True)
        for failure in ended:
            if isinstance(failure, Exception):
                raise failure

    async def _calm(self) -> None:
        """Until enough was answered without any fault, which takes a busy machine longer."""
        plan, counts, kinds = self._plan, self._shared.counts, self._shared.workload.kinds
        await self._pause(plan.calm_s)
        until = self._loop.time() + LATE * plan.calm_s
        while too_few(plan.enough, kinds, counts.get("load", {})):
            if self._hurry.is_set() or self._loop.time() >= until:
                return
            await self._pause(plan.calm_s / 10)

    def _client(self, place: int, node: str) -> Client:
        async def connect() -> Any:
            return await self._cluster.connect(node, timeout_s=self._plan.connect_s)

        draw = self._chance.draw(f"calls/{place}")
        call_s = self._plan.patience_s(place, len(self._cluster.nodes))
        return self._client_class(place, node, self._shared, connect, draw, call_s)

    def _relief(self) -> Relief | None:
        """None for a run that need not show anything by itself."""
        return Hunger(self._shared, self._plan.enough) if self._plan.enough else None

    async def _disturb(self, seconds: float) -> None:
        """Let the nemeses play, and have everything lifted at the end."""
        over = asyncio.Event()
        playing = self._loop.create_task(
            conduct(
                self._nemeses,
                self._cluster,
                draws=self._chance.draw,
                stop=over,
                note=self._note,
                journal=self._store.journal,
                pace=self._plan.pace,
                relief=self._relief(),
            )
        )
        try:
            await self._pause(seconds, playing)
        except asyncio.CancelledError:
            playing.cancel()  # which lifts everything, too
            await asyncio.gather(playing, return_exceptions=True)
            raise
        over.set()
        try:
            tallies = await playing
        except Exception as failure:
            why = f"{type(failure).__name__}: {failure}"
            self._gates.append(Gate("the nemesis worked", passed=False, why=why))
            await self._lift_all()
        else:
            self._faults = {name: asdict(tally) for name, tally in tallies.items()}

    async def _lift_all(self) -> None:
        """Once more, though the nemesis could not; the run goes on to say what came of it."""
        try:
            await self._cluster.apply(())
        except Exception as failure:
            why = f"{type(failure).__name__}: {failure}"
            self._gates.append(Gate("all faults were lifted", passed=False, why=why))

    def _note(self, f: str, value: Mapping[str, Any]) -> None:
        self._recorder.note("nemesis", f, value)
        self._observer.noted(f, value, self._recorder.now_ns())

    async def _recover(self) -> None:
        """Wait until all nodes serve again, as long as there is hope and nobody is in a hurry."""
        began = self._loop.time()
        while True:
            left_s = began + self._plan.recover_s - self._loop.time()
            try:
                await self._cluster.recovered(within_s=min(left_s, SHORT_S))
            except TimeoutError as failure:
                if left_s > SHORT_S and not self._is_short():
                    continue
                took_s = self._loop.time() - began
                self._no_progress("recovery", f"not within {took_s:.0f} s of healing: {failure}")
            else:
                self._gates.append(Gate("recovery", passed=True))
            return

    def _is_short(self) -> bool:
        """Whether it is of no use to wait for long: a node is gone, or somebody is in a hurry."""
        hosts = self._cluster
        return (
            self._hurry.is_set()
            or bool(self._cluster.ended)
            or (isinstance(hosts, OnHosts) and bool(hosts.lost))
        )

    def _no_progress(self, name: str, why: str) -> None:
        if self._plan.must_recover:
            self._violations.append(Violation(name, why))
        self._gates.append(Gate(name, passed=False, why=why))

    async def _last_calls(self) -> None:
        """Every client asks once more for all that matters."""
        self._phase("last calls")
        last_s = min(self._plan.last_s, SHORT_S) if self._is_short() else self._plan.last_s
        until = self._loop.time() + last_s
        left = await asyncio.gather(*(client.finish(until) for client in self._clients))
        unanswered = [place for place, asks in enumerate(left) if asks]
        if unanswered:
            self._no_progress(
                "last calls",
                f"{sum(map(len, left))} of clients {', '.join(map(str, unanswered))} "
                f"were not answered within {last_s:g} s",
            )
        else:
            self._gates.append(Gate("last calls", passed=True))
        await asyncio.gather(*(client.leave() for client in self._clients))

    async def _watch_roles(self) -> None:
        """Write down who leads, whenever it has changed."""
        seen: Mapping[str, str] = {}
        while True:
            roles = dict(await self._cluster.roles())
            if roles != seen:
                seen = roles
                self._recorder.note("run", "roles", roles)
                self._observer.roles(roles, self._recorder.now_ns())
            await asyncio.sleep(LOOK_S)

    async def _pause(self, seconds: float, unless: asyncio.Future[Any] | None = None) -> None:
        """Let time go by, unless somebody is in a hurry, or this has ended."""
        hurried = self._loop.create_task(self._hurry.wait())
        waits = [hurried, unless] if unless is not None else [hurried]
        await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        hurried.cancel()
        await asyncio.gather(hurried, return_exceptions=True)
