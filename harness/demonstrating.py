"""`zabtest demo`: does this find bugs? Plants one, and lets the whole way be seen, within a minute.

The bug: a leader takes a proposal that it has sent for one that has arrived. So a leader that is
cut off goes on to tell its clients that their writes are done, until it notices; and the others,
who elect a new one, have never heard of them.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from checker.formats import jsonl
from checker.history import History
from checker.model import Model
from checker.verdict import Verdict
from harness.judging import judge
from harness.plan import Plan, Results
from harness.report.command import drawn
from harness.running import Request, run
from harness.store import StoredRun
from harness.telling import core_lines, print_json, say
from harness.telling_runs import PlainLines
from harness.worlds import Wanted
from target_node.bugs.bug import find
from workloads.names import workload
from workloads.workload import Finding, Wrong

BUG: Final = "commit-without-quorum"
FOUND: Final = 0
NOT_FOUND: Final = 4
PLAN: Final = Plan(
    workload="register",
    nemeses=("partition-isolate-leader",),
    time_s=8,
    concurrency=6,
    rate=400,
    seed=1694,  # it cuts the leader off for 4 s, a second after the calm
    call_s=1,
    recover_s=3,
    last_s=2,
    agree_s=1,
)
LINEARIZABLE: Final = "linearizable"
INTERRUPTED: Final = "interrupted"
_TRIES: Final = 2  # a busy machine may make a run in which too little happens, or nothing plain


def demo(store: Path, *, json: bool, bug: str = BUG) -> int:
    """Find the bug and show how; 0 if it was found. Once more, if no few calls prove it."""
    planted = find(bug)
    if not json:
        say("Three servers on this machine, and a bug planted in them on purpose:")
        say(f"  {bug} breaks the promise that {planted.breaks}.")
        say("Six clients read and write while the leader is cut off from the others.")
        sys.stdout.flush()
    seen: list[Seen] = []

    def telling(ran: StoredRun) -> int:
        results, history = judge(ran)
        ran.save_results(results)
        drawn(ran, results, history)
        seen.append(Seen(ran, results, history))
        return FOUND if results.verdict is Verdict.INVALID else NOT_FOUND

    for number in range(_TRIES):
        request = Request(plan=PLAN, wanted=Wanted(nodes=3, bug=bug), store=store)
        status = run(request, PlainLines(), telling)
        if len(seen) <= number:
            return status  # it was refused, or failed, and has said why
        if seen[-1].core is not None or seen[-1].interrupted:
            break
    best = min(seen, key=lambda one: (one.results.verdict is not Verdict.INVALID, one.core is None))
    _tell(best, bug, json=json)
    return FOUND if best.results.verdict is Verdict.INVALID else NOT_FOUND


@dataclass(frozen=True, slots=True)
class Seen:
    """A run, and what the judges said of it."""

    ran: StoredRun
    results: Results
    history: History | None

    @property
    def core(self) -> Wrong | None:
        """The calls that cannot all be right by themselves, the fewest; None if there are none."""
        finding, wrong = shown(self.results.findings)
        return wrong if finding is not None and finding.judge == LINEARIZABLE else None

    @property
    def interrupted(self) -> bool:
        """Whether somebody would not wait."""
        return any(gate.why == INTERRUPTED for gate in self.results.played.gates)


def _tell(seen: Seen, bug: str, *, json: bool) -> None:
    ran, results, history = seen.ran, seen.results, seen.history
    _, wrong = shown(results.findings)
    if json:
        print_json(_as_json(ran, results, bug, wrong))
        return
    if results.verdict is not Verdict.INVALID:
        say(f"? {bug} was not found: the run is {results.verdict}; see zabtest check {ran.path}")
        return
    say("")
    say(f"✗ {bug} was found.")
    if history is not None and seen.core is not None:
        _tell_core(ran, history, seen.core)
    elif wrong is not None:
        say("  This time no few calls prove it by themselves; but it shows:")
        say(f"  {wrong.kind}: {wrong.because.rstrip('.')}.")
    report = ran.path / "report.html"
    if report.exists():
        say(f"  to see it:     open {report}")
    say(f"  to judge it:   zabtest check {ran.path}")
    say(f"  to repeat it:  zabtest replay {ran.path}")


def _tell_core(ran: StoredRun, history: History, wrong: Wrong) -> None:
    model: Model[Any, Any, Any] = workload(PLAN.workload).model
    rows = tuple(sorted(wrong.rows))
    these = "this one cannot" if len(rows) == 1 else f"these {len(rows)} cannot all"
    say(f"  Of {len(history):,} calls, {these} be right:")
    for line in core_lines(history, model, rows):
        say(f"  {line}")
    say(f"  {wrong.kind}: {wrong.because.rstrip('.')}.")
    core = ran.path / "core.jsonl"
    jsonl.write(core, history.only(rows), model)
    say(f"  those calls:   {core}")


def shown(findings: Sequence[Finding]) -> tuple[Finding | None, Wrong | None]:
    """Of all that is wrong, what is best understood: with calls, and as few as can be."""
    wrongs = [(one, wrong) for one in findings for wrong in one.wrongs if wrong.rows]
    return min(
        wrongs,
        key=lambda pair: (pair[0].judge != LINEARIZABLE, len(pair[1].rows)),
        default=(None, None),
    )


def _as_json(ran: StoredRun, results: Results, bug: str, wrong: Wrong | None) -> dict[str, Any]:
    report = ran.path / "report.html"
    return {
        "found": results.verdict is Verdict.INVALID,
        "bug": bug,
        "path": str(ran.path),
        "report": str(report) if report.exists() else None,
        "because": wrong.because if wrong is not None else None,
        "core": sorted(wrong.rows) if wrong is not None else [],
        "verdict": results.verdict,
    }
