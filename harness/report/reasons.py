"""Why is the verdict what it is, in plain sentences, and how does one look further?"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from checker.history import ABSENT_NS, History
from checker.model import Model
from checker.outcome import Ok
from checker.page import words
from checker.verdict import Verdict
from harness.plan import Gate, Played, Results
from workloads.workload import Finding, Wrong

SHOWN_CALLS: Final = 30
SENTENCE: Final = 700
WRONG, OPEN = "wrong", "open"

JUDGES: Final[Mapping[str, str]] = {
    "linearizable": "one legal order of all synced reads and changes, key by key",
    "contract": "what ZooKeeper promises of all calls together, local reads too",
    "replies": "zxids and versions that each reply told",
    "versions": "versions and zxids of each key, across sessions",
    "membership": "every element that was surely added is there, and no other",
    "tenures": "no two held a lock at once, by the order of zxids",
    "promises": "what the nodes wrote down of elections, epochs, logs and commits",
    "history": "whether the history can be read",
}
"""What each judge looked at; others go by their names alone."""

_FURTHER: Final = (
    ("recovery", "See the nodes’ roles after the last fault, and each node’s own words in {log}."),
    ("last calls", "See the end of the calls, and each node’s own words in {log}."),
    ("replicas agree", "Compare the last lines of {events}."),
    ("calls in phase", "Give it more time: --time, or a calmer --rate."),
    ("the nemesis worked", "ZABTEST_TRACEBACK=1 shows where the harness failed."),
    ("the adapter worked", "See the calls in doubt below; the adapter is not to raise that."),
    ("the run took its time", "Run it again, and let it end by itself."),
    ("the run ended", "What it left is drawn below; run it again."),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A call that shows a wrong."""

    row: int
    process: int
    told: str
    doubt: str
    key: str
    node: str
    when: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """One thing that is wrong, or open."""

    number: int
    kind: str
    judge: str
    title: str
    sentence: str
    more: str = ""
    """How many others of the kind there are, and of the judge."""
    calls: Sequence[Line] = ()
    all_calls: int = 0
    further: str = ""


def reasons_of(
    results: Results, history: History | None, model: Model[Any, Any, Any] | None, path: Path
) -> Sequence[Reason]:
    """All that keeps the run from being valid, the wrong before the open; see `by_plainness`."""
    told = [
        *(r for f in by_plainness(results.findings) for r in _finding(f, history, model, path)),
        *_violations(results),
        *_gates(results),
    ]
    told.sort(key=lambda reason: reason["kind"] != WRONG)
    for reason in told:
        reason["title"] = _begun(reason["title"])
    return [Reason(number=number, **reason) for number, reason in enumerate(told)]


def by_plainness(findings: Sequence[Finding]) -> Sequence[Finding]:
    """What a person understands best comes first: calls that cannot all be right, then what other
    judges say of calls, then what nodes wrote down; and the bad before the good.
    """
    order = {"linearizable": -1, "promises": 1}
    return sorted(findings, key=lambda one: (one.verdict is Verdict.VALID, order.get(one.judge, 0)))


def by_kind(wrongs: Sequence[Wrong]) -> Sequence[tuple[Wrong, int]]:
    """The plainest of each kind, which has the fewest calls, and how many others there are."""
    kinds: dict[str, list[Wrong]] = {}
    for wrong in wrongs:
        kinds.setdefault(wrong.kind, []).append(wrong)
    return [
        (min(alike, key=lambda wrong: len(wrong.rows) or SHOWN_CALLS), len(alike) - 1)
        for alike in kinds.values()
    ]


def unmet(played: Played) -> Sequence[tuple[str, str]]:
    """The gates that were not met, and why; what was told by then is not told again."""
    told = {one.because for one in played.violations if one.because}
    names = {one.name for one in played.violations}
    found = []
    for gate in played.gates:
        if gate.passed or gate.name in names or gate.why in told:
            continue
        why = gate.why
        for said in (*told, *(one.why for one in played.gates if one is not gate and one.why)):
            if len(said) > SHORT:
                why = why.replace(f": {said}", "")
        found.append((gate.name, why))
    return found


SHORT: Final = 30  # letters; what is shorter may stand there by chance


def _violations(results: Results) -> Iterator[dict[str, Any]]:
    for one in results.played.violations:
        yield {
            "kind": WRONG,
            "judge": "",
            "title": words.visible(one.name, 120),
            "sentence": words.visible(one.because, SENTENCE),
            "further": _further(one.name) or f"Each node’s own words are in {_LOG}.",
        }


def _gates(results: Results) -> Iterator[dict[str, Any]]:
    for name, why in unmet(results.played):
        yield {
            "kind": OPEN,
            "judge": "",
            "title": words.visible(_unmet(name), 120),
            "sentence": words.visible(why, SENTENCE),
            "further": _further(name),
        }


def _begun(title: str) -> str:
    """With a capital letter, but for a node's name."""
    first = title.partition(" ")[0]
    return title[:1].upper() + title[1:] if first.isalpha() else title


def _unmet(name: str) -> str:
    """A gate is called by what should be so; but for those that say what should not."""
    return name if name.endswith(_ENDED) else f"Not met: {name}"


_ENDED: Final = "ended by itself"
_LOG: Final = "nodes/<node>/log"


