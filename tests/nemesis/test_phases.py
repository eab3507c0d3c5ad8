"""Does a fault come at the moment of the protocol that it waits for, in a simulation and here?"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from checker.history import Note
from harness.chance import Chance
from harness.cluster import Cluster
from harness.fault_notes import held_of
from harness.local.cluster import LocalCluster
from harness.local.tailing import next_event
from harness.script import LATE_S, NANO, Held, Script
from harness.scripting import seconds_of
from harness.sim.cluster import SimCluster
from harness.sim.conditions import Conditions
from harness.sim.loop import run as simulate
from nemesis.conduct import conduct
from nemesis.fault import Crash, Node
from nemesis.phases import kill_it, phases
from nemesis.plan import Moment, Nemesis, Step, When
from nemesis.surface import Draw, Surface
from nemesis.written import read_moment
from tests.nemesis.fakes import FakeSurface, seeded

Story = list[tuple[float, str, Mapping[str, Any]]]


def one_of_them(when: When) -> Nemesis:
    def plan(surface: Surface, draw: Draw) -> Iterator[Step]:
        yield Step(0.1, None, 0.5, when=when)

    return Nemesis("phase", "", frozenset({Crash}), plan)


async def played(cluster: Surface, when: When, seconds: float) -> Story:
    return await conducted(cluster, [one_of_them(when)], seconds)


async def conducted(cluster: Surface, nemeses: Sequence[Nemesis], seconds: float) -> Story:
    story: Story = []
    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    loop.call_later(seconds, stop.set)
    await conduct(
        nemeses,
        cluster,
        draws=seeded,
        stop=stop,
        note=lambda f, value: story.append((loop.time(), f, value)),
        journal=lambda faults: None,
    )
    return story


async def writes(cluster: Cluster, node: Node) -> None:
    session = await cluster.connect(node, timeout_s=10)
    try:
        for _ in range(5):
            await asyncio.sleep(0.1)
            await session.create("/x", b"", sequential=True)
    finally:
        session.abandon()


async def at_the_third(cluster: Cluster, directory: Path) -> Story:
    await cluster.deploy(directory)
    try:
        roles = await cluster.recovered(within_s=60)
        leader = next(node for node, role in roles.items() if role == "leader")
        writing = asyncio.get_running_loop().create_task(writes(cluster, leader))
        story = await played(cluster, When("durable", kill_it, role="follower", times=3), 3)
        writing.cancel()
        await asyncio.gather(writing, return_exceptions=True)
        await cluster.recovered(within_s=60)
        return story
    finally:
        await cluster.stop()


def test_in_a_simulation_it_comes_at_once(tmp_path: Path) -> None:
    cluster = SimCluster(Conditions(nodes=3), Chance(1, keeps=False))
    story = simulate(at_the_third(cluster, tmp_path), most_s=300)
    at_s, _, value = next(one for one in story if one[1] == "inject")
    (fault,) = value["faults"]
    lines = (tmp_path / fault["fault"]["node"] / "events.jsonl").read_text().splitlines()
    assert any(f'"mono_ns":{round(at_s * 1e9)},' in line for line in lines if "durable" in line)


def test_on_this_machine_it_comes_soon(tmp_path: Path) -> None:
    story = asyncio.run(at_the_third(LocalCluster(3), tmp_path))
    assert "inject" in [f for _, f, _ in story]


@pytest.mark.parametrize("watched", [False, True])
def test_what_does_not_come_is_skipped(watched: bool) -> None:
    class Watched(FakeSurface):
        async def next_event(self, wanted: Callable[[Node, str], bool]) -> Node:
            await asyncio.sleep(60)
            raise AssertionError("nobody waits so long")

    surface = Watched() if watched else FakeSurface()
    story = simulate(played(surface, When("joined", kill_it, within_s=1), 5))
    assert [f for _, f, _ in story if f in ("inject", "skipped")] == ["skipped"]


def test_a_torn_line_is_no_event_until_it_is_whole(tmp_path: Path) -> None:
    log = tmp_path / "events.jsonl"
    log.write_text('{"event":"old"}\n')

    async def main() -> None:
        heard: list[str] = []

        def wanted(node: Node, event: str) -> bool:
            heard.append(event)
            return event == "new"

        waiting = asyncio.create_task(next_event({"n1": [log]}, wanted))
        await asyncio.sleep(0.02)
        with log.open("a") as file:
            file.write('{"event":"n')
            file.flush()
            await asyncio.sleep(0.02)
            file.write('ew"}\n')
        assert await waiting == "n1"
        assert heard == ["new"]

    asyncio.run(main())


def test_plans_of_moments_follow_from_chance() -> None:
    steps = [next(phases(FakeSurface(), seeded("a"))) for _ in range(2)]
    assert steps[0] == steps[1]


class Eventful(FakeSurface):
    """Each tenth of a second somebody does something."""

    async def next_event(self, wanted: Callable[[Node, str], bool]) -> Node:
        done = [("n1", "joined"), ("n3", "joined"), ("n3", "promised"), ("n3", "joined")]
        for node, event in done:
            await asyncio.sleep(0.1)
            if wanted(node, event):
                return node
        raise AssertionError("nobody waited for any of that")


@pytest.mark.parametrize("watched", [False, True])
def test_what_is_told_with_its_moment_waits_for_it_or_comes_by_the_clock(watched: bool) -> None:
    moment = Moment("n3", "joined", 2, NANO // 2, NANO // 10)
    told = Held("phase", "n3", NANO, 2 * NANO, (Crash("n3"),), moment)
    script = Script(parts=[[]], held=(told,), faults_ns=told.watch_ns)
    surface = Eventful() if watched else FakeSurface()
    story = simulate(conducted(surface, script.nemeses, 3))
    (at_s, value) = next((at_s, value) for at_s, f, value in story if f == "inject")
    assert at_s == pytest.approx(0.5 if watched else 0.6)
    if watched:
        assert value["when"] == asdict(replace(moment, waited_ns=4 * NANO // 10))
    else:
        assert "when" not in value
    over = next(at_s for at_s, f, _ in story if f == "lift")
    assert over - at_s == pytest.approx(1.0)


def test_what_does_not_come_to_its_moment_comes_late_and_holds_up_nobody() -> None:
    moment = Moment("n5", "joined", 1, NANO // 2)
    told = Held("phase", "n3", NANO, 2 * NANO, (Crash("n3"),), moment)
    other = Held("phase", "n4", 3 * NANO, 4 * NANO, (Crash("n4"),))

    class Uneventful(FakeSurface):
        async def next_event(self, wanted: Callable[[Node, str], bool]) -> Node:
            await asyncio.sleep(60)
            raise AssertionError("nobody waits so long")

    script = Script(parts=[[]], held=(told, other), faults_ns=told.watch_ns)
    story = simulate(conducted(Uneventful(), script.nemeses, 8))
    began = {value["aim"]: at_s for at_s, f, value in story if f == "inject"}
    assert began == {"n3": pytest.approx(0.5 + LATE_S), "n4": pytest.approx(2.5)}
    assert [value["why"] for _, f, value in story if f == "late"] == ["it did not come to that"]
    assert seconds_of(script) == pytest.approx(2 + LATE_S)


def test_the_moment_is_read_from_the_notes_again() -> None:
    story = simulate(played(Eventful(), When("joined", kill_it, times=3), 3))
    notes = [Note(round(at * NANO), "nemesis", "info", f, value) for at, f, value in story]
    (held,) = held_of(notes, 0, ())
    assert held.when == Moment("n3", "joined", 2, 4 * NANO // 10)
    assert held.watch_ns == pytest.approx(NANO // 10, abs=NANO // 100)


def test_moments_of_other_versions_are_read_and_what_is_none_is_told() -> None:
    moment = Moment("n3", "joined", 2, 5, 6)
    assert read_moment({**asdict(moment), "whence": 7}) == moment
    assert read_moment(None) is None
    with pytest.raises(ValueError, match="no moment"):
        read_moment({"node": "n3"})
