"""Do clients get a rest when they need one, and only then?"""

from __future__ import annotations

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from harness.client import Shared
from harness.hunger import REST_S, STARVED_S, Hunger
from harness.plan import Plan
from harness.sim.loop import run as simulate
from tests.harness.memory import Service
from tests.harness.test_run import QUICK, events, not_passed, play

KINDS = ("read", "write")


def shared(**answered: int) -> Any:
    counts = {"faults": {kind: {"ok": number} for kind, number in answered.items()}}
    return SimpleNamespace(counts=counts, workload=SimpleNamespace(kinds=KINDS))


async def feed(of: Any, kind: str, every_s: float) -> None:
    while True:
        await asyncio.sleep(every_s)
        of.counts["faults"][kind]["ok"] += 1


@pytest.mark.parametrize(
    ("fed", "had", "starve"),
    [
        (("read", "write"), 0, False),
        (("read",), 0, True),
        ((), 9, True),
        ((), 10, False),  # they have had enough
    ],
)
def test_who_starves(fed: tuple[str, ...], had: int, starve: bool) -> None:
    async def main() -> float | None:
        of = shared(read=had, write=had)
        feeding = [asyncio.ensure_future(feed(of, kind, 3.0)) for kind in fed]
        loop = asyncio.get_running_loop()
        began = loop.time()
        try:
            async with asyncio.timeout(25.0 if fed else 60.0):
                await Hunger(cast(Shared, of), 10).needed()
            return loop.time() - began
        except TimeoutError:
            return None
        finally:
            for one in feeding:
                one.cancel()

    after_s = simulate(main())
    assert (after_s is not None) == starve
    if after_s is not None:
        assert STARVED_S <= after_s < STARVED_S + 1.0


@pytest.mark.parametrize(("every_s", "over_s"), [(0.2, 1.0), (60.0, REST_S)])
def test_a_rest_ends_when_some_were_answered_or_in_time(every_s: float, over_s: float) -> None:
    async def main() -> float:
        of = shared(read=0, write=0)
        feeding = [asyncio.ensure_future(feed(of, kind, every_s)) for kind in KINDS]
        loop = asyncio.get_running_loop()
        began = loop.time()
        await Hunger(cast(Shared, of), 10).over()
        for one in feeding:
            one.cancel()
        return loop.time() - began

    assert over_s <= simulate(main()) <= over_s + 1.0


def test_a_run_in_which_all_is_down_has_rests(tmp_path: Path) -> None:
    plan = Plan(
        **QUICK | {"time_s": 90.0, "rate": 20.0, "enough": 60, "pace": 4.0},
        nemeses=("kill", "pause"),
        seed=3,
    )
    results, store, _ = play(tmp_path, plan, Service(nodes=1))
    notes = [e["f"] for e in events(store) if e["process"] == "nemesis"]
    assert "rest" in notes
    assert "calls in phase faults" not in not_passed(results)
    at_rest = notes.index("rest")
    assert notes[at_rest - 1] == "lifted"
