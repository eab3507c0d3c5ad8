"""Do our judges let Apache's servers be? What they find wrong there is wrong with them."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from checker.verdict import Verdict
from harness.chance import Chance
from harness.failures import marks_of
from harness.judging import judge
from harness.plan import Plan, Played, Results
from harness.recorder import Recorder
from harness.run import Run
from harness.store import StoredRun
from harness.zookeeper.connecting import connect
from tests.harness.memory import MemoryCluster, Service
from tests.target_node.mixed import mixed
from workloads.names import WORKLOADS, adapter, workload
from workloads.workload import Synced


class Ensemble(MemoryCluster):
    """Servers that run already; nothing is done to them."""

    def __init__(self, ports: dict[str, int]) -> None:
        super().__init__(Service(len(ports)))
        self.ports = ports

    async def connect(self, node: str, *, timeout_s: float) -> Any:
        return await connect("127.0.0.1", self.ports[node], node=node, timeout_s=timeout_s)


def run(directory: Path, name: str, ports: dict[str, int], synced: Synced) -> Results:
    plan = Plan(workload=name, time_s=1.5, concurrency=9, enough=1, agree_s=0.0)
    store = StoredRun.create(directory, plan, {"synced": synced})

    async def main() -> Played:
        made = workload(name, synced)
        with store.open_history() as file:
            played = await Run(
                plan,
                Ensemble(ports),
                made,
                adapter(name, "zookeeper"),
                (),
                store=store,
                chance=Chance(1),
                recorder=Recorder(file, made.model),
            ).play()
        await asyncio.sleep(0)  # the last connections close
        return played

    store.save_results(Results(played=asyncio.run(main()), findings=()))
    return judge(store)[0]


RIGHT = ("register", "set", "lock", "sequence", "session")
WRONG = {
    "multi": {"whole: apart"},  # ZOOKEEPER-4026
    "watch": {"hearing: missed"},  # ZOOKEEPER-4466
    "conformance": {"answers: hidden"},  # ZOOKEEPER-2590
}
"""What release 3.8.0 does wrong, and we notice."""
KINDS = pytest.mark.parametrize("kinds", ["a", pytest.param("aaa", marks=pytest.mark.prove)])


@KINDS
def test_apaches_servers_do_no_wrong(tmp_path: Path, kinds: str) -> None:
    with mixed(tmp_path / "servers", kinds, *range(1, len(kinds) + 1)) as ensemble:
        ports = {f"n{sid}": one.client_port for sid, one in ensemble.members.items()}
        for name in RIGHT:
            results = run(tmp_path / "store", name, ports, Synced.ORDERED)
            assert results.verdict is Verdict.VALID, results


@KINDS
def test_but_for_what_is_known_of_this_release(tmp_path: Path, kinds: str) -> None:
    with mixed(tmp_path / "servers", kinds, *range(1, len(kinds) + 1)) as ensemble:
        ports = {f"n{sid}": one.client_port for sid, one in ensemble.members.items()}
        for name, known in WRONG.items():
            results = run(tmp_path / "store", name, ports, Synced.ORDERED)
            assert results.verdict is Verdict.INVALID, results
            assert set(marks_of(results.as_json())) == known, results


def test_all_workloads_are_tried() -> None:
    assert {*RIGHT, *WRONG} == set(WORKLOADS)
