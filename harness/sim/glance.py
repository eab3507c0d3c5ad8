"""Is a scenario small enough to be taken in at a glance, and which of two is smaller?"""

from __future__ import annotations

from typing import Final

from harness.sim import smaller
from harness.sim.case import Case

MOST_CALLS: Final = 20
MOST_FAULTS: Final = 5


def at_a_glance(case: Case) -> bool:
    """Whether it is told as a script, of few calls and few faults."""
    calls, faults = _size(case)
    return case.script is not None and calls <= MOST_CALLS and faults <= MOST_FAULTS


def burden(case: Case) -> tuple[bool, float]:
    """Of whoever reads it: without a script most of all."""
    calls, faults = _size(case)
    return case.script is None, calls / MOST_CALLS + faults / MOST_FAULTS


def _size(case: Case) -> tuple[int, int]:
    """How many calls and faults its script has."""
    script = case.script
    if script is None:
        return 0, 0
    calls = len(smaller.cues_of(script)) + len(script.last) * len(script.parts)
    return calls, len(smaller.faults_of(script))
