"""What does every kind of cluster promise, and does each keep it?"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

import pytest

from harness.chance import Chance
from harness.cluster import Cluster
from harness.local.cluster import LocalCluster
from harness.sim.cluster import SimCluster
from harness.sim.conditions import Conditions
from harness.sim.loop import run as simulate
from nemesis.fault import (
    DISKS,
    BrokenDisk,
    ClientLink,
    ClockSkew,
    Crash,
    Fault,
    FlippedBit,
    FullDisk,
    LosesADisk,
    Node,
    Partition,
    Pause,
    PowerLoss,
    Slow,
    SlowDisk,
    Wipe,
)
from nemesis.grudge import between
from workloads.session import InDoubt, NotDone

PATIENCE_S = 180.0

Test = Callable[[Cluster], Coroutine[Any, Any, None]]


class Living(Protocol):
    def play(self, test: Test) -> None: ...


class InSimulation:
    """A fresh one for every test."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._number = 0

    def play(self, test: Test) -> None:
        self._number += 1

        async def main() -> None:
            cluster = SimCluster(Conditions(nodes=3), Chance(self._number, keeps=False))
            await cluster.deploy(self._directory / str(self._number))
            try:
                await test(cluster)
            finally:
                await cluster.stop()

        simulate(main(), most_s=600)


class OnThisMachine:
    """One for all tests."""

    def __init__(self, runner: asyncio.Runner, cluster: LocalCluster) -> None:
        self._runner = runner
        self._cluster = cluster

    def play(self, test: Test) -> None:
        self._runner.run(test(self._cluster))


@pytest.fixture(scope="module", params=["sim", "local"])
def living(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Living]:
    directory = tmp_path_factory.mktemp(request.param)
    if request.param == "sim":
        yield InSimulation(directory)
        return
    cluster = LocalCluster(3)
    with asyncio.Runner() as runner:
        try:
            runner.run(cluster.deploy(directory))
            yield OnThisMachine(runner, cluster)
        finally:
            runner.run(cluster.stop())


async def leader_of(cluster: Cluster) -> Node:
    roles = await cluster.recovered(within_s=PATIENCE_S)
    assert set(roles) == set(cluster.nodes)
    return next(node for node, role in roles.items() if role == "leader")


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not await holds():  # noqa: ASYNC110  what is waited for is told to nobody
            await asyncio.sleep(0.05)


async def agree(cluster: Cluster) -> None:
    async def same() -> bool:
        prints = await cluster.fingerprints()
        return len(prints) == len(cluster.nodes) and len(set(prints.values())) == 1

    await until(same)


async def add(cluster: Cluster, node: Node, name: str) -> None:
    session = await cluster.connect(node, timeout_s=PATIENCE_S)
    await session.create(f"/{name}", b"x", sequential=True)
    await session.close()


def every_fault(leader: Node, other: Node, nodes: Sequence[Node]) -> Sequence[Fault]:
    return (
        Partition(between([leader], nodes)),
        Partition(frozenset({(other, leader)})),
        ClockSkew(other, offset_ms=-7000),
        ClockSkew(other, rate=2.0),
        Slow(between([leader], [other]), delay_ms=30),
        Slow(between([leader], nodes), loss=0.5),
        ClientLink(leader),
        ClientLink(leader, reset=True),
        Pause(other),
        Crash(leader),
        Wipe(other),
        FlippedBit(other),
        FlippedBit(leader, 0, 3000),
        SlowDisk(other, 200),
        FullDisk(other),
        BrokenDisk(leader),
        BrokenDisk(other, writes=True),
        PowerLoss(other),
        PowerLoss(leader, torn=True),
    )


async def end_of(cluster: Cluster, node: Node) -> None:
    """Let it write something, so that it learns of its disk, and ends itself for that."""

    async def is_gone() -> bool:
        with suppress(InDoubt, NotDone):
            await add(cluster, next(one for one in cluster.nodes if one != node), "more")
        return not (await cluster.roles())[node]

    await until(is_gone)


