"""Does nothing go wrong in two thousand seeds, all kinds of faults at once?"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from harness.sim.hunt import Hunt, hunt
from harness.sim.rotation import NEMESES, Wishes

SEEDS = 2000


@pytest.mark.prove
def test_two_thousand_minutes_with_all_nemeses(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    wishes = Wishes(nemeses=NEMESES, time_s=60.0, rate=50.0)
    asked = Hunt(wishes=wishes, seeds=SEEDS, keep_going=True, store=tmp_path)
    assert hunt(asked) == 0
    record_property("measured", f"{SEEDS:,} seeds of 60 simulated seconds at 50 calls a second")
