"""Is everything healed, however it ends, and does no fault that is lifted heal another?"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pytest

from nemesis import budget
from nemesis.conduct import conduct
from nemesis.fault import Crash, Fault, FlippedBit, LosesADisk, Partition, Pause, Wipe
from nemesis.grudge import between
from nemesis.ledger import Ledger
from nemesis.plan import AtNodes, Nemesis, Plan, Step
from nemesis.registry import NoNemesis, named
from nemesis.surface import Draw, Evidence, Surface
from tests.nemesis.fakes import FIVE, FakeSurface, seeded

PATIENCE_S = 30


def ledger_of(surface: FakeSurface) -> Ledger:
    return Ledger(surface, note=surface.note, journal=surface.journal)


def a_nemesis(name: str, kind: type, *steps: Step) -> Nemesis:
    def plan(surface: Surface, draw: Draw) -> Iterator[Step]:
        yield from steps

    made: Plan = plan
    return Nemesis(name, "of a test", frozenset({kind}), made)


async def play(surface: FakeSurface, *nemeses: Nemesis, seconds: float = 0.3) -> Any:
    stop = asyncio.Event()
    asyncio.get_running_loop().call_later(seconds, stop.set)
    async with asyncio.timeout(PATIENCE_S):
        return await conduct(
            nemeses, surface, draws=seeded, stop=stop, note=surface.note, journal=surface.journal,
            pace=0.01,
        )  # fmt: skip


def of(story: Sequence[tuple[str, Any]], *kinds: str) -> list[tuple[str, Any]]:
    return [(f, value) for f, value in story if f in kinds]


def test_lifting_one_leaves_the_others() -> None:
    async def run() -> None:
        surface = FakeSurface()
        ledger = ledger_of(surface)
        (one,) = await ledger.inject("kill", "n1", [Crash("n1")])
        (two,) = await ledger.inject("restart", "n1", [Crash("n1")])
        (cut,) = await ledger.inject("partition", "x", [Partition(between(["n1"], FIVE))])
        assert list(surface.now) == [one.fault, two.fault, cut.fault]
        assert (two.moot, two.proven, cut.moot) == (True, False, True)
        await ledger.lift([one])
        assert list(surface.now) == [two.fault, cut.fault]
        await ledger.lift([two])
        assert two.proven, "it was not masked any more when it was lifted"
        await ledger.lift_all()
        assert not surface.now
        assert ledger.tally("partition").proven == 1

    asyncio.run(run())


class Once:
    """Needs a rest after a while, once; and says what was so in it."""

    def __init__(self, surface: FakeSurface) -> None:
        self._surface = surface
        self._had = False
        self.during: list[tuple[Fault, ...]] = []

    async def needed(self) -> None:
        if self._had:
            await asyncio.Event().wait()
        self._had = True
        while not self._surface.now:  # noqa: ASYNC110  nobody tells of it
            await asyncio.sleep(0.01)

    async def over(self) -> None:
        for _ in range(10):
            self.during.append(tuple(self._surface.now))
            await asyncio.sleep(0.01)


def test_no_fault_is_active_in_a_rest_but_a_lost_disk() -> None:
    surface = FakeSurface()
    relief = Once(surface)
    kill = a_nemesis("kill", Crash, *(Step(0.1, AtNodes("one", Crash), 2.0) for _ in range(500)))
    pause = a_nemesis("pause", Pause, *(Step(0.1, AtNodes("one", Pause), 0.2) for _ in range(500)))

    async def run() -> None:
        stop = asyncio.Event()

        def note(f: str, value: Mapping[str, Any]) -> None:
            surface.note(f, value)
            if f == "injected" and of(surface.story, "rest"):
                stop.set()

        async with asyncio.timeout(PATIENCE_S):
            await conduct(
                (kill, pause), surface, draws=seeded, stop=stop, note=note,
                journal=surface.journal, pace=0.01, relief=relief,
            )  # fmt: skip

    asyncio.run(run())
    assert relief.during == [()] * 10
    told = [f for f, _ in surface.story]
    rest = told.index("rest")
    assert "injected" in told[:rest]
    assert "injected" in told[rest:], "and then it goes on"


@pytest.mark.parametrize("fault", [Wipe("n2"), FlippedBit("n2", 1, 9)])
def test_a_lost_disk_is_not_given_back_for_a_rest(fault: Fault) -> None:
    async def run() -> None:
        surface = FakeSurface()
        ledger = ledger_of(surface)
        (crash,) = await ledger.inject("kill", "n1", [Crash("n1")])
        (lost,) = await ledger.inject("mine", "n2", [fault])
        await ledger.relieve()
        assert list(surface.now) == [lost.fault]
        before = len(surface.story)
        await ledger.lift([crash])
        assert len(surface.story) == before, "it was over already"

    asyncio.run(run())


def test_a_masked_fault_is_moot_and_no_evidence() -> None:
    async def run() -> None:
        surface = FakeSurface()
        ledger = ledger_of(surface)
        await ledger.inject("kill", "n1", [Crash("n1")])
        await ledger.inject("pause", "n1", [Pause("n1")])
        await ledger.lift_all()
        assert ledger.tally("pause").moot == ledger.tally("kill").proven == 1
        assert ledger.tally("pause").proven == 0
        ((_, told),) = of(surface.story, "injected")[1:]
        assert told["faults"] == [
            {
                "id": 1,
                "fault": {"kind": "pause", "node": "n1"},
                "moot": True,
                "evidence": "masked by other faults",
            }
        ]

    asyncio.run(run())


def test_what_may_be_active_is_always_in_the_journal() -> None:
    async def run() -> list[tuple[str, Any]]:
        surface = FakeSurface(lag=0.001)
        await play(surface, *named("kill,pause,partition,clock,slow,client-link,flapping,restart"))
        return of(surface.story, "journalled", "applied")

    journalled: tuple[Fault, ...] = ()
    story = asyncio.run(run())
    assert len(story) > 20
    for f, faults in story:
        if f == "journalled":
            journalled = faults
        else:
            assert set(faults) <= set(journalled)
    assert journalled == ()


def test_all_is_lifted_when_told_to_stop() -> None:
    async def run() -> None:
        surface = FakeSurface(lag=0.001)
        hold = a_nemesis("mine", Crash, Step(0, AtNodes("leader", Crash), 1e6))
        tallies = await play(surface, hold, *named("kill,pause"), seconds=0.1)
        assert surface.now == ()
        assert tallies["mine"].injected == tallies["mine"].proven == 1
        assert tallies.keys() == {"mine", "kill", "pause"}
        assert surface.story[-1][0] == "lifted-all"

    asyncio.run(run())


@pytest.mark.parametrize("after_s", [0.0, 0.01, 0.03, 0.05, 0.08])
def test_all_is_lifted_when_cancelled_however_often(after_s: float) -> None:
    async def run() -> FakeSurface:
        surface = FakeSurface(lag=0.02)
        task = asyncio.create_task(play(surface, *named("kill,pause"), seconds=PATIENCE_S))
        await asyncio.sleep(after_s)
        for _ in range(3):
            task.cancel()
            await asyncio.sleep(0.002)
        with pytest.raises(asyncio.CancelledError):
            await task
        assert surface.now == ()
        return surface

    surface = asyncio.run(run())
    assert surface.now == ()
    assert not after_s or surface.applied[-1] == ()


def test_all_is_lifted_when_something_fails() -> None:
    async def run() -> None:
        surface = FakeSurface()

        def fail(active: Sequence[Fault]) -> None:
            if any(isinstance(fault, Pause) for fault in active):
                raise OSError("no such process")

        surface.fail = fail
        steps = Step(0, AtNodes("n1", Crash), 1e6), Step(1, AtNodes("n2", Pause), 1)
        with pytest.raises(OSError, match="no such process"):
            await play(surface, a_nemesis("a", Crash, steps[0]), a_nemesis("b", Pause, steps[1]))
        assert surface.applied[-1] == ()

    asyncio.run(run())


def test_lifting_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nemesis.ledger._PAUSE_S", 0.01)

    async def run() -> None:
        surface = FakeSurface()
        ledger = ledger_of(surface)
        await ledger.inject("kill", "n1", [Crash("n1")])
        failures = iter([OSError("once"), OSError("twice")])

        def fail(active: Sequence[Fault]) -> None:
            for failure in failures:
                raise failure

        surface.fail = fail
        await ledger.lift_all()
        assert surface.now == ()
        assert [value["why"] for _, value in of(surface.story, "lift-failed")] == [
            "OSError: once",
            "OSError: twice",
        ]

    asyncio.run(run())


def test_a_lost_disk_is_given_back_late_even_if_a_look_at_it_fails(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What was asked for at the end is noted before one waits until it is safe."""
    monkeypatch.setattr(budget, "PATIENCE_S", 0.3)

    class Blind(FakeSurface):
        async def probe(self, fault: Fault, active: Sequence[Fault]) -> Evidence:
            if [f for f, _ in self.story if f == "injected"]:
                raise OSError("no such host")
            return await super().probe(fault, active)

    async def run() -> None:
        surface = Blind()
        ledger = ledger_of(surface)
        await ledger.inject("wipe", "n1", [Wipe("n1")])
        surface.behind = frozenset({"n2"})
        began = asyncio.get_running_loop().time()
        await ledger.lift_all()
        assert asyncio.get_running_loop().time() - began >= 0.3
        told = [
            f for f, _ in surface.story if f in ("probe-failed", "lift-all", "late", "lifted-all")
        ]
        assert told == ["probe-failed", "lift-all", "late", "lifted-all"]
        assert surface.now == ()

    asyncio.run(run())


