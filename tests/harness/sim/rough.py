"""Which run has everything in it, and are all of its bytes as they were?

It needs no pytest, so that another Python can ask as well.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from harness.plan import Plan
from harness.sim.case import Case, bare_store, case_of, play
from harness.sim.conditions import Conditions
from harness.sim.rotation import NEMESES

FILES = ("history.jsonl", "tape.json", "results.json")


def rough(seed: int, time_s: float = 20.0) -> Case:
    plan = Plan(seed=seed, nemeses=NEMESES, time_s=time_s, rate=50.0, enough=0)
    return case_of(plan, Conditions(snap_count=20))


def digest(case: Case, directory: Path) -> str:
    """Of all that a run leaves."""
    store = bare_store(directory / "run", case)
    play(case, store)
    paths = [store.path / name for name in FILES] + sorted(store.nodes.glob("*/events.jsonl"))
    assert len(paths) == len(FILES) + case.conditions.nodes
    return hashlib.sha256(b"".join(path.read_bytes() for path in paths)).hexdigest()
