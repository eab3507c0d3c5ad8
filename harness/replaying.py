"""`zabtest replay`: does it fail again, and in the same way?

A run's folder is played again with its plan, its seed and its tape: chance decides as it did, and
what the machine decides may differ. Of any other history the calls are made again at their times,
and the faults that its notes tell of are injected at theirs, or when what they waited for comes
again.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from checker.formats.event import HistoryError
from checker.verdict import Verdict, worst
from harness.failures import brief, marks_of
from harness.judging import judge
from harness.originals import Asked, CannotReplay, original
from harness.plan import Results
from harness.plugins import CannotLoad
from harness.report.command import drawn
from harness.running import run
from harness.scripting import NoScript
from harness.sim.stored import is_simulated
from harness.store import NotARun, StoredRun
from harness.telling import SIGNS, print_json, say
from harness.telling_runs import PlainLines
from harness.worlds import CannotBeHad

WRONG_USAGE: Final = 2


@dataclass(frozen=True, slots=True)
class Again:
    """What became of it one time."""

    path: Path
    verdict: Verdict
    marks: tuple[str, ...]
    same: bool


def replay(path: Path, asked: Asked) -> int:
    """Play it again so many times, and tell how often it failed so; the exit status."""
    try:
        if is_simulated(path):
            from harness.sim.replaying import replay as replay_bytes

            return replay_bytes(path, asked)
        found = original(path, asked)
    except (CannotReplay, CannotBeHad, CannotLoad, NoScript, NotARun, HistoryError) as problem:
        sys.stderr.write(f"zabtest: {problem}\n")
        return WRONG_USAGE
    if found.left_out:
        sys.stderr.write(
            f"{path} tells of faults that cannot be made again here, and are left out: "
            f"{', '.join(found.left_out)}\n"
        )
    seen: list[Again] = []

    def telling(ran: StoredRun) -> int:
        results, history = judge(ran)
        ran.save_results(results)
        drawn(ran, results, history)
        seen.append(_again(ran.path, results, found.marks))
        return results.verdict.exit_status

    for number in range(asked.times):
        if asked.times > 1:
            sys.stderr.write(f"replay {number + 1} of {asked.times}\n")
        status = run(found.request, PlainLines(), telling)
        if len(seen) <= number:
            return status  # it was refused, and has said why
    verdict = worst(one.verdict for one in seen)
    if asked.json:
        print_json(
            {
                "of": str(path),
                "marks": found.marks,
                "verdict": verdict,
                "left_out": found.left_out,
                **_told(seen),
            }
        )
    else:
        for line in _lines(path, found.marks, seen, verdict):
            say(line)
    return verdict.exit_status


def _again(path: Path, results: Results, marks: tuple[str, ...]) -> Again:
    its = marks_of(results.as_json())
    return Again(path, results.verdict, its, not set(marks).isdisjoint(its))


def _told(seen: Sequence[Again]) -> dict[str, Any]:
    return {
        "times": len(seen),
        "failed": sum(one.verdict is Verdict.INVALID for one in seen),
        "same": sum(one.same for one in seen),
        "runs": [
            {
                "path": str(one.path),
                "verdict": one.verdict,
                "same": one.same,
                "marks": one.marks,
            }
            for one in seen
        ],
    }


def _lines(
    path: Path, marks: tuple[str, ...], seen: Sequence[Again], verdict: Verdict
) -> Sequence[str]:
    told = _told(seen)
    times = f"{told['times']} {'replay' if told['times'] == 1 else 'replays'}"
    if marks:
        first = f"{told['same']} of {times} failed the same way: {brief(marks)}"
        others = told["failed"] - told["same"]
        first += f"; {others} in another way" if others else ""
    else:
        first = f"{told['failed']} of {times} failed, and the original did not"
    lines = [f"{SIGNS[verdict]} {path}: {first}"]
    for one in seen:
        how = f"  {brief(one.marks)}" if one.marks else ""
        lines.append(f"  {SIGNS[one.verdict]} {one.verdict}  {one.path}{how}")
    return lines
