"""What came of one seed? Played where nothing lasts, by whichever process has the time."""

from __future__ import annotations

import os
import tempfile
import time
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from checker.verdict import Verdict
from harness.failures import doubts_of, marks_of, sentence_of
from harness.plan import Results
from harness.sim.case import Case, bare_store, play
from harness.sim.rotation import Wishes, case_for
from harness.store import StoredRun

_FAST: Final = Path("/dev/shm")


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What is known of a seed that was tried. `broke` is how the harness itself failed, if so."""

    seed: int
    verdict: Verdict = Verdict.INCONCLUSIVE
    marks: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()
    sentence: str = ""
    calls: int = 0
    simulated_s: float = 0.0
    cpu_s: float = 0.0
    broke: str = ""


def try_seed(wishes: Wishes, seed: int) -> Seen:
    """Play and judge what this seed decides."""
    return try_case(case_for(seed, wishes))


def try_case(case: Case) -> Seen:
    """Play and judge it; never raises what the run raised."""
    began = time.process_time()
    try:
        results = results_of(case)
    except Exception:
        return Seen(seed=case.plan.seed, broke=traceback.format_exc())
    return seen(case.plan.seed, results, time.process_time() - began)


def results_of(case: Case) -> Results:
    """Play and judge it, and leave nothing."""
    with played(case) as (results, _):
        return results


@contextmanager
def played(case: Case) -> Iterator[tuple[Results, StoredRun]]:
    """Play and judge it where nothing of it lasts longer than this does."""
    where = _FAST if os.access(_FAST, os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="zabtest-", dir=where) as folder:
        store = bare_store(Path(folder) / "run", case)
        yield play(case, store), store


def seen(seed: int, results: Results, cpu_s: float) -> Seen:
    """What the results say."""
    said = results.as_json()
    return Seen(
        seed=seed,
        verdict=results.verdict,
        marks=marks_of(said),
        doubts=doubts_of(said),
        sentence=sentence_of(said) if results.verdict is not Verdict.VALID else "",
        calls=calls_in(results.played.counts),
        simulated_s=results.played.seconds,
        cpu_s=cpu_s,
    )


def calls_in(counts: Mapping[str, Mapping[str, Mapping[str, int]]]) -> int:
    """In all phases."""
    return sum(n for phase in counts.values() for f in phase.values() for n in f.values())
