"""`zabtest hunt`: which of many seeds finds something wrong?

Rules of this file:
1. Whatever a seed finds is found again by playing that seed again, here, into the store: what
   cannot be found again is a failure of ours and told as such.
2. Seeds that left a doubt are counted and told, and hide nothing that others found.
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Final

from checker.verdict import Verdict
from harness.sim.case import play
from harness.sim.players import players
from harness.sim.quarry import Seen, seen, try_seed
from harness.sim.rotation import Wishes, case_for
from harness.sim.running import check
from harness.store import StoredRun
from harness.telling import SIGNS, print_json, say
from harness.worlds import CannotBeHad
from nemesis.registry import NoNemesis

WRONG_USAGE: Final = 2
HARNESS_FAILED: Final = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Hunt:
    """What was asked for on the command line."""

    wishes: Wishes
    seeds: int = 1000
    first: int = 0
    jobs: int | None = None
    dask: str | None = None
    keep_going: bool = False
    budget_s: float | None = None
    store: Path = Path("store")
    json: bool = False


@dataclass(slots=True)
class Bag:
    """What was brought home so far."""

    tried: int = 0
    calls: int = 0
    simulated_s: float = 0.0
    doubts: Counter[str] = field(default_factory=Counter)
    failures: list[tuple[Seen, Path]] = field(default_factory=list)
    broke: list[Seen] = field(default_factory=list)
    valid: int = 0

    @property
    def verdict(self) -> Verdict:
        """Of the whole hunt; doubts are its verdict only where nothing is certain."""
        if self.failures:
            return Verdict.INVALID
        return Verdict.VALID if self.valid else Verdict.INCONCLUSIVE

    def add(self, one: Seen) -> None:
        """A seed has been tried."""
        self.tried += 1
        self.calls += one.calls
        self.simulated_s += one.simulated_s
        self.valid += one.verdict is Verdict.VALID
        if one.broke:
            self.broke.append(one)
        elif one.verdict is Verdict.INCONCLUSIVE:
            self.doubts.update(one.doubts)


def hunt(asked: Hunt) -> int:
    """Try them, tell what was found, and leave each failure in the store; the exit status."""
    began, bag = time.monotonic(), Bag()
    try:
        asked.store.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        sys.stderr.write(f"zabtest: --store {asked.store}: no folder there ({problem.strerror})\n")
        return WRONG_USAGE
    try:
        case = case_for(asked.first, asked.wishes)
        check(case.plan, case.bug)
        jobs, play_one = 1 if asked.seeds == 1 else asked.jobs, partial(try_seed, asked.wishes)
        with players(jobs, asked.dask) as they, _progress(asked) as tell:
            for one in they.each(play_one, _seeds(asked)):
                bag.add(one)
                tell(bag)
                if one.verdict is Verdict.INVALID:
                    _keep(asked, bag, one)
                    if not asked.keep_going:
                        break
    except (CannotBeHad, NoNemesis) as problem:
        sys.stderr.write(f"zabtest: {problem}\n")
        return WRONG_USAGE
    except KeyboardInterrupt:
        sys.stderr.write("interrupted: what was found until now is told\n")
    seconds = time.monotonic() - began
    if asked.json:
        print_json(_told(asked, bag, seconds))
    else:
        for line in _lines(asked, bag, seconds):
            say(line)
    return HARNESS_FAILED if bag.broke and not bag.failures else bag.verdict.exit_status


def _seeds(asked: Hunt) -> Iterator[int]:
    """Every one, as long as there is time."""
    until = None if asked.budget_s is None else time.monotonic() + asked.budget_s
    for seed in range(asked.first, asked.first + asked.seeds):
        if until is not None and time.monotonic() >= until:
            return
        yield seed


def _keep(asked: Hunt, bag: Bag, one: Seen) -> None:
    """Play it again, into the store."""
    case = case_for(one.seed, asked.wishes)
    hunted = {"wishes": asdict(asked.wishes)}
    store = StoredRun.create(asked.store, case.plan, {**case.facts, "hunt": hunted})
    with store.held():
        again = seen(one.seed, play(case, store), 0.0)
    if again.marks == one.marks:
        bag.failures.append((one, store.path))
    else:
        why = f"failed with {one.marks}, and played again with {again.marks}: see {store.path}"
        bag.broke.append(Seen(seed=one.seed, broke=why))


# How it is told.


@contextmanager
def _progress(asked: Hunt) -> Iterator[Callable[[Bag], None]]:
    if not sys.stderr.isatty():
        yield _in_lines()
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (
        TextColumn("hunting"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.description}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=asked.seeds)
        yield lambda bag: bar.update(task, completed=bag.tried, description=_so_far(bag))


def _in_lines(every_s: float = 10.0) -> Callable[[Bag], None]:
    last = time.monotonic()

    def tell(bag: Bag) -> None:
        nonlocal last
        if time.monotonic() - last >= every_s:
            last = time.monotonic()
            sys.stderr.write(f"{bag.tried:,} seeds: {_so_far(bag)}\n")

    return tell


def _so_far(bag: Bag) -> str:
    found = f"{len(bag.failures)} failed" if bag.failures else "nothing found"
    return f"{bag.simulated_s / 3600:.1f} h simulated, {bag.calls:,} calls, {found}"


def _lines(asked: Hunt, bag: Bag, seconds: float) -> Iterator[str]:
    yield (
        f"{SIGNS[bag.verdict]} {bag.verdict}  {bag.tried:,} seeds from {asked.first}, "
        f"{_so_far(bag)}, in {seconds:.0f} s"
    )
    for one, path in bag.failures:
        yield f"  ✗ seed {one.seed}: {', '.join(one.marks)}"
        yield f"    {one.sentence}"
        yield f"    {path}"
        yield f"    zabtest replay {path} plays it again, zabtest shrink {path} makes it small"
    for doubt, times in bag.doubts.most_common():
        yield f"  ? {times} of {bag.tried:,} seeds: {doubt}"
    for broken in bag.broke:
        yield f"  the harness failed at seed {broken.seed}: {broken.broke.strip()}"


def _told(asked: Hunt, bag: Bag, seconds: float) -> dict[str, Any]:
    return {
        "verdict": bag.verdict,
        "first": asked.first,
        "seeds": bag.tried,
        "calls": bag.calls,
        "simulated_s": round(bag.simulated_s, 3),
        "seconds": round(seconds, 3),
        "doubts": dict(bag.doubts.most_common()),
        "failures": [
            {"seed": one.seed, "path": str(path), "marks": one.marks, "sentence": one.sentence}
            for one, path in bag.failures
        ],
        "broke": [{"seed": one.seed, "why": one.broke} for one in bag.broke],
    }
