"""What is a workload: what do clients ask for, how is it performed, and who judges what came?

A workload is made for one run and lives as long. It says what each process asks next, and is told
how each call ended, so that it can go on to fresh keys or ask for what it has seen. *How* a call is
performed is an `Adapter`, one for each pair of workload and kind of session: who has a system of
their own writes one adapter, and every part of the workload but that serves it unchanged.

Rules of this file:
1. Chance comes from `draw` alone; smaller draws make a calmer run.
2. A judge sees the history and nothing else, so a stored run can be judged again.
3. A judge that says invalid shows the calls that are wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol, TypeAlias

from checker.history import History
from checker.model import Model
from checker.outcome import Outcome
from checker.verdict import Verdict

Draw: TypeAlias = Callable[[int], int]
"""A number below this one: the only source of chance."""


class Synced(StrEnum):
    """What a target promises of a read behind a sync, on one connection."""

    LINEARIZABLE = "linearizable"
    ORDERED = "ordered"  # no more than a local read, since a deposed leader may answer the sync


@dataclass(frozen=True, slots=True)
class Ask:
    """A call, and the key it is made on."""

    key: str
    call: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came of a call, and what the reply told besides."""

    result: Any
    zxid: int | None = None
    version: int | None = None
    mzxid: int | None = None


class Adapter(Protocol):
    """How the calls of one workload are performed on one kind of session."""

    async def prepare(self, session: Any) -> None:
        """What must be there before the first call; may be done more than once."""
        ...

    async def perform(self, session: Any, ask: Ask) -> Answer:
        """Do it once. `NotDone`, if it surely had no effect; `InDoubt`, if it may have had one."""
        ...


@dataclass(frozen=True, slots=True)
class Wrong:
    """One thing that must not be: of which kind, in a sentence, and the rows that show it."""

    kind: str
    because: str
    rows: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What one judge says of a history."""

    judge: str
    verdict: Verdict
    calls: int
    wrongs: tuple[Wrong, ...] = ()
    more_wrongs: int = 0
    because: str = ""
    method: str = ""
    figures: Mapping[str, int | float] = field(default_factory=dict)


Judge: TypeAlias = Callable[[History], Finding]

SHOWN: int = 10
"""How many wrongs of a finding are shown; of the others their number is told."""


def finding(
    judge: str,
    calls: int,
    wrongs: Sequence[Wrong],
    *,
    method: str = "",
    figures: Mapping[str, int | float] | None = None,
) -> Finding:
    """Invalid if there is any wrong, else valid."""
    return Finding(
        judge=judge,
        verdict=Verdict.INVALID if wrongs else Verdict.VALID,
        calls=calls,
        wrongs=tuple(wrongs[:SHOWN]),
        more_wrongs=max(0, len(wrongs) - SHOWN),
        method=method,
        figures=figures or {},
    )


class Workload(Protocol):
    """What clients ask for in one run, and what they should see."""

    name: str
    about: str
    least_processes: int
    """How many clients it needs at once to mean anything."""
    kinds: Sequence[str]
    """Every `f` of its calls; a run that completed too few of one has shown nothing about it."""
    synced: Synced

    @property
    def model(self) -> Model[Any, Any, Any]:
        """How its calls look in the history file."""
        ...

    def calls(self, process: int, draw: Draw) -> Ask:
        """What this process asks next."""
        ...

    def last_calls(self, process: int, processes: int) -> Sequence[Ask]:
        """What this one of so many asks when all is healed; synced, and over all that was made."""
        ...

    def heard(self, process: int, ask: Ask, outcome: Outcome[Any], answer: Answer | None) -> None:
        """How a call ended. A process that was left in doubt asks no more."""
        ...

    def judges(self) -> Mapping[str, Judge]:
        """Who judges the history, by name."""
        ...


def named_key(key: Hashable) -> str:
    """A key in words."""
    return "the history" if key is None else f"key {key}"
