"""How did the long proofs end? Runs them and writes the table into the docs.

`python -m tests.prove` runs all of them; with paths or options of pytest, those, and the rows of
all others stay as they are. What a proof records as its property `measured` stands there too.

Rules of this file:
1. A row tells of one run: on which day and of which commit.
2. Cases of one test that all passed and measured nothing share a row.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import astuple, dataclass
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "proofs.md"
HEAD = """\
# The long proofs

Written by `make prove`, which runs every long proof in full, or some: `make prove PROOFS=tests/…`.
A row tells of the last run of that proof.

| proof | result | seconds | measured | run on |
|---|---|---|---|---|
"""


@dataclass(frozen=True, slots=True)
class Row:
    """How one proof ended."""

    proof: str
    result: str
    seconds: str
    measured: str
    on: str

    @property
    def test(self) -> str:
        """Whatever its case."""
        return self.proof.partition("[")[0]

    def __str__(self) -> str:
        return f"| {' | '.join(astuple(self))} |"


def main() -> int:
    """Run every test marked `prove`, or those that are named; the exit status is pytest's."""
    named = sys.argv[1:]
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        command = [sys.executable, "-m", "pytest", "-m", "prove", f"--junitxml={report}"]
        command += ["-o", "junit_family=xunit1"]  # the one with properties of each case
        done = subprocess.run([*command, *named], cwd=ROOT, check=False)
        if report.exists():
            new = list(rows(report, _on()))
            old = read(PAGE.read_text(encoding="utf-8")) if named and PAGE.exists() else []
            PAGE.write_text(page(merged(old, new)), encoding="utf-8")
    return done.returncode


def rows(report: Path, on: str) -> Iterator[Row]:
    """What this report of pytest's tells."""
    quiet: dict[str, list[float]] = {}
    for case in ElementTree.parse(report).getroot().iter("testcase"):
        bad = [child.tag for child in case if child.tag in ("failure", "error", "skipped")]
        proof = f"{case.get('classname', '').removeprefix('tests.')}: {case.get('name')}"
        seconds = float(case.get("time", 0))
        told = [one.get("value") for one in case.iter("property") if one.get("name") == "measured"]
        if bad or told:
            measured = "; ".join(filter(None, told)).replace("|", "/")
            yield Row(proof, bad[0] if bad else "passed", f"{seconds:.1f}", measured, on)
        else:
            quiet.setdefault(proof.partition("[")[0], []).append(seconds)
    for test, times in quiet.items():
        result = "passed" if len(times) == 1 else f"{len(times)} passed"
        yield Row(test, result, f"{sum(times):.1f}", "", on)


def merged(old: Iterable[Row], new: Sequence[Row]) -> Sequence[Row]:
    """The rows of all tests; of those that ran again, the new ones.

    Of a test that has a row for each case, some cases may run today and others another day.
    """
    tests, proofs = {row.test for row in new}, {row.proof for row in new}

    def stays(row: Row) -> bool:
        whole = row.proof == row.test  # it tells of all its cases
        return not (row.proof in proofs or row.test in proofs or (whole and row.test in tests))

    return sorted([*new, *filter(stays, old)], key=_place)


def _place(row: Row) -> tuple[str, str, int, str]:
    """By test, and its cases by their numbers."""
    case = row.proof.partition("[")[2].rstrip("]")
    return row.test, "" if case.isdecimal() else case, int(case) if case.isdecimal() else 0, case


def page(rows_of_it: Iterable[Row]) -> str:
    """The whole page."""
    return HEAD + "".join(f"{row}\n" for row in rows_of_it)


def read(text: str) -> list[Row]:
    """The rows of such a page."""
    lines = [line for line in text.removeprefix(HEAD).splitlines() if line.startswith("| ")]
    return [Row(*(cell.strip() for cell in line[1:-1].split("|"))) for line in lines]


def _on() -> str:
    """The day, and the commit where it can be told."""
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    commit = _git("describe", "--always")
    # The page itself is written by every proof.
    changed = _git("status", "--porcelain", "--", ".", f":!{PAGE.relative_to(ROOT)}")
    told = f", {commit}{'-dirty' if changed else ''}" if commit else ""
    return f"{datetime.now(UTC):%Y-%m-%d}, Python {version}{told}"


def _git(*words: str) -> str:
    done = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip()


if __name__ == "__main__":
    sys.exit(main())