def test_nothing_is_injected_after_the_end() -> None:
    async def run() -> None:
        surface = FakeSurface(lag=0.01)
        ledger = ledger_of(surface)
        late = [asyncio.create_task(ledger.inject("k", n, [Crash(n)])) for n in FIVE]
        await asyncio.sleep(0)
        for task in late:
            task.cancel()
        await ledger.lift_all()
        assert surface.now == ()
        await ledger.inject("k", "n1", [Crash("n1")])
        assert surface.now == ()
        await asyncio.gather(*late, return_exceptions=True)
        assert ledger.tally("k").injected == len([f for f, _ in surface.story if f == "inject"])

    asyncio.run(run())


@pytest.mark.parametrize("names", ["wipe", "disk-flip", "wipe,disk-flip"])
def test_a_disk_is_lost_alone_and_comes_back_when_all_others_have_caught_up(names: str) -> None:
    async def run() -> list[tuple[str, Any]]:
        surface = FakeSurface(lag=0.001)
        await play(surface, *named(f"{names},kill,partition,restart"), seconds=1.0)
        return surface.story

    story = asyncio.run(run())
    lost = 0
    for place, (f, faults) in enumerate(story):
        if f == "applied" and any(isinstance(fault, LosesADisk) for fault in faults):
            assert len(faults) == 1
            before = next(x for x in reversed(story[:place]) if x[0] in ("asked", "applied"))
            assert before == ("asked", ())
            after = [x for x in story[place + 1 :] if x[0] in ("asked", "applied")]
            assert after[0] == ("asked", (faults[0].node,))
            assert after[1] == ("applied", ())
            lost += 1
    assert lost > 0


