"""Bugs are planted and taken out again; whether they are found is shown elsewhere."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from harness.power.checks import checks
from harness.sim.world import SimWorld
from target_node.bugs.bug import find, names, planted
from tests.harness.sim.test_node import create, follower, in_world
from tests.target_node.ensemble import ROOT


@pytest.mark.parametrize("name", names())
def test_a_bug_is_there_as_long_as_it_is_planted(name: str) -> None:
    bug = find(name)
    assert bug.name == name
    assert bug.breaks
    assert bug.known_as
    before = [getattr(one.owner, one.attribute) for one in bug.overrides]
    assert before
    with planted(bug):
        for one, original in zip(bug.overrides, before, strict=True):
            assert getattr(one.owner, one.attribute) is one.instead
            assert one.instead is not original
    assert [getattr(one.owner, one.attribute) for one in bug.overrides] == before


@pytest.mark.parametrize("name", names())
def test_somebody_watches_its_promise_or_it_says_why_not(name: str) -> None:
    bug = find(name)
    assert bool(bug.watched) != bool(bug.unwatched)
    assert set(bug.watched) <= checks().keys()


@pytest.mark.parametrize("name", names())
def test_there_is_a_scenario_in_which_it_shows(name: str) -> None:
    texts = [path.read_text(encoding="utf-8") for path in Path(__file__).parent.glob("test_*.py")]
    assert any(f'both("{name}", scenario)' in text for text in texts)


@pytest.mark.parametrize("name", names())
def test_in_calm_weather_it_serves(name: str) -> None:
    async def main(world: SimWorld) -> None:
        for number, node in enumerate(world.names):
            await create(world, f"/{number}", node)
        world.restart(follower(world))
        assert await world.until(world.all_serve, 30)
        await create(world, "/last")

    with planted(find(name)):
        in_world(main, observers=1)


def test_the_node_knows_nothing_of_bugs() -> None:
    script = "import sys, target_node.__main__; print([n for n in sys.modules if 'bugs' in n])"
    told = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT)
    assert told.stdout.strip() == "[]"


def test_an_unknown_bug_is_one_line() -> None:
    command = [sys.executable, "-m", "target_node.bugs", "nonsense"]
    told = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert told.returncode == 2
    assert told.stderr.count("\n") == 1
    assert "ack-before-fsync" in told.stderr
