"""`zabtest report`: draw what a run left, and tell where."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec

from checker.history import History
from harness.judging import judge
from harness.plan import Results
from harness.report import draw
from harness.store import StoredRun, is_run
from harness.telling import say
from workloads.workload import Finding

WRONG_USAGE: Final = 2


def report(paths: Sequence[Path]) -> int:
    """Draw these runs anew; the exit status of the command, which is no verdict."""
    for path in paths:
        if not is_run(path):
            sys.stderr.write(f"zabtest: {path} is no folder of a run: it has no run.json\n")
            return WRONG_USAGE
        run = StoredRun(path)
        try:
            say(f"{draw(run, results_of(run))}")
        except OSError as problem:
            sys.stderr.write(f"zabtest: {problem.filename or path}: {problem.strerror}\n")
            return WRONG_USAGE
        except (KeyError, ValueError, TypeError) as problem:
            why = f"{type(problem).__name__}: {problem}"
            sys.stderr.write(f"zabtest: {path} is not as a run leaves it ({why})\n")
            return WRONG_USAGE
    return 0


def results_of(run: StoredRun) -> Results:
    """What was said of a run; one that nobody has judged is judged now."""
    played = run.played()
    try:
        said = json.loads((run.path / "results.json").read_bytes())
        findings = msgspec.convert(said["findings"], list[Finding])
    except (OSError, ValueError, KeyError):
        findings = []
    if findings:
        return Results(played=played, findings=findings)
    try:
        return judge(run)[0]
    except KeyError:  # nobody here knows the workload
        return Results(played=played, findings=())


def drawn(run: StoredRun, results: Results, history: History | None) -> Path | None:
    """Draw a run that was just judged. That it cannot be drawn says nothing against it."""
    try:
        return draw(run, results, history)
    except Exception as failure:
        sys.stderr.write(f"no report: {type(failure).__name__}: {failure}\n")
        return None
