"""How does our checker compare with another one, on the same files, in the same minutes?

Machines and their moods differ, so only ratios count, and only those taken in turns: ours, ours
compiled, theirs, and again. Every run is a fresh process that measures itself. The other checker
is any command that takes a file and prints `FILE: linearizable read X s check Y s rss Z MB` (or
`NOT linearizable`).
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shlex
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from benchmarks.histories import ROWS

HOME: Final = Path(__file__).resolve().parent.parent
ONE_RUN: Final = HOME / "benchmarks" / "one_run.py"
COMPILED: Final = HOME / "build" / "compiled"
SAID: Final = re.compile(
    r": (?P<verdict>(?:NOT )?linearizable) read (?P<read>[\d.]+) s check (?P<check>[\d.]+) s"
    r" rss (?P<rss>\d+) MB"
)
ASKED: Final = {"crash10k": 5.0, "c1p100k": 3.0}
"""How many times as fast we want to be, at least, on rows that are hard for other checkers."""
ASKED_OF_SLOW: Final = 3.0
"""The same for every row that takes the other checker a second or more."""
ROOM_MB: Final = {"r1M": 1000}
"""What we want to get by with."""


class Unusable(Exception):
    """A run said something that is no measurement; the message says what."""


@dataclass(frozen=True, slots=True)
class Run:
    """One process's account of one file."""

    verdict: str
    read_s: float
    check_s: float
    rss_mb: int

    @property
    def total_s(self) -> float:
        """What a user waits for."""
        return self.read_s + self.check_s


@dataclass(slots=True)
class Runs:
    """All runs of one checker on one file. One that gave up once is not asked again."""

    name: str
    runs: list[Run] = field(default_factory=list)
    gave_up_after_s: float | None = None

    def add(self, command: list[str], timeout: float, environment: dict[str, str]) -> None:
        """Run it once more."""
        if self.gave_up_after_s is not None:
            return
        try:
            done = subprocess.run(
                command,
                capture_output=True,
                text=True,
                timeout=timeout,
                check=False,
                cwd=HOME,
                env=os.environ | environment,
            )
        except subprocess.TimeoutExpired:
            self.gave_up_after_s = timeout
            return
        self.runs.append(_account(shlex.join(command), done))

    @property
    def total_s(self) -> float | None:
        """How long reading and judging takes, typically."""
        return median(run.total_s for run in self.runs) if self.runs else None

    @property
    def verdict(self) -> str | None:
        """What it said; runs that disagree with each other say everything they said."""
        return " and ".join(sorted({run.verdict for run in self.runs})) or None

    def told(self) -> dict[str, Any]:
        """The medians, for a table or a file."""
        if self.gave_up_after_s is not None or not self.runs:
            return {"gave_up_after_s": self.gave_up_after_s}
        return {
            "verdict": self.verdict,
            "read_s": round(median(run.read_s for run in self.runs), 4),
            "check_s": round(median(run.check_s for run in self.runs), 4),
            "total_s": round(self.total_s or 0.0, 4),
            "rss_mb": max(run.rss_mb for run in self.runs),
        }


def _account(command: str, done: subprocess.CompletedProcess[str]) -> Run:
    """The measurement in what a process printed: ours in JSON, or a line of another checker's."""
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["it says nothing"])[-1]
        raise Unusable(f"{command} ended with status {done.returncode}: {last}")
    if done.stdout.startswith("{"):
        said = json.loads(done.stdout)
        return Run(said["verdict"], said["read_s"], said["check_s"], said["rss_mb"])
    match = SAID.search(done.stdout)
    if match is None:
        raise Unusable(f"{command} printed no line of the form ': linearizable read X s …'")
    verdict = "invalid" if match["verdict"].startswith("NOT") else "valid"
    return Run(verdict, float(match["read"]), float(match["check"]), int(match["rss"]))


@dataclass(slots=True)
class Row:
    """One file, and how the checkers fared on it."""

    name: str
    calls: int
    pure: Runs
    compiled: Runs | None
    theirs: Runs | None

    def ratio(self, ours: Runs | None) -> float | None:
        """How many times as long they take; at least that, if they gave up."""
        if ours is None or self.theirs is None or not ours.total_s:
            return None
        their_s = self.theirs.total_s or self.theirs.gave_up_after_s
        return their_s / ours.total_s if their_s else None

    @property
    def agree(self) -> bool | None:
        """Whether all that came to a verdict came to the same."""
        sides = (self.pure, self.compiled, self.theirs)
        said = [side.verdict for side in sides if side is not None and side.verdict]
        return len(set(said)) == 1 if len(said) > 1 else None

    def shortfalls(self) -> list[str]:
        """What was asked for on this row and is not reached."""
        short = []
        best = self.compiled or self.pure
        if best.total_s is None:
            short.append(f"no verdict within {best.gave_up_after_s:g} s")
        if self.agree is False:
            short.append("the verdicts differ")
        ratio, pure_ratio = self.ratio(best), self.ratio(self.pure)
        floor = self._floor()
        if ratio is not None and ratio < floor:
            short.append(f"{best.name} is {ratio:.2f} times as fast, {floor:g} is asked for")
        if pure_ratio is not None and pure_ratio < 1.0:
            short.append(f"pure is slower ({pure_ratio:.2f})")
        room = ROOM_MB.get(self.name)
        if room is not None:
            for side in (self.pure, self.compiled):
                used = max((run.rss_mb for run in side.runs), default=0) if side else 0
                if side and used >= room:
                    short.append(f"{side.name} takes {used:,} MB, less than {room:,} is asked for")
        return short

    def _floor(self) -> float:
        their_s = self.theirs.total_s if self.theirs else None
        slow = their_s is None or their_s >= 1.0
        return max(ASKED.get(self.name, 1.0), ASKED_OF_SLOW if slow else 1.0)