def _further(name: str) -> str:
    if name.endswith("had an effect"):
        return "See which faults there were; a longer --time makes room for more."
    if name.endswith(_ENDED):
        return f"Its last words are in {_LOG}."
    for begins, told in _FURTHER:
        if name.startswith(begins):
            return told.format(log=_LOG, events="nodes/<node>/events.jsonl")
    return ""


def _finding(
    one: Finding, history: History | None, model: Model[Any, Any, Any] | None, path: Path
) -> Iterator[dict[str, Any]]:
    judge = words.visible(one.judge, 80)
    again = f"zabtest check {shlex.quote(str(path))}"
    if one.verdict is Verdict.VALID:
        return
    if one.because or not one.wrongs:
        yield {
            "kind": WRONG if one.verdict is Verdict.INVALID else OPEN,
            "judge": judge,
            "title": f"{judge}: {'invalid' if one.verdict is Verdict.INVALID else 'undecided'}",
            "sentence": words.visible(one.because, SENTENCE),
            "further": f"Judged again by: {again}",
        }
    kinds = by_kind(one.wrongs)
    for number, (wrong, others) in enumerate(kinds):
        last = number == len(kinds) - 1
        calls = [] if history is None or model is None else _calls(wrong, history, model)
        yield {
            "kind": WRONG,
            "judge": judge,
            "title": words.visible(wrong.kind, 120),
            "sentence": _whole(words.visible(wrong.because, SENTENCE)),
            "more": more_of(others, one.more_wrongs if last else 0),
            "calls": calls,
            "all_calls": len(wrong.rows),
            "further": _lines(wrong.because, path)
            if one.judge == "promises"
            else f"Judged again by: {again}",
        }


def more_of(others: int, more_wrongs: int) -> str:
    """How many other wrongs there are, of this kind and of this judge."""
    told = [f"{others:,} more of this kind"] if others else []
    told += [f"{words.count(more_wrongs, 'more wrong')} of this judge"] if more_wrongs else []
    return f"And {', and '.join(told)}." if told else ""


def _whole(sentence: str) -> str:
    """With a full stop."""
    return sentence if not sentence or sentence[-1] in ".!?…" else f"{sentence}."


def _lines(sentence: str, path: Path) -> str:
    """Where the nodes' lines about it are; in them a zxid is decimal."""
    where = f"{shlex.quote(str(path))}/nodes/*/events.jsonl"
    zxids = list(dict.fromkeys(str(int(found, 16)) for found in _ZXID.findall(sentence)))
    if not zxids:
        return f"The lines that show it are in {where}"
    return f"The nodes’ own lines about it: grep -E '{'|'.join(zxids[:4])}' {where}"


_ZXID: Final = re.compile(r"0x([0-9a-f]{1,16})\b")


def _calls(wrong: Wrong, history: History, model: Model[Any, Any, Any]) -> Sequence[Line]:
    rows = sorted(row for row in wrong.rows if 0 <= row < len(history))
    return [_line(row, history, model) for row in rows[:SHOWN_CALLS]]


def _line(row: int, history: History, model: Model[Any, Any, Any]) -> Line:
    op = history[row]
    ended = isinstance(op.outcome, Ok) and history.returned[row] != ABSENT_NS
    until = _seconds(history.returned[row]) if ended else "no answer"
    return Line(
        row=row,
        process=op.process,
        told=words.sentence(op, model),
        doubt=words.doubt(op),
        key=key_of(op.key),
        node=words.visible(str(op.node or ""), 40),
        when=f"{_seconds(op.called_ns)} – {until}",
    )


def key_of(key: object) -> str:
    """A key as it is, if it is a text; it needs no quotes then."""
    return words.visible(key, words.LABEL) if isinstance(key, str) else words.value(key)


def _seconds(time_ns: int) -> str:
    return f"{time_ns / 1e9:,.4f} s"


def headline(results: Results, reasons: Sequence[Reason], calls: int) -> str:
    """The sentence under the verdict."""
    proven = sum(tally.get("proven", 0) for tally in results.played.faults.values())
    if reasons:
        first = reasons[0]
        said = first.sentence.rstrip(".") or first.title
        between = ": " if first.kind == WRONG else " – "
        said = f"{first.title}." if said == first.title else f"{first.title}{between}{said}."
        wrongs = sum(reason.kind == WRONG for reason in reasons)
        alike = (wrongs or len(reasons)) - 1
        rest = f" {words.count(alike, 'more reason')} below." if alike else ""
        before = "" if wrongs else "Nothing wrong was seen, but the run shows too little. "
        return f"{before}{said}{rest}"
    faults = f" and {words.count(proven, 'fault')} with a proven effect" if proven else ""
    return f"After {words.count(calls, 'call')}{faults}, no judge found anything wrong."


def passed(results: Results) -> tuple[Sequence[tuple[str, str, str]], Sequence[Gate]]:
    """The judges that found nothing wrong, with what they looked at; the gates that were met."""
    judges = [
        (words.visible(one.judge, 80), JUDGES.get(one.judge, ""), _figures(one))
        for one in results.findings
        if one.verdict is Verdict.VALID
    ]
    return judges, [gate for gate in results.played.gates if gate.passed]


def _figures(one: Finding) -> str:
    """How much it looked at, and how."""
    told = [words.count(one.calls, "call")] if one.calls else []
    told += [f"{number:,} {name}" for name, number in one.figures.items() if number]
    if not told:
        return "it saw nothing"
    if one.method:
        told.append(f"by {one.method}")
    return words.visible(", ".join(told), 200)
