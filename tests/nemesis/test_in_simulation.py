"""Does the same seed disturb a simulated world in the same way, whatever Python's hashes are?"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from harness.sim.loop import run
from nemesis.conduct import conduct
from nemesis.registry import named, nemeses
from tests.nemesis.fakes import FakeSurface, seeded

HOME = Path(__file__).parents[2]
SECONDS = 600


def story() -> list[Any]:
    """All that happens in ten minutes of all nemeses, which pass at once."""
    told: list[Any] = []

    async def play() -> None:
        surface = FakeSurface(lag=0.05)
        loop = asyncio.get_running_loop()
        stop = asyncio.Event()
        loop.call_later(SECONDS, stop.set)
        tallies = await conduct(
            named(",".join(nemeses())),
            surface,
            draws=seeded,
            stop=stop,
            note=lambda f, value: told.append([loop.time(), f, value]),
            journal=surface.journal,
        )
        assert surface.now == ()
        assert all(tally.injected for tally in tallies.values()), tallies
        told.append(sum(tally.injected for tally in tallies.values()))

    run(play())
    return told


def test_the_same_seed_tells_the_same_story() -> None:
    code = f"import json; from {__name__} import story; print(json.dumps(story()))"
    told = [
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(HOME)},
            capture_output=True, check=True, timeout=100,
        ).stdout
        for seed in ("1", "2")
    ]  # fmt: skip
    assert told[0] == told[1]
    assert json.loads(told[0])[-1] > 500
