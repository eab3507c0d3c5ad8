"""What is a run to do, as far as it does not depend on where it does it?"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from checker.verdict import Verdict, worst
from workloads.workload import Finding

CALM_SHARE: Final = 6  # of the time, one part goes by before the first fault
_NUMBER: Final = re.compile(r" \d+$")


def track(nemesis: str, number: int) -> str:
    """What one of these is called: where a nemesis did several things at once, a script has several
    of it, such as `kill` and `kill 2`.
    """
    return nemesis if number == 1 else f"{nemesis} {number}"


def nemesis_of(name: str) -> str:
    """Whose track this is."""
    return _NUMBER.sub("", name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """All that a run was asked for. Times are in seconds."""

    workload: str = "register"
    nemeses: Sequence[str] = ()
    time_s: float = 60.0
    concurrency: int = 10
    rate: float = 0.0
    """Calls a second of all clients together; 0 for as many as there are."""
    seed: int = 0
    call_s: float = 5.0
    """After which a call without an answer is in doubt; every other client waits a quarter of it.

    The patient may hear what a server says that comes back from somewhere; the others go on
    meanwhile.
    """
    connect_s: float = 3.0
    recover_s: float = 60.0
    last_s: float = 30.0
    agree_s: float = 15.0
    """For how long replicas that differ may yet come to agree."""
    pace: float = 1.0
    """Stretches all waits and holds of nemeses."""
    enough: int = 10
    """Calls of a kind that must have been answered in a phase, else it has shown nothing."""
    first_fault_s: float | None = None
    """When the first fault may be; None: after a share of the time."""
    must_recover: bool = False
    """Whether it is a wrong, and no mere doubt, if there is no progress after healing."""

    def patience_s(self, place: int, nodes: int) -> float:
        """How long the client of this place waits; each node has clients of both kinds."""
        return self.call_s if place // nodes % 2 == 0 else self.call_s / 4

    @property
    def calm_s(self) -> float:
        """How long clients work before the first fault; without faults, all the time."""
        if not self.nemeses:
            return self.time_s
        return self.time_s / CALM_SHARE if self.first_fault_s is None else self.first_fault_s


@dataclass(frozen=True, slots=True)
class Gate:
    """Something that must be so for the run to mean anything; if not, `why` says what was seen."""

    name: str
    passed: bool
    why: str = ""


@dataclass(frozen=True, slots=True)
class Violation:
    """Something wrong that no judge of the history found."""

    name: str
    because: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """What is known of a run besides its history."""

    gates: Sequence[Gate] = ()
    violations: Sequence[Violation] = ()
    counts: Mapping[str, Mapping[str, Mapping[str, int]]]
    """phase -> f -> type of event -> how often."""
    faults: Mapping[str, Mapping[str, int]]
    """nemesis -> injected, proven, moot."""
    seconds: float = 0.0
    logs: Mapping[str, int] = field(default_factory=dict)
    """The nodes' own logs, and how many bytes of each are of the run, as of one quiet moment."""
    events: int = 0
    """How many the history must hold; 0 if nobody counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Results:
    """What is said of a run, and why."""

    played: Played
    findings: Sequence[Finding]

    @property
    def verdict(self) -> Verdict:
        """Invalid if anything is wrong, else inconclusive if anything is open."""
        return worst(
            [
                *(one.verdict for one in self.findings),
                *(Verdict.INVALID for _ in self.played.violations),
                *(Verdict.INCONCLUSIVE for gate in self.played.gates if not gate.passed),
            ]
        )

    def as_json(self) -> dict[str, Any]:
        """The object in `results.json`."""
        return {
            "verdict": self.verdict,
            **asdict(self.played),
            "findings": [asdict(one) for one in self.findings],
        }
