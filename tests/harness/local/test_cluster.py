"""Does a local ensemble suffer each fault that it is told of, and recover when that is lifted?"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from harness.cluster import CannotDeploy
from harness.local import cluster as cluster_module
from harness.local.cluster import LocalCluster
from harness.local.lines import Gone
from harness.local.ports import free_ports
from nemesis.conduct import conduct
from nemesis.fault import ClientLink, ClockSkew, Crash, Fault, Node, Partition, Pause, Slow, Wipe
from nemesis.grudge import between
from nemesis.registry import named
from tests.nemesis.fakes import seeded

PATIENCE_S = 180.0


@contextlib.asynccontextmanager
async def deployed(directory: Path, size: int = 3, **more: Any) -> AsyncIterator[LocalCluster]:
    one = LocalCluster(size, **more)
    try:
        await one.deploy(directory)
        yield one
    finally:
        await one.stop()


class Living:
    """An ensemble that serves several tests, one after the other."""

    def __init__(self, runner: asyncio.Runner, cluster: LocalCluster) -> None:
        self._runner = runner
        self._cluster = cluster

    def play(self, test: Callable[[LocalCluster], Coroutine[Any, Any, None]]) -> None:
        self._runner.run(test(self._cluster))


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Living]:
    one = LocalCluster(3)
    with asyncio.Runner() as runner:
        try:
            runner.run(one.deploy(tmp_path_factory.mktemp("living")))
            yield Living(runner, one)
        finally:
            runner.run(one.stop())


def play(directory: Path, test: Callable[[LocalCluster], Coroutine[Any, Any, None]]) -> None:
    async def run() -> None:
        async with deployed(directory) as cluster:
            await test(cluster)

    asyncio.run(run())


async def leader_of(cluster: LocalCluster) -> Node:
    roles = await cluster.recovered(within_s=PATIENCE_S)
    return next(node for node, role in roles.items() if role == "leader")


async def seen(cluster: LocalCluster, fault: Fault, active: Sequence[Fault]) -> bool:
    return (await cluster.probe(fault, active)).proven


async def write(cluster: LocalCluster, node: Node, path: str) -> None:
    session = await cluster.connect(node, timeout_s=PATIENCE_S)
    await session.create(path, b"x")
    await session.close()


async def unseen(cluster: LocalCluster, fault: Fault) -> bool:
    return not await seen(cluster, fault, [fault])


async def agree(cluster: LocalCluster) -> None:
    async def same() -> bool:
        prints = await cluster.fingerprints()
        return len(prints) == len(cluster.nodes) and len(set(prints.values())) == 1

    await until(same)


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not await holds():  # noqa: ASYNC110  what is waited for is told to nobody
            await asyncio.sleep(0.05)


def every_fault(leader: Node, other: Node, nodes: Sequence[Node]) -> Sequence[Fault]:
    return (
        Partition(between([leader], nodes)),
        Partition(frozenset({(other, leader)})),
        ClockSkew(other, offset_ms=-7000),
        ClockSkew(other, rate=2.0),
        Slow(between([leader], [other]), delay_ms=30),
        Slow(between([leader], nodes), loss=0.5),
        Slow(between([leader], [other]), bytes_per_s=4096),
        ClientLink(leader),
        ClientLink(leader, reset=True),
        Pause(other),
        Crash(leader),
        Wipe(other),
    )


@pytest.mark.parametrize("number", range(12))
def test_each_fault_has_its_effect_and_an_end(number: int, cluster: Living) -> None:
    async def test(cluster: LocalCluster) -> None:
        leader = await leader_of(cluster)
        other = next(node for node in cluster.nodes if node != leader)
        fault = every_fault(leader, other, cluster.nodes)[number]
        await cluster.apply([fault])
        evidence = await cluster.probe(fault, [fault])
        assert evidence.proven, f"{fault}: {evidence.words}"
        await cluster.apply([])
        await until(lambda: unseen(cluster, fault))
        await cluster.recovered(within_s=PATIENCE_S)
        await write(cluster, other, f"/after{number}")
        await agree(cluster)
        assert not cluster.ended

    cluster.play(test)


def test_faults_that_overlap_do_not_heal_each_other(tmp_path: Path) -> None:
    async def test(cluster: LocalCluster) -> None:
        some, more = Partition(between(["n1"], ["n2"])), Partition(between(["n1"], ["n2", "n3"]))
        pause, crash = Pause("n1"), Crash("n1")
        await cluster.apply([some, more, pause])
        assert await seen(cluster, some, [some, more, pause])
        await cluster.apply([more, pause])
        assert await seen(cluster, some, [more, pause])
        assert await seen(cluster, pause, [more, pause])
        await cluster.apply([more, pause, crash])
        assert await seen(cluster, crash, [more, pause, crash])
        await cluster.apply([more, pause])
        assert await seen(cluster, pause, [more, pause]), "it is started, and stands still again"
        assert await cluster.roles() == {**await cluster.roles(), "n1": ""}
        await cluster.apply([])
        await cluster.recovered(within_s=PATIENCE_S)

    play(tmp_path, test)


def test_a_wiped_node_learns_all_again(tmp_path: Path) -> None:
    async def test(cluster: LocalCluster) -> None:
        await write(cluster, "n2", "/kept")
        await cluster.apply([Wipe("n1")])
        assert await cluster.caught_up() <= {"n2", "n3"}

        async def others_have_caught_up() -> bool:
            return await cluster.caught_up() == {"n2", "n3"}

        await until(others_have_caught_up)
        # Told again of a disk that is lost already, it does not lose what the node wrote since.
        await cluster.apply([Wipe("n1"), Crash("n2")])
        await cluster.apply([])
        await cluster.recovered(within_s=PATIENCE_S)
        session = await cluster.connect("n1", timeout_s=PATIENCE_S)
        assert (await session.get("/kept")).data == b"x"
        await session.close()

    play(tmp_path, test)


def test_one_who_ends_by_itself_is_noted_and_not_started_again(tmp_path: Path) -> None:
    async def test(cluster: LocalCluster) -> None:
        os.kill((await cluster.pids())["n3"], 9)

        async def is_gone() -> bool:
            return "n3" not in await cluster.pids()

        await until(is_gone)
        await cluster.apply([])
        assert cluster.ended["n3"].startswith("exit status -9")
        assert "n3" not in await cluster.pids()
        with pytest.raises(TimeoutError, match="n3 ended: exit status -9"):
            await cluster.recovered(within_s=0.1)

    play(tmp_path, test)


def test_several_nemeses_at_once(tmp_path: Path) -> None:
    story: list[tuple[str, Any]] = []

    async def test(cluster: LocalCluster) -> None:
        stop = asyncio.Event()
        asyncio.get_running_loop().call_later(5, stop.set)
        tallies = await conduct(
            named("partition,kill,pause,clock,slow,client-link"),
            cluster,
            draws=seeded,
            stop=stop,
            note=lambda f, value: story.append((f, value)),
            journal=lambda faults: None,
            pace=0.2,
        )
        assert sum(tally.injected for tally in tallies.values()) > 4
        assert sum(tally.proven for tally in tallies.values()) > 2
        await cluster.recovered(within_s=PATIENCE_S)
        for node in cluster.nodes:
            await write(cluster, node, f"/{node}")
        await agree(cluster)
        assert not cluster.ended

    play(tmp_path, test)
    for _, value in story:
        for fault in value.get("faults", ()):
            told = fault.get("evidence", "")
            # One that is being started has no time to tell yet.
            assert not told.startswith("not proven") or "does not say" in told, value


def test_what_can_be_healed_is_healed_without_a_proxy(tmp_path: Path) -> None:
    async def test(cluster: LocalCluster) -> None:
        await cluster.apply([Pause("n1"), Crash("n2")])
        os.kill((await cluster.pids())["proxy"], 9)
        with pytest.raises(Gone, match=r"harness\.local\.proxy"):
            await cluster.apply([])
        assert await seen(cluster, Pause("n1"), [Pause("n1")]) is False
        assert "n2" in await cluster.pids()

    play(tmp_path, test)


def test_ports_that_are_taken_are_left_to_whoever_has_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = other.getsockname()[1]
        tries: list[int] = []

        def ports(count: int) -> list[int]:
            tries.append(count)
            found = free_ports(count)
            return [taken, *found[1:]] if len(tries) == 1 else found

        monkeypatch.setattr(cluster_module, "free_ports", ports)

        async def run() -> None:
            async with deployed(tmp_path) as cluster:
                assert len(tries) == 2
                assert not cluster.ended

        asyncio.run(run())


def test_an_ensemble_that_cannot_start_says_why(tmp_path: Path) -> None:
    async def run() -> None:
        async with deployed(tmp_path, config="tickTime=soon\n"):
            pass

    with pytest.raises(CannotDeploy, match=r"n\d: exit status 2: .*zoo.cfg:\d+: .*soon"):
        asyncio.run(run())
