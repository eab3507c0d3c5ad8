"""What decides a simulated run, all of it, and how is it played?

Rules of this file:
1. The same case gives the same bytes in every process: history, tape and results.
2. Whatever comes of it is an ordinary run in a store, judged as any other.
3. No progress after everything was healed is a wrong: in a simulation nobody was merely slow.
4. A process plays one case at a time, whatever threads it has: a bug is planted in all of it.
"""

from __future__ import annotations

import asyncio
import gc
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any, Final

from harness.chance import Chance, Tape
from harness.judging import judge
from harness.observer import Observer
from harness.plan import Plan, Played, Results
from harness.recorder import Recorder
from harness.run import Run
from harness.script import Script, ScriptedRun
from harness.sim.cluster import SimCluster
from harness.sim.conditions import Conditions
from harness.sim.loop import SimLoop
from harness.store import StoredRun
from nemesis.registry import check_supported, named
from target_node.bugs.bug import find, planted
from workloads.names import adapter, workload
from workloads.workload import Synced

TARGET: Final = "zab"
KIND: Final = "zookeeper"
SYNCED: Final = Synced.LINEARIZABLE
RECOVER_S: Final = 20.0
"""After healing. Ticks are short here, and no machine is busy: it takes less than five."""
_ONE_AT_A_TIME: Final = threading.Lock()
_MOST_S: Final = 1800.0  # of simulated time, besides what the plan takes


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A simulated run before it is played. With a `script` clients and nemeses draw nothing.

    `tape` and `calm` are as in `Chance`.
    """

    plan: Plan
    conditions: Conditions = Conditions()  # noqa: RUF009 (it is frozen)
    bug: str | None = None
    script: Script | None = None
    tape: Tape | None = None
    calm: bool = False

    @property
    def facts(self) -> dict[str, Any]:
        """For `run.json`, besides the plan."""
        wanted = {"on": "sim", "target": TARGET, "nodes": self.conditions.nodes, "bug": self.bug}
        conditions = asdict(self.conditions)
        return {
            "wanted": {**wanted, "plugins": ()},
            "synced": SYNCED,
            "kind": KIND,
            "sim": {"conditions": conditions, "calm": self.calm},
        }


def case_of(plan: Plan, conditions: Conditions, bug: str | None = None) -> Case:
    """One in which it is a wrong not to recover."""
    plan = replace(plan, must_recover=True, recover_s=RECOVER_S)
    return Case(plan=plan, conditions=conditions, bug=bug)


def play(case: Case, store: StoredRun, observer: Observer | None = None) -> Results:
    """Play it into this store, and judge it."""
    loops = partial(SimLoop, case.plan.time_s + _MOST_S)
    sick = planted(find(case.bug)) if case.bug else nullcontext()
    with _ONE_AT_A_TIME, sick, _few_collections(), asyncio.Runner(loop_factory=loops) as runner:
        played = runner.run(_play(case, store, observer))
    store.save_results(Results(played=played, findings=()))
    results, _ = judge(store, observer)
    store.save_results(results)
    return results


async def _play(case: Case, store: StoredRun, observer: Observer | None) -> Played:
    plan = case.plan
    chance = Chance(plan.seed, case.tape, calm=case.calm, keeps=False)
    cluster = SimCluster(case.conditions, chance)
    made, run_class = workload(plan.workload, SYNCED), _run_class(case.script)
    if case.script is not None:
        made, nemeses = case.script.workload(made), case.script.nemeses
    else:
        nemeses = named(",".join(plan.nemeses))
    check_supported(nemeses, cluster)
    try:
        # Nobody reads along, so lines may leave in large pieces.
        with store.history.open("a", encoding="utf-8", buffering=1 << 16) as file:
            run = run_class(
                plan,
                cluster,
                made,
                adapter(plan.workload, KIND),
                nemeses,
                store=store,
                chance=chance,
                recorder=Recorder(file, made.model),
                observer=observer,
            )
            return await run.play()
    finally:
        await cluster.stop()
        store.save_tape(chance.tape)


def _run_class(script: Script | None) -> Callable[..., Run]:
    return Run if script is None else partial(ScriptedRun, script)


@contextmanager
def _few_collections() -> Iterator[None]:
    """Most objects of a simulation go without a collector of cycles, which takes a fifth of it."""
    before = gc.get_threshold()
    gc.set_threshold(200_000, 20, 100)
    try:
        yield
    finally:
        gc.set_threshold(*before)


def bare_store(path: Any, case: Case) -> StoredRun:
    """A run's directory that is not to last, made without asking who we are."""
    import msgspec

    store = StoredRun(path)
    store.nodes.mkdir(parents=True)
    said: Mapping[str, Any] = {"plan": asdict(case.plan), **case.facts}
    (store.path / "run.json").write_bytes(msgspec.json.encode(said))
    return store
