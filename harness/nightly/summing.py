"""What does a night say as a whole, and what is new since the last one?

Rules of this file:
1. A run that failed is never hidden by one that is open, nor by one that crashed.
2. A night in which the planted bug was not found is void: what it did not find may be there.
3. Failures are one finding if they have the same first mark in the same workload.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, Final

from harness.nightly.matrix import Planned
from harness.nightly.night import Night, Ran

FAILED: Final = 1
CANNOT_SAY: Final = 3
HARNESS_FAILED: Final = 4


@dataclass(frozen=True, slots=True)
class Group:
    """Runs with the same finding."""

    mark: str
    workload: str
    runs: Sequence[tuple[Planned, Ran]]
    new: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Sum:
    """A night as a whole. `ended` is empty while it is going."""

    night: Night
    file: str
    began: str
    ended: str
    planned: Sequence[Planned]
    ran: Mapping[int, Ran]
    groups: Sequence[Group]
    gone: Sequence[str]
    """Findings of the last night that did not come again."""
    before: str
    """When that began; empty for the first."""

    @property
    def counts(self) -> Mapping[str, int]:
        """Of all runs but the planted ones."""
        verdicts = ("invalid", "crashed", "inconclusive", "valid")
        mine = [ran for number, ran in self.ran.items() if not self.planned[number].planted]
        return {name: sum(ran.verdict == name for ran in mine) for name in verdicts}

    @property
    def caught(self) -> bool:
        """Whether the planted bug was found."""
        return any(
            self.planned[number].planted and ran.verdict == "invalid"
            for number, ran in self.ran.items()
        )

    @property
    def unmade(self) -> Sequence[Planned]:
        """What there was no time for."""
        return [
            one
            for number, one in enumerate(self.planned)
            if not one.planted and number not in self.ran
        ]

    @property
    def untried(self) -> Sequence[str]:
        """Pairs of which there was not a single run."""
        tried = {(self.planned[n].workload, self.planned[n].nemesis) for n in self.ran}
        pairs = dict.fromkeys((one.workload, one.nemesis) for one in self.unmade)
        return [" × ".join(pair) for pair in pairs if pair not in tried]

    @property
    def seconds(self) -> float:
        """That all runs took."""
        return sum(ran.seconds for ran in self.ran.values())

    @property
    def status(self) -> int:
        """The exit status."""
        counts = self.counts
        if counts["invalid"]:
            return FAILED
        if counts["crashed"] or not self.caught:
            return HARNESS_FAILED
        return CANNOT_SAY if counts["inconclusive"] or self.untried else 0

    @property
    def line(self) -> str:
        """All of it in one line."""
        counts = self.counts
        new = sum(group.new for group in self.groups)
        told = [f"{number} {name}" for name, number in counts.items() if number]
        if counts["invalid"]:
            found = len(self.groups)
            told[0] += f" ({found} {'finding' if found == 1 else 'findings'}, {new} new)"
        if self.unmade:
            told.append(f"{len(self.unmade)} not made")
        if self.untried:
            told.append(f"never tried: {', '.join(self.untried)}")
        bug = "the planted bug was found" if self.caught else "VOID: the planted bug was not found"
        sign = {0: "✓", FAILED: "✗", HARNESS_FAILED: "✗"}.get(self.status, "?")
        when = self.began[:16].replace("T", " ")
        return f"{sign} night of {when}: {', '.join(told) or 'no run'}; {bug}"


def sum_of(night: Night, before: Night | None, *, over: bool) -> Sum:
    """Of what is known by now."""
    planned, ran = night.planned(), {one.number: one for one in night.ran()}
    then = before.results() if before is not None else {}
    known = {(one["workload"], one["mark"]) for one in then.get("findings", ())}
    found: dict[tuple[str, str], list[tuple[Planned, Ran]]] = {}
    for number, one in ran.items():
        if one.verdict == "invalid" and not planned[number].planted:
            mark = one.marks[0] if one.marks else "invalid"
            found.setdefault((planned[number].workload, mark), []).append((planned[number], one))
    groups = [
        Group(mark, workload, runs, new=(workload, mark) not in known)
        for (workload, mark), runs in found.items()
    ]
    gone = [f"{workload}: {mark}" for workload, mark in sorted(known - set(found))]
    facts = night.facts
    return Sum(
        night=night,
        file=facts["file"],
        began=facts["began"],
        ended=datetime.now(UTC).isoformat() if over else "",
        planned=planned,
        ran=ran,
        groups=sorted(groups, key=lambda group: (not group.new, -len(group.runs), group.mark)),
        gone=gone,
        before=then.get("began", ""),
    )


def results_of(whole: Sum) -> dict[str, Any]:
    """The object in `results.json`."""
    return {
        "line": whole.line,
        "status": whole.status,
        "began": whole.began,
        "ended": whole.ended,
        "seconds": round(whole.seconds, 3),
        "void": not whole.caught,
        "counts": dict(whole.counts),
        "findings": [
            {
                "workload": group.workload,
                "mark": group.mark,
                "new": group.new,
                "runs": [ran.path for _, ran in group.runs],
            }
            for group in whole.groups
        ],
        "gone": list(whole.gone),
        "since": whole.before,
        "untried": list(whole.untried),
        "unmade": len(whole.unmade),
        "runs": [
            {**asdict(ran), "name": whole.planned[number].name, "command": command(whole, number)}
            for number, ran in whole.ran.items()
        ],
        "page": str(whole.night.path / "index.html"),
    }


def command(whole: Sum, number: int) -> str:
    """What makes this run again."""
    import shlex

    return shlex.join(["zabtest", *whole.planned[number].command()])
