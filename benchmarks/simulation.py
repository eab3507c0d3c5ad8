"""How fast does a simulation go? Through the whole runner, wire protocol and judges included.

`python -m benchmarks.simulation [--seconds 30]` prints the rows of the table in docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from harness.plan import Plan
from harness.sim.case import Case, bare_store, case_of, play
from harness.sim.conditions import Conditions
from harness.sim.quarry import calls_in
from harness.sim.rotation import NEMESES

ADDITIONS: Final = 3_000_000


@dataclass(frozen=True, slots=True)
class Row:
    """One way to load five nodes with the workload `register`."""

    what: str
    rate: float
    nemeses: tuple[str, ...] = ()
    longer: int = 1


ROWS = (
    Row("200 calls a second", 200.0),
    Row("50 calls a second", 50.0),
    Row("50 calls a second, all nemeses", 50.0, NEMESES, 2),
    Row("idle: a call in five seconds", 0.2, longer=10),
)


def measured(row: Row, seconds: float) -> str:
    """As a row of the table."""
    plan = Plan(seed=1, time_s=seconds * row.longer, rate=row.rate, nemeses=row.nemeses, enough=0)
    case: Case = case_of(plan, Conditions())
    with tempfile.TemporaryDirectory() as folder:
        store = bare_store(Path(folder) / "run", case)
        began = time.process_time()
        results = play(case, store)
        took_s = time.process_time() - began
    calls, simulated_s = calls_in(results.played.counts), results.played.seconds
    return (
        f"| {row.what} | {calls:,} | {simulated_s:.0f} s | {took_s:.2f} s "
        f"| {calls / took_s:,.0f} | {simulated_s / took_s:,.0f} |"
    )


def additions() -> float:
    """Millions of them a CPU second: how fast the machine is just now, to compare the rows by."""
    began, total = time.process_time(), 0
    for number in range(ADDITIONS):
        total += number
    assert total == ADDITIONS * (ADDITIONS - 1) // 2
    return ADDITIONS / (time.process_time() - began) / 1e6


def main() -> None:
    """Measure every row once, after one to warm up."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=30.0, help="simulated, of a row")
    seconds = parser.parse_args().seconds
    measured(ROWS[0], 5.0)
    print("| load | calls | simulated | CPU | calls a CPU second | simulated seconds a second |")
    print("|---|---|---|---|---|---|")
    speeds = [additions()]
    for row in ROWS:
        print(measured(row, seconds), flush=True)
        speeds.append(additions())
    told = ", ".join(f"{speed:.1f}" for speed in speeds)
    print(f"\nMillions of additions a CPU second, before the first row and after each: {told}")


if __name__ == "__main__":
    main()
