"""`zabtest run`, and `zabtest check` of what it left: from the command line to the verdict.

Rules of this file:
1. The run is judged, and the verdict is saved, before anything is torn down.
2. Whoever interrupts gets everything healed, saved and judged; who does so twice, healed and saved.
"""

from __future__ import annotations

import asyncio
import secrets
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Final

from checker.history import History
from checker.verdict import Verdict, worst
from harness.auditing import told_of_hosts
from harness.chance import Chance, Tape
from harness.cluster import Cluster, OnHosts
from harness.judging import judge
from harness.keeping import keep, whereabouts
from harness.live import watched
from harness.observer import Observer
from harness.plan import Plan, Played, Results
from harness.plugins import CannotLoad, load
from harness.recorder import Recorder
from harness.report.command import drawn
from harness.run import Run
from harness.script import Script, ScriptedRun
from harness.store import FULL, NotARun, StoredRun
from harness.telling import print_json, say
from harness.telling_runs import lines_of
from harness.worlds import CannotBeHad, Wanted, cluster_of, target_of
from nemesis.plan import Nemesis
from nemesis.registry import NoNemesis, check_supported, named
from workloads.names import adapter, workload, workload_names

WRONG_USAGE: Final = 2
FAILED: Final = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What was asked for on the command line, besides the plan."""

    plan: Plan
    wanted: Wanted
    store: Path
    json: bool = False
    keep_on_invalid: bool = False
    tape: Tape | None = None
    """What an earlier run drew, to be drawn again."""
    script: Script | None = None
    """What clients ask and nemeses do, instead of what is drawn."""
    facts: Mapping[str, Any] = field(default_factory=dict)
    """To be written down besides."""


def new_seed() -> int:
    """One that nobody has chosen."""
    return secrets.randbelow(1 << 32)


def run(
    request: Request,
    observer: Observer | None = None,
    telling: Callable[[StoredRun], int] | None = None,
) -> int:
    """Run it and tell it; the exit status, which is that of whoever tells."""
    plan = request.plan
    try:
        load(request.wanted.plugins)
        if request.wanted.on == "sim":
            from harness.sim.running import run as simulate

            return simulate(request, observer, telling)
        cluster = cluster_of(request.wanted)
        nemeses = _nemeses(request)
        check_supported(nemeses, cluster)
        target = target_of(request.wanted.target)
        check_plan(plan, target.kind)
        facts = {"wanted": asdict(request.wanted), "synced": target.synced, "kind": target.kind}
        store = created(request, plan, facts)
    except (CannotBeHad, CannotLoad, NoNemesis) as problem:
        return _refuse(str(problem))
    view = watched(plan, store.nodes, json=request.json, observer=observer)
    with store.held(), asyncio.Runner() as runner, view as watching:
        try:
            played = runner.run(_play(request, cluster, nemeses, store, watching))
            store.save_results(Results(played=played, findings=()))
            watching.phase("judging", round(played.seconds * 1e9))
            if telling is not None:  # whoever it is may write to the terminal at once
                watching.phase("judged", round(played.seconds * 1e9))
            kept = whereabouts(cluster, store, target.kind) if request.keep_on_invalid else None
            told = telling or partial(_tell_one, json=request.json, observer=watching, kept=kept)
            status = told(store)
            if status == Verdict.INVALID.exit_status and isinstance(cluster, OnHosts):
                runner.run(cluster.collect(data=True))
            if kept is not None and status == Verdict.INVALID.exit_status:
                runner.run(keep(kept))
        except NoNemesis as problem:
            return _refuse(str(problem))
        except (asyncio.CancelledError, KeyboardInterrupt):
            status = left(store, json=request.json)
        finally:
            runner.run(cluster.stop())
            dirty = isinstance(cluster, OnHosts) and not told_of_hosts(cluster, store)
        return FAILED if dirty and status != Verdict.INVALID.exit_status else status


def left(store: StoredRun, *, json: bool) -> int:
    """Say what became of a run that its user has left before there was a verdict."""
    sys.stderr.write(f"left without a verdict: zabtest check {store.path} judges what there is\n")
    if json:
        print_json({"verdict": Verdict.INCONCLUSIVE, "left": str(store.path), "runs": []})
    return Verdict.INCONCLUSIVE.exit_status


def tell(
    runs: Sequence[StoredRun],
    *,
    json: bool,
    observer: Observer | None = None,
    kept: Mapping[str, Any] | None = None,
) -> int:
    """Judge stored runs, save and tell what is said of them; the exit status of the worst.

    `kept` is where an ensemble is, which will be kept if they are invalid.
    """
    verdicts, told = [], []
    for store in runs:
        try:
            results, history = judge(store, observer)
        except KeyError as unknown:
            return _refuse(f"{store.path}: nobody here knows the workload {unknown}")
        except NotARun as problem:
            return _refuse(str(problem))
        page = _kept(store, results, history)
        if observer is not None:
            observer.phase("judged", round(results.played.seconds * 1e9))
        verdicts.append(results.verdict)
        if json:
            told.append({"path": str(store.path), **results.as_json()})
            continue
        model = workload(store.facts()["plan"]["workload"]).model
        for line in lines_of(store.path, results, history, model):
            say(line)
        if page is not None:
            say(f"  drawn in {page}")
    verdict = worst(verdicts)
    if json:
        keeps = {"kept": kept} if kept is not None and verdict is Verdict.INVALID else {}
        print_json({"verdict": verdict, "runs": told, **keeps})
    return verdict.exit_status


def _kept(store: StoredRun, results: Results, history: History | None) -> Path | None:
    """Save and draw what is said of a run, where that can be; the page of its core, if any."""
    try:
        store.save_results(results)
        return drawn(store, results, history)
    except OSError as problem:
        why = f"{problem.filename or store.path}: {problem.strerror}"
        sys.stderr.write(f"zabtest: this verdict is told here and not stored ({why})\n")
        return None


def _tell_one(
    store: StoredRun, *, json: bool, observer: Observer, kept: Mapping[str, Any] | None
) -> int:
    return tell([store], json=json, observer=observer, kept=kept)


def _nemeses(request: Request) -> Sequence[Nemesis]:
    if request.script is not None:
        return request.script.nemeses
    return named(",".join(request.plan.nemeses)) if request.plan.nemeses else ()


def created(request: Request, plan: Plan, facts: Mapping[str, Any]) -> StoredRun:
    """A place in the store for this plan."""
    try:
        str(request.store).encode()  # or nobody could be told where it is
        return StoredRun.create(request.store, plan, {**facts, **request.facts})
    except UnicodeEncodeError:
        raise CannotBeHad(
            f"{str(request.store)!a} is no name that can be written in UTF-8; "
            "name another folder with --store"
        ) from None
    except OSError as problem:
        if problem.errno in FULL:
            raise
        raise CannotBeHad(
            f"{problem.filename or request.store}: cannot be written ({problem.strerror}); "
            "name another folder with --store"
        ) from None


def check_plan(plan: Plan, kind: str) -> None:
    """Whether there is such a workload, somebody to perform it, and clients enough for it."""
    try:
        wanted = workload(plan.workload)
    except KeyError as unknown:
        names = ", ".join(workload_names())
        raise CannotBeHad(f"no workload is called {unknown}; there are {names}") from None
    try:
        adapter(plan.workload, kind)
    except KeyError:
        raise CannotBeHad(
            f"nobody knows how to perform {plan.workload} on {kind}: "
            f"the adapter '{plan.workload}:{kind}' is missing"
        ) from None
    if plan.concurrency < wanted.least_processes:
        raise CannotBeHad(
            f"{plan.workload} needs --concurrency {wanted.least_processes} or more, "
            f"not {plan.concurrency}"
        )


async def _play(
    request: Request,
    cluster: Cluster,
    nemeses: Sequence[Nemesis],
    store: StoredRun,
    observer: Observer,
) -> Played:
    plan = request.plan
    target = target_of(request.wanted.target)
    made = workload(plan.workload, target.synced)
    play: Callable[..., Run] = Run
    if request.script is not None:
        made = request.script.workload(made)
        play = partial(ScriptedRun, request.script)
    chance = Chance(plan.seed, request.tape)
    hurry = asyncio.Event()
    loop = asyncio.get_running_loop()
    playing = asyncio.current_task()
    assert playing is not None, "a run is a task"

    def interrupted() -> None:
        if hurry.is_set():
            playing.cancel()
            return
        sys.stderr.write("interrupted: healing and judging; once more to leave at once\n")
        hurry.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, interrupted)
    try:
        with store.open_history() as file:
            return await play(
                plan,
                cluster,
                made,
                adapter(plan.workload, target.kind),
                nemeses,
                store=store,
                chance=chance,
                recorder=Recorder(file, made.model),
                observer=observer,
                hurry=hurry,
            ).play()
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)
        store.save_tape(chance.tape)


def _refuse(why: str) -> int:
    sys.stderr.write(f"zabtest: {why}\n")
    return WRONG_USAGE


def plan_of(**asked: Any) -> Plan:
    """The plan of a command line: what was not asked for is as in every plan."""
    return Plan(**{name: value for name, value in asked.items() if value is not None})
