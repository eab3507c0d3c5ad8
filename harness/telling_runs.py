"""How is a run told: while it goes, and when it is over?"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from checker.history import History
from checker.model import Model
from checker.outcome import ANYTHING, Ok
from checker.verdict import Verdict
from harness.plan import Results
from harness.report.reasons import by_kind, by_plainness, unmet
from harness.telling import SIGNS
from nemesis.fault import Node
from workloads.workload import Finding

SHOWN_WRONGS: Final = 3
SHOWN_CALLS: Final = 12
SECOND: Final = 1_000_000_000


class PlainLines:
    """An observer that says on standard error what happens, a line each."""

    def __init__(self, every_s: float = 5.0) -> None:
        self._every_ns = every_s * SECOND
        self._next_ns = 0.0
        self._calls: dict[str, int] = {"ok": 0, "refused": 0, "fail": 0, "info": 0}

    def phase(self, name: str, time_ns: int) -> None:
        """A phase begins; what follows the last one is told by others."""
        if name != "judged":
            self._say(time_ns, name)

    def hosts(self, step: str, done: int, of: int, time_ns: int) -> None:
        """A step of the setting up is over."""
        if done == of:
            self._say(time_ns, f"{step} {of} hosts")

    def called(self, f: str, kind: str, time_ns: int, took_ns: int) -> None:
        """A call ended; now and then it is told how many did."""
        self._calls[kind] += 1
        if time_ns >= self._next_ns:
            if self._next_ns:
                self._say(time_ns, f"calls: {counted(self._calls)}")
            self._next_ns = time_ns + self._every_ns

    def noted(self, f: str, value: Mapping[str, Any], time_ns: int) -> None:
        """A fault begins or ends, or something is wrong with it."""
        if f in ("injected", "lifted"):
            faults = ", ".join(_fault(one["fault"]) for one in value["faults"])
            self._say(time_ns, f"{f} {faults}")
        elif "why" in value:
            self._say(time_ns, noted(f, value))

    def roles(self, roles: Mapping[Node, str], time_ns: int) -> None:
        """Who leads."""
        leaders = [node for node, role in roles.items() if role == "leader"]
        down = [node for node, role in roles.items() if not role]
        told = f"{' and '.join(leaders) or 'nobody'} {'leads' if len(leaders) < 2 else 'lead'}"
        serve = "serves" if len(down) == 1 else "serve"
        self._say(time_ns, told + (f", {' and '.join(down)} {serve} nobody" if down else ""))

    def found(self, finding: Finding) -> None:
        """A judge has spoken; all is told together at the end."""

    def _say(self, time_ns: int, what: str) -> None:
        sys.stderr.write(f"{time_ns / SECOND:7.1f} s  {what}\n")


def noted(f: str, value: Mapping[str, Any]) -> str:
    """What a nemesis did, and why."""
    return f"{' '.join(filter(None, (f, value.get('nemesis'))))}: {value['why']}"


def counted(calls: Mapping[str, int]) -> str:
    """How many calls ended how, in the words of the report."""
    ok, refused, failed, doubt = calls.values()
    return f"{ok:,} ok, {refused:,} refused, {failed:,} failed, {doubt:,} in doubt"


def _fault(said: Mapping[str, Any]) -> str:
    """A fault in a few words."""
    rest = {key: value for key, value in said.items() if key != "kind" and value}
    links = rest.pop("links", ())
    over = " ".join(f"{a}→{b}" for a, b in links)
    told = " ".join(str(v) if k == "node" else f"{k}={v}" for k, v in rest.items())
    return " ".join(filter(None, (str(said["kind"]), told, over)))


def lines_of(
    path: Path, results: Results, history: History | None, model: Model[Any, Any, Any]
) -> Iterator[str]:
    """What a person is told of a run, the verdict first."""
    played = results.played
    calls = 0 if history is None else len(history)
    yield (
        f"{SIGNS[results.verdict]} {results.verdict}  {path}  {calls:,} calls, "
        f"{played.seconds:.0f} s"
    )
    findings = by_plainness(results.findings)
    for finding in findings:
        if finding.verdict is not Verdict.VALID:
            yield from _finding(finding, history, model)
    for violation in played.violations:
        yield f"  ✗ {violation.name}: {violation.because}"
    for name, why in unmet(played):
        yield f"  ? {name}: {why}"
    for finding in findings:
        if finding.verdict is Verdict.VALID:
            yield from _finding(finding, history, model)
    for nemesis, tally in played.faults.items():
        told = f"{tally['injected']} injected, {tally['proven']} proven, {tally['moot']} moot"
        yield f"    {nemesis}: {told}"
    if results.verdict is Verdict.INVALID:
        yield f"  to judge it again: zabtest check {path}"


def _finding(
    finding: Finding, history: History | None, model: Model[Any, Any, Any]
) -> Iterator[str]:
    method = f" by {finding.method}" if finding.method else ""
    figures = ", ".join(f"{number:,} {name}" for name, number in finding.figures.items() if number)
    if finding.verdict is Verdict.VALID and not finding.calls and not figures:
        yield f"  – {finding.judge}: it saw nothing"
        return
    yield f"  {SIGNS[finding.verdict]} {finding.judge}{method}{f': {figures}' if figures else ''}"
    if finding.because:
        yield f"    {finding.because}"
    kinds = by_kind(finding.wrongs)
    for wrong, others in kinds[:SHOWN_WRONGS]:
        also = f" ({others:,} more of this kind)" if others else ""
        yield f"    {wrong.kind}: {wrong.because}{also}"
        if history is not None:
            for row in wrong.rows[:SHOWN_CALLS]:
                yield f"      {_call(history, row, model)}"
    more = sum(1 + others for _, others in kinds[SHOWN_WRONGS:]) + finding.more_wrongs
    if more > 0:
        yield f"    and {more:,} more"


def _call(history: History, row: int, model: Model[Any, Any, Any]) -> str:
    call, outcome = history.deeds[history.deed[row]]
    ended = isinstance(outcome, Ok)
    said = model.tell(call, outcome.result if isinstance(outcome, Ok) else ANYTHING)
    until = f"{history.returned[row] / 1e6:.3f} ms" if ended else "no answer"
    node = history.details["node"][row] if "node" in history.details else None
    where = f" at {node}" if node else ""
    key = history.keys[history.key[row]]
    return (
        f"p{history.process[row]:<4} {key}: {said:32} "
        f"{history.called[row] / 1e6:.3f} ms – {until}{where}"
    )
