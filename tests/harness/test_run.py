"""Does the runner record what happened, heal what it broke, and say what it has not seen?"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from checker.formats import jsonl
from checker.models.zookeeper import ZooKeeperRegister
from checker.verdict import Verdict
from harness.chance import Chance
from harness.judging import judge
from harness.plan import Plan, Played, Results
from harness.recorder import Recorder
from harness.run import Run
from harness.sim.loop import run as simulate
from harness.store import StoredRun
from nemesis.registry import named
from tests.harness.memory import MemoryCluster, RegistersInMemory, Service
from workloads.names import workload

QUICK: dict[str, Any] = {
    **{"time_s": 0.6, "concurrency": 6, "enough": 3, "call_s": 0.3, "connect_s": 0.5},
    **{"recover_s": 1.0, "last_s": 1.0, "agree_s": 0.0, "pace": 0.02},
}
Meddle = Callable[[MemoryCluster, asyncio.Event], Any]


def play(
    directory: Path,
    plan: Plan,
    service: Service,
    meddle: Meddle | None = None,
    *,
    really: bool = False,
) -> tuple[Results, StoredRun, MemoryCluster]:
    """A run from its beginning to its verdict; in simulated time, unless `really`."""
    cluster = MemoryCluster(service)
    store = StoredRun.create(directory, plan, {"synced": "linearizable"})
    chance = Chance(plan.seed)

    async def main() -> Played:
        hurry = asyncio.Event()
        with store.open_history() as file:
            made = workload(plan.workload)
            run = Run(
                plan,
                cluster,
                made,
                RegistersInMemory(),
                named(",".join(plan.nemeses)) if plan.nemeses else (),
                store=store,
                chance=chance,
                recorder=Recorder(file, made.model),
                hurry=hurry,
            )
            meddling = None
            if meddle is not None:
                meddling = asyncio.get_running_loop().create_task(meddle(cluster, hurry))
            try:
                return await run.play()
            finally:
                if meddling is not None:
                    meddling.cancel()
                    await asyncio.gather(meddling, return_exceptions=True)

    played = asyncio.run(main()) if really else simulate(main())
    store.save_tape(chance.tape)
    store.save_results(Results(played=played, findings=()))
    return judge(store)[0], store, cluster


def events(store: StoredRun) -> list[dict[str, Any]]:
    return [json.loads(line) for line in store.history.read_text().splitlines()]


def not_passed(results: Results) -> dict[str, str]:
    return {gate.name: gate.why for gate in results.played.gates if not gate.passed}


def test_a_true_service_is_valid_and_every_line_is_there(tmp_path: Path) -> None:
    results, store, cluster = play(
        tmp_path, Plan(**QUICK, nemeses=("kill",)), Service(), really=True
    )
    assert not_passed(results) == {}
    assert results.verdict is Verdict.VALID, results
    told = events(store)
    assert [event["index"] for event in told] == list(range(len(told)))
    times = [event["time_ns"] for event in told]
    assert times == sorted(times)
    phases = [event["value"] for event in told if event["f"] == "phase"]
    assert phases == [
        *("deploy", "prepare", "load", "faults", "recovery", "last calls", "agreement", "done")
    ]
    kinds = {event["f"] for event in told if event["process"] == "nemesis"}
    assert {"inject", "injected", "lift", "lifted", "lifted-all"} <= kinds
    assert any(event["f"] == "roles" for event in told)
    assert cluster.applied[-1] == ()
    assert not store.left_active()
    assert (tmp_path / "latest").resolve() == store.path.resolve()
    assert json.loads((store.path / "tape.json").read_bytes())["calls/0"]


def test_processes_retire_and_keep_their_place_and_node(tmp_path: Path) -> None:
    service = Service(lies=["doubt"])
    results, store, _ = play(tmp_path, Plan(**QUICK), service)
    assert results.verdict is Verdict.VALID, results
    node_of: dict[int, set[str]] = defaultdict(set)
    session_of: dict[int, set[int]] = defaultdict(set)
    ended: Counter[int] = Counter()
    for event in events(store):
        process = event["process"]
        if not isinstance(process, int):
            continue
        assert process not in ended, "a process goes on after a doubt"
        node_of[process].add(event["node"])
        session_of[process].add(event["session"])
        if event["type"] == "info":
            ended[process] += 1
    assert len(ended) > 5
    assert max(node_of) >= QUICK["concurrency"]
    for process, nodes in node_of.items():
        assert nodes == {service.nodes[process % QUICK["concurrency"] % 3]}
        assert len(session_of[process]) == 1
    sessions = [session for of_process in session_of.values() for session in of_process]
    assert len(sessions) == len(set(sessions))


@pytest.mark.parametrize(
    ("lie", "judges"),
    [
        ("lost write", {"linearizable", "contract"}),
        ("stale read", {"linearizable"}),
        ("stale local read", {"contract"}),
        ("wrong version", {"versions"}),
    ],
)
def test_lies_are_found(tmp_path: Path, lie: str, judges: set[str]) -> None:
    results, store, _ = play(tmp_path, Plan(**QUICK), Service(lies=[lie]))
    assert results.verdict is Verdict.INVALID
    found = {one.judge for one in results.findings if one.verdict is Verdict.INVALID}
    assert judges <= found, results.findings
    again, history = judge(store)
    assert again.verdict is Verdict.INVALID
    assert history is not None
    rows = [row for one in again.findings for wrong in one.wrongs for row in wrong.rows]
    assert rows
    assert max(rows) < len(history)


def test_a_call_without_an_answer_is_in_doubt_when_its_time_is_up(tmp_path: Path) -> None:
    service = Service(lies=["lost answer"])
    results, store, _ = play(tmp_path, Plan(**QUICK), service)
    assert results.verdict is Verdict.VALID, results
    calls: dict[int, int] = {}
    late: dict[str, list[float]] = defaultdict(list)
    for event in events(store):
        if event["type"] == "invoke":
            calls[event["process"]] = event["time_ns"]
        elif event.get("error", "").startswith("no answer within"):
            place = event["process"] % QUICK["concurrency"]
            kind = "patient" if place < 3 else "impatient"
            late[kind].append((event["time_ns"] - calls[event["process"]]) / 1e9)
    for kind, call_s in (("patient", QUICK["call_s"]), ("impatient", QUICK["call_s"] / 4)):
        assert late[kind]
        assert min(late[kind]) >= call_s
        assert max(late[kind]) < call_s + 0.01


def test_the_rate_is_that_of_all_clients_together(tmp_path: Path) -> None:
    _, store, _ = play(tmp_path, Plan(**QUICK | {"time_s": 5.0, "rate": 100.0}), Service())
    loaded = [e["time_ns"] for e in events(store) if e["type"] == "invoke"]
    until = next(e["time_ns"] for e in events(store) if e["value"] == "last calls")
    calls = sum(time_ns < until for time_ns in loaded)
    assert 498 <= calls <= 501


def test_a_bug_in_an_adapter_is_no_verdict_on_the_service(tmp_path: Path) -> None:
    results, _, _ = play(tmp_path, Plan(**QUICK), Service(lies=["crash"]))
    assert results.verdict is Verdict.INCONCLUSIVE
    assert "KeyError" in not_passed(results)["the adapter worked"]


def test_what_has_not_been_seen_is_told(tmp_path: Path) -> None:
    service = Service()

    async def meddle(cluster: MemoryCluster, hurry: asyncio.Event) -> None:
        cluster.recovers = False
        cluster.refuses.add("n2")

    plan = Plan(**QUICK | {"enough": 10**6}, nemeses=("kill",))
    results, _, _ = play(tmp_path, plan, service, meddle)
    assert results.verdict is Verdict.INCONCLUSIVE
    assert {"recovery", "last calls", "calls in phase load"} <= set(not_passed(results))
    must = Plan(**QUICK, must_recover=True)
    results, _, _ = play(tmp_path / "sim", must, Service(), meddle)
    assert results.verdict is Verdict.INVALID
    assert {one.name for one in results.played.violations} == {"recovery", "last calls"}


@pytest.mark.parametrize(("enough", "calm_s"), [(1, 2.0), (10, 4.0), (10**6, 8.0)])
def test_no_fault_before_enough_was_answered_or_it_takes_too_long(
    tmp_path: Path, enough: int, calm_s: float
) -> None:
    slow = {"time_s": 12.0, "rate": 20.0, "enough": enough}
    results, store, _ = play(tmp_path, Plan(**QUICK | slow, nemeses=("kill",)), Service())
    began = {e["value"]: e["time_ns"] for e in events(store) if e["f"] == "phase"}
    waited_s = (began["faults"] - began["load"]) / 1e9
    assert calm_s <= waited_s < calm_s + 4.0
    assert ("calls in phase load" in not_passed(results)) == (enough == 10**6)


def test_replicas_that_differ_are_wrong(tmp_path: Path) -> None:
    async def meddle(cluster: MemoryCluster, hurry: asyncio.Event) -> None:
        cluster.differ = True

    results, _, _ = play(tmp_path, Plan(**QUICK | {"agree_s": 1.2}), Service(), meddle)
    assert results.verdict is Verdict.INVALID
    assert [one.name for one in results.played.violations] == ["replicas differ"]


@pytest.mark.parametrize(("status", "verdict"), [(70, "invalid"), (2, "inconclusive")])
def test_a_node_that_ended_by_itself_is_told(tmp_path: Path, status: int, verdict: str) -> None:
    async def meddle(cluster: MemoryCluster, hurry: asyncio.Event) -> None:
        cluster.ended["n2"] = f"exit status {status}: a txn was applied twice"

    results, _, _ = play(tmp_path, Plan(**QUICK), Service(), meddle)
    assert results.verdict == verdict
    assert list(not_passed(results)) == ["n2 ended by itself"]


def test_whoever_is_in_a_hurry_still_gets_all_healed_and_judged(tmp_path: Path) -> None:
    async def meddle(cluster: MemoryCluster, hurry: asyncio.Event) -> None:
        while not cluster.active:  # noqa: ASYNC110 (it need not be fast)
            await asyncio.sleep(0.01)
        hurry.set()

    plan = Plan(**QUICK | {"time_s": 3.0}, nemeses=("pause",))
    results, store, cluster = play(tmp_path, plan, Service(), meddle)
    assert results.played.seconds < 2 < plan.time_s
    assert results.verdict is Verdict.INCONCLUSIVE
    assert not_passed(results)["the run took its time"] == "interrupted"
    assert cluster.applied[-1] == ()
    assert {one.verdict for one in results.findings} == {Verdict.VALID}
    assert not store.left_active()


KILLED = """
import sys
from pathlib import Path
from harness.plan import Plan
from tests.harness.memory import Service
from tests.harness.test_run import QUICK, play

plan = Plan(**QUICK | {"time_s": 20.0, "rate": 500.0}, nemeses=("kill",))
play(Path(sys.argv[1]), plan, Service(), really=True)
"""


def test_a_controller_that_is_killed_leaves_a_readable_history(tmp_path: Path) -> None:
    root = Path(__file__).parents[2]
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(tmp_path)],
        cwd=root,
        env=os.environ | {"PYTHONPATH": str(root)},
    )
    try:
        latest = tmp_path / "latest"
        until = time.monotonic() + 20
        while not (latest / "faults.jsonl").exists():
            assert time.monotonic() < until
            time.sleep(0.05)
        while not StoredRun(latest).left_active():
            assert time.monotonic() < until
            time.sleep(0.001)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    store = StoredRun(latest)
    history = jsonl.read(store.history, ZooKeeperRegister())
    assert len(history) > 100
    assert store.facts()["plan"]["workload"] == "register"
    results, _ = judge(store)
    assert results.verdict is Verdict.INCONCLUSIVE
    assert list(not_passed(results)) == ["the run ended"]
    assert {one.verdict for one in results.findings} == {Verdict.VALID}
