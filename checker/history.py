"""What happened: every call of a run, with its outcome and the interval in which it took effect.

A `History` keeps columns, not objects: a million calls take some 40 MB, and an `Op` is made when
somebody asks for one. Equal pairs of call and outcome (`Deed`) are stored once.

Rules of this file: one call precedes another only if it returned at an earlier time than the other
was called; equal times are concurrent. A call that failed or read is a row like any other; who
judges the history decides what it means.
"""

from __future__ import annotations

from array import array
from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, NamedTuple, TypeAlias, TypeVar, overload

from checker.outcome import Outcome, Unknown

C = TypeVar("C")
R = TypeVar("R")

ABSENT_NS = -(1 << 63)
"""The `returned` column of a call whose completion nobody recorded."""


class Deed(NamedTuple):
    """A call and what became of it, apart from who made it and when."""

    call: Any
    outcome: Outcome[Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Op(Generic[C, R]):
    """One call of one process. An `Unknown` never ends, whatever `returned_ns` says."""

    process: int
    call: C
    outcome: Outcome[R]
    called_ns: int
    returned_ns: int | None
    key: Hashable = None
    session: int | None = None
    node: str | None = None
    zxid: int | None = None
    version: int | None = None
    mzxid: int | None = None


@dataclass(frozen=True, slots=True)
class Note:
    """An event that is no call of a client: a fault injected, lifted, a phase begun."""

    time_ns: int
    process: str
    type: str
    f: str
    value: Any


DETAILS = ("session", "node", "zxid", "version", "mzxid")
Details: TypeAlias = dict[str, list[Any]]


@dataclass(slots=True, eq=False)
class History(Sequence[Op[Any, Any]]):
    """All calls of a run, in the order of their invocation, as columns.

    `moments` is the order to judge by: 2 * row for a call, 2 * row + 1 for its return, by time, at
    equal times calls first. `Unknown` rows have no return in it.
    """

    source: str = "the history"
    process: array[int] = field(default_factory=lambda: array("q"))
    deed: array[int] = field(default_factory=lambda: array("i"))
    key: array[int] = field(default_factory=lambda: array("i"))
    called: array[int] = field(default_factory=lambda: array("q"))
    returned: array[int] = field(default_factory=lambda: array("q"))
    moments: array[int] = field(default_factory=lambda: array("i"))
    deeds: list[Deed] = field(default_factory=list)
    keys: list[Hashable] = field(default_factory=list)
    details: Details = field(default_factory=dict)
    notes: list[Note] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    has_times: bool = True

    @classmethod
    def of(cls, ops: Iterable[Op[Any, Any]], source: str = "the history") -> History:
        """The history of these calls; they are put in order of invocation."""
        made = cls(source=source)
        deeds: dict[Deed, int] = {}
        keys: dict[Hashable, int] = {}
        ordered = sorted(ops, key=lambda op: op.called_ns)
        for name in DETAILS:
            column = [getattr(op, name) for op in ordered]
            if any(value is not None for value in column):
                made.details[name] = column
        for op in ordered:
            made.process.append(op.process)
            deed = Deed(op.call, op.outcome)
            made.deed.append(deeds.setdefault(deed, len(deeds)))
            made.key.append(keys.setdefault(op.key, len(keys)))
            made.called.append(op.called_ns)
            made.returned.append(ABSENT_NS if op.returned_ns is None else op.returned_ns)
        made.deeds = list(deeds)
        made.keys = list(keys)
        made.moments = array("i", made.in_order())
        return made

    def in_order(self) -> list[int]:
        """The moments of all rows, sorted anew from their times."""
        endless = [isinstance(deed.outcome, Unknown) for deed in self.deeds]
        moments = [2 * row for row in range(len(self.called))]
        called, returned = self.called, self.returned
        moments += [
            2 * row + 1
            for row, deed in enumerate(self.deed)
            if not endless[deed] and returned[row] != ABSENT_NS
        ]
        return sorted(
            moments, key=lambda m: (returned[m >> 1], 1) if m & 1 else (called[m >> 1], 0)
        )

    def __len__(self) -> int:
        return len(self.called)

    @overload
    def __getitem__(self, row: int) -> Op[Any, Any]: ...
    @overload
    def __getitem__(self, row: slice) -> Sequence[Op[Any, Any]]: ...
    def __getitem__(self, row: int | slice) -> Op[Any, Any] | Sequence[Op[Any, Any]]:
        if isinstance(row, slice):
            return [self[i] for i in range(*row.indices(len(self)))]
        call, outcome = self.deeds[self.deed[row]]
        returned = self.returned[row]
        return Op(
            process=self.process[row],
            call=call,
            outcome=outcome,
            called_ns=self.called[row],
            returned_ns=None if returned == ABSENT_NS else returned,
            key=self.keys[self.key[row]],
            **{name: column[row] for name, column in self.details.items()},
        )

    def __iter__(self) -> Iterator[Op[Any, Any]]:
        return (self[row] for row in range(len(self)))

    def only(self, rows: Iterable[int]) -> History:
        """The same history with only these rows; deeds and keys are shared."""
        kept = sorted(rows)
        new_row = {row: i for i, row in enumerate(kept)}
        return History(
            source=self.source,
            process=array("q", [self.process[row] for row in kept]),
            deed=array("i", [self.deed[row] for row in kept]),
            key=array("i", [self.key[row] for row in kept]),
            called=array("q", [self.called[row] for row in kept]),
            returned=array("q", [self.returned[row] for row in kept]),
            moments=array(
                "i", [2 * new_row[m >> 1] + (m & 1) for m in self.moments if m >> 1 in new_row]
            ),
            deeds=self.deeds,
            keys=self.keys,
            details={name: [column[row] for row in kept] for name, column in self.details.items()},
            notes=self.notes,
            warnings=self.warnings,
            has_times=self.has_times,
        )