@pytest.mark.parametrize("name", ["wipe", "disk-flip"])
def test_no_disk_is_lost_while_somebody_is_behind(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(budget, "PATIENCE_S", 0.05)

    async def run() -> None:
        surface = FakeSurface()
        surface.behind = frozenset({"n5"})
        tallies = await play(surface, *named(name), seconds=0.8)
        assert tallies[name].injected == 0
        assert of(surface.story, "skipped")

    asyncio.run(run())


def test_an_aim_that_is_not_there_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    async def run() -> None:
        surface = FakeSurface()
        surface.leads = None
        asyncio.get_running_loop().call_later(0.05, setattr, surface, "leads", "n4")
        await play(surface, a_nemesis("a", Crash, Step(0, AtNodes("leader", Crash), 1)), seconds=1)
        assert (Crash("n4"),) in surface.applied
        monkeypatch.setattr("nemesis.conduct._FIND_S", 0.0)
        surface.leads = None
        await play(surface, a_nemesis("b", Crash, Step(0, AtNodes("leader", Crash), 1)))
        assert of(surface.story, "skipped")[0][1]["nemesis"] == "b"

    asyncio.run(run())


def test_a_kind_that_the_cluster_lacks_is_refused_before_anything_happens() -> None:
    surface = FakeSurface()
    surface.supports = frozenset({Crash})
    with pytest.raises(NoNemesis, match="cannot do: pause"):
        asyncio.run(play(surface, *named("kill,pause")))
    assert not surface.story


def test_flaps_keep_their_links() -> None:
    async def run() -> FakeSurface:
        surface = FakeSurface()
        step = Step(0, AtNodes("one", Crash), 0.1, times=4, pause_s=0.1)
        await play(surface, a_nemesis("a", Crash, step))
        return surface

    surface = asyncio.run(run())
    injected = [faults for faults in surface.applied if faults]
    assert len(injected) == 4
    assert len(set(injected)) == 1