@pytest.mark.parametrize("number", range(19))
def test_a_fault_is_seen_and_comes_to_an_end(number: int, living: Living) -> None:
    async def test(cluster: Cluster) -> None:
        leader = await leader_of(cluster)
        other = next(node for node in cluster.nodes if node != leader)
        fault = every_fault(leader, other, cluster.nodes)[number]
        if type(fault) not in cluster.supports:
            assert type(fault) in DISKS
            return
        assert not (await cluster.probe(fault, [])).proven if type(fault) is not ClockSkew else True
        if isinstance(fault, FlippedBit):
            for _ in range(5):
                await add(cluster, fault.node, "before")
        await cluster.apply([fault])
        await cluster.apply([fault])  # a state, and not a change: a bit is not flipped back
        if isinstance(fault, FullDisk | BrokenDisk):
            await end_of(cluster, fault.node)
        evidence = await cluster.probe(fault, [fault])
        assert evidence.proven, f"{fault}: {evidence.words}"
        if isinstance(fault, LosesADisk):

            async def others_have_caught_up() -> bool:
                return await cluster.caught_up() == set(cluster.nodes) - {fault.node}

            await until(others_have_caught_up)
        await cluster.apply([])
        await cluster.recovered(within_s=PATIENCE_S)
        await add(cluster, other, "after")
        await agree(cluster)
        assert not cluster.ended

    living.play(test)


def test_faults_that_overlap_do_not_heal_each_other(living: Living) -> None:
    async def test(cluster: Cluster) -> None:
        await leader_of(cluster)
        some, more = Partition(between(["n1"], ["n2"])), Partition(between(["n1"], ["n2", "n3"]))
        pause, crash = Pause("n1"), Crash("n1")
        await cluster.apply([some, more, pause])
        await cluster.apply([more, pause])
        assert (await cluster.probe(some, [more, pause])).proven
        await cluster.apply([more, pause, crash])
        assert (await cluster.probe(crash, [more, pause, crash])).proven
        await cluster.apply([more, pause])
        assert (await cluster.probe(pause, [more, pause])).proven, "started, and still again"
        assert (await cluster.roles())["n1"] == ""
        await cluster.apply([])
        await cluster.recovered(within_s=PATIENCE_S)

    living.play(test)


def test_a_cut_is_one_way_and_a_minority_serves_nobody(living: Living) -> None:
    async def test(cluster: Cluster) -> None:
        leader = await leader_of(cluster)
        one_way = Partition(
            frozenset({(leader, other) for other in cluster.nodes} - {(leader,) * 2})
        )
        back = Partition(frozenset((b, a) for a, b in one_way.links))
        await cluster.apply([one_way])
        assert (await cluster.probe(one_way, [one_way])).proven
        assert not (await cluster.probe(back, [one_way])).proven

        async def another_leads() -> bool:
            roles = await cluster.roles()
            return [node for node, role in roles.items() if role == "leader"] not in ([], [leader])

        await until(another_leads)
        await cluster.apply([])
        await cluster.recovered(within_s=PATIENCE_S)

    living.play(test)


def test_what_was_answered_outlives_a_crash_of_all(living: Living) -> None:
    async def test(cluster: Cluster) -> None:
        await leader_of(cluster)
        session = await cluster.connect("n2", timeout_s=PATIENCE_S)
        made = await session.create("/kept", b"all of it", sequential=True)
        await cluster.apply([Crash(node) for node in cluster.nodes])
        with pytest.raises((InDoubt, NotDone)):
            await session.get(made.path)
        with pytest.raises(NotDone):
            await cluster.connect("n2", timeout_s=0.5)
        await cluster.apply([])
        await cluster.recovered(within_s=PATIENCE_S)
        session = await cluster.connect("n1", timeout_s=PATIENCE_S)
        assert (await session.get(made.path, synced=True)).data == b"all of it"
        await session.close()

        async def all_have_caught_up() -> bool:
            return await cluster.caught_up() == set(cluster.nodes)

        await until(all_have_caught_up)

    living.play(test)


def test_each_node_writes_down_what_it_does(living: Living) -> None:
    async def test(cluster: Cluster) -> None:
        await leader_of(cluster)
        logs = cluster.event_logs()
        assert set(logs) == set(cluster.nodes)
        for paths in logs.values():
            assert b'"event":"started"' in b"".join(
                path.read_bytes().replace(b'": "', b'":"') for path in paths
            )

    living.play(test)