def measure(
    name: str, path: Path, compiled: Path | None, against: str | None, repeat: int, timeout: float
) -> Row:
    """Let everybody judge this file in turns."""
    recipe = ROWS[name]
    row = Row(
        name,
        recipe.calls,
        Runs("pure"),
        Runs("compiled") if compiled else None,
        Runs("theirs") if against else None,
    )
    ours = [sys.executable, "-P", str(ONE_RUN), str(path)]
    for _ in range(repeat):
        row.pure.add(ours, timeout, {"PYTHONPATH": str(HOME)})
        if row.compiled:
            row.compiled.add(ours, timeout, {"PYTHONPATH": str(compiled)})
        if row.theirs and against:
            row.theirs.add([*shlex.split(against), str(path)], timeout, {})
    return row


def prepare(name: str, cache: Path) -> Path:
    """The row's file, drawn in another process so that this one stays small.

    (A child's peak memory, as the system counts it, includes its parent's at the fork.)
    """
    path = cache / f"{name}.jsonl"
    if not path.exists():
        torn = cache / f"{name}.new"
        command = [sys.executable, "-m", "benchmarks.histories", str(torn), "--row", name]
        subprocess.run(command, check=True, cwd=HOME)
        torn.rename(path)
    return path


def table_of(rows: list[Row]) -> Table:
    """The rows for people."""
    table = Table(title="reading and checking, in seconds; memory at its peak, in MB")
    table.add_column("row")
    for heading in (
        "calls", "ours", "MB", "compiled", "MB", "theirs", "MB", "ratio", "compiled", "events/s",
    ):  # fmt: skip
        table.add_column(heading, justify="right")
    table.add_column("verdicts")
    for row in rows:
        reader = row.compiled or row.pure
        reading = median(run.read_s for run in reader.runs) if reader.runs else None
        table.add_row(
            row.name,
            f"{row.calls:,}",
            *_cells(row.pure),
            *_cells(row.compiled),
            *_cells(row.theirs),
            _times(row, row.pure),
            _times(row, row.compiled),
            f"{2 * row.calls / reading / 1e6:.2f} M" if reading else "",
            _agreement(row),
        )
    return table


def _cells(side: Runs | None) -> tuple[str, str]:
    if side is None:
        return "", ""
    told = side.told()
    if "read_s" not in told:
        return "gives up", ""
    return f"{told['read_s']:.3f} + {told['check_s']:.3f}", f"{told['rss_mb']:,}"


def _agreement(row: Row) -> str:
    if row.agree is None:
        return ""
    if not row.agree:
        return "[bold red]DIFFER[/]"
    return "agree" if row.theirs is None or row.theirs.runs else "ours agree"


def _times(row: Row, ours: Runs | None) -> str:
    ratio = row.ratio(ours)
    if ratio is None:
        return ""
    endless = row.theirs is not None and not row.theirs.runs
    return f"{'>' if endless else ''}{ratio:.1f}×"


def told(rows: list[Row]) -> dict[str, Any]:
    """The rows for programs."""
    return {
        row.name: {
            "recipe": asdict(ROWS[row.name]),
            "pure": row.pure.told(),
            "compiled": row.compiled.told() if row.compiled else None,
            "theirs": row.theirs.told() if row.theirs else None,
            "ratio_pure": row.ratio(row.pure),
            "ratio_compiled": row.ratio(row.compiled),
            "agree": row.agree,
            "short": row.shortfalls(),
        }
        for row in rows
    }


def main() -> None:
    """Measure, tell, and say of every row whether it is as fast as was asked for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.checker", description=__doc__)
    parser.add_argument("--rows", default="all", help="comma-separated; all but r1M if not given")
    parser.add_argument("--against", metavar="COMMAND", help="the other checker")
    parser.add_argument("--repeat", type=int, default=3, help="how often each runs")
    parser.add_argument("--compiled", type=Path, metavar="DIR", help="default: build/compiled")
    parser.add_argument("--pure", action="store_true", help="leave the compiled checker out")
    parser.add_argument("--timeout", type=float, default=60.0, help="seconds; then it gives up")
    parser.add_argument("--cache", type=Path, help="where the files are kept between runs")
    parser.add_argument("--json", action="store_true", help="print JSON on standard output")
    asked = parser.parse_args()
    names = [name for name in ROWS if name != "r1M"]
    if asked.rows != "all":
        names = asked.rows.split(",")
    if unknown := [name for name in names if name not in ROWS]:
        parser.error(f"there is no row {', '.join(unknown)}; there are {', '.join(ROWS)}")
    compiled = asked.compiled or (COMPILED if COMPILED.is_dir() else None)
    if asked.pure:
        compiled = None
    elif compiled is None:
        print("no compiled checker in build/compiled: `make compiled` makes one", file=sys.stderr)
    screen = Console(stderr=True)
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as elsewhere, screen.status("") as status:
        cache = asked.cache or Path(elsewhere)
        cache.mkdir(parents=True, exist_ok=True)
        for name in names:
            status.update(f"{name} …")
            path = prepare(name, cache).resolve()
            try:
                row = measure(name, path, compiled, asked.against, asked.repeat, asked.timeout)
            except Unusable as error:
                parser.error(str(error))
            rows.append(row)
    if asked.json:
        print(json.dumps(told(rows), indent=2))
        return
    console = Console(width=None if sys.stdout.isatty() else 150)
    console.print(table_of(rows))
    for row in rows:
        short = row.shortfalls()
        console.print(f"{row.name}: {'; '.join(short)}" if short else f"{row.name}: as asked for")


if __name__ == "__main__":
    main()
