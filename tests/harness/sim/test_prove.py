"""Does nothing go wrong in two thousand seeds, all kinds of faults at once?

In ten parts, each of which is played, and told in the docs, by itself: `-k 'minutes and 1400'`.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from harness.sim.hunt import Hunt, hunt
from harness.sim.rotation import NEMESES, Wishes

SEEDS = 2000
PART = 200


@pytest.mark.prove
@pytest.mark.parametrize("first", range(0, SEEDS, PART))
def test_two_thousand_minutes_with_all_nemeses(
    first: int,
    tmp_path: Path,
    record_property: Callable[[str, object], None],
    capsys: pytest.CaptureFixture[str],
) -> None:
    wishes = Wishes(nemeses=NEMESES, time_s=60.0, rate=50.0)
    asked = Hunt(wishes=wishes, seeds=PART, first=first, keep_going=True, store=tmp_path)
    assert hunt(asked) == 0
    # Also a hunt that was interrupted tells what it has, and is valid so far.
    assert f" {PART} seeds from {first}," in capsys.readouterr().out
    record_property("measured", f"{PART} seeds of 60 simulated seconds at 50 calls a second")
