"""How soon does a hunt find this bug, and how small is what it found?

Rules of this file: a hunt for a bug is the hunt that anybody makes. It knows nothing of the bug but
that a node has it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from itertools import count
from pathlib import Path

from checker.verdict import Verdict
from harness.sim import smaller
from harness.sim.players import Players
from harness.sim.quarry import calls_in, try_seed
from harness.sim.rotation import Wishes, case_for
from harness.sim.shrink import NothingWrong, shrink
from harness.sim.shrinking import kept


@dataclass(frozen=True, slots=True, kw_only=True)
class Hunted:
    """What came of the hunt for one bug; `seed` is the one that caught it, None if none did."""

    bug: str
    seed: int | None = None
    marks: tuple[str, ...] = ()
    sentence: str = ""
    tried: int = 0
    calls: int = 0
    simulated_s: float = 0.0
    cpu_s: float = 0.0
    """Of all processes."""
    seconds: float = 0.0
    broke: str = ""
    """How the harness itself failed, if so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Small:
    """The least of a catch, in the store at `path`."""

    bug: str
    mark: str = ""
    calls: int = 0
    faults: int | None = 0
    """None, if no script fails so, and all is still drawn."""
    nodes: int = 0
    tried: int = 0
    seconds: float = 0.0
    path: str = ""
    broke: str = ""


def hunted(
    bug: str, wishes: Wishes, they: Players, budget_s: float, tell: Callable[[Hunted], None]
) -> Hunted:
    """Seeds from 0 on until one catches it, or time is over: who comes late has not caught it."""
    began = time.monotonic()

    def seeds() -> Iterator[int]:
        for seed in count():
            if time.monotonic() - began >= budget_s:
                return
            yield seed

    one = Hunted(bug=bug)
    for seen in they.each(partial(try_seed, replace(wishes, bug=bug)), seeds()):
        if time.monotonic() - began > budget_s:
            break
        caught = seen.verdict is Verdict.INVALID
        one = replace(
            one,
            seed=seen.seed if caught else None,
            marks=seen.marks,
            sentence=seen.sentence if caught else "",
            tried=one.tried + 1,
            calls=one.calls + seen.calls,
            simulated_s=round(one.simulated_s + seen.simulated_s, 3),
            cpu_s=round(one.cpu_s + seen.cpu_s, 3),
            seconds=round(time.monotonic() - began, 3),
            broke=seen.broke,
        )
        tell(one)
        if caught or seen.broke:
            break
    return one


def made_small(store: Path, wishes: Wishes, budget_s: float, one: Hunted) -> Small:
    """Search for the least that fails with the weightiest mark of this catch, and keep it."""
    assert one.seed is not None, "it was caught"
    case, began = case_for(one.seed, replace(wishes, bug=one.bug)), time.monotonic()
    try:
        # Its budget is of the processor's time, so that others on the machine change nothing.
        found = shrink(case, budget_s, lambda what, case: None, clock=time.process_time)
    except NothingWrong as nothing:
        return Small(bug=one.bug, broke=f"seed {one.seed}: {nothing}")
    run, script = kept(found, store, f"seed {one.seed}"), found.case.script
    return Small(
        bug=one.bug,
        mark=found.mark,
        calls=calls_in(run.played().counts),
        faults=None if script is None else len(smaller.faults_of(script)),
        nodes=found.case.conditions.nodes,
        tried=found.tried,
        seconds=round(time.monotonic() - began, 3),
        path=str(run.path),
    )
