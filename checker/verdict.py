"""How sure are we, and what speaks for it?

Merged verdicts keep the worst: invalid beats inconclusive beats valid.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Verdict(StrEnum):
    """The answer to "was this history legal?"."""

    VALID = "valid"
    INVALID = "invalid"
    INCONCLUSIVE = "inconclusive"

    @property
    def exit_status(self) -> int:
        """The command's exit status for this verdict."""
        return {Verdict.VALID: 0, Verdict.INVALID: 1, Verdict.INCONCLUSIVE: 3}[self]


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """The verdict of several together; of none, valid."""
    severity = [Verdict.VALID, Verdict.INCONCLUSIVE, Verdict.INVALID]
    return max(verdicts, key=severity.index, default=Verdict.VALID)


@dataclass(frozen=True, slots=True)
class Prefix:
    """A legal order of calls that goes as far as any does, and the state it leaves."""

    order: tuple[int, ...]
    state: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Stuck:
    """Why a part is illegal: one call fits nowhere, whichever of the prefixes one takes."""

    row: int
    prefixes: tuple[Prefix, ...]
    dropped_prefixes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class PartVerdict:
    """The verdict on the calls of one key; rows are rows of the whole history."""

    key: Any
    verdict: Verdict
    calls: int
    method: str
    steps: int = 0
    order: tuple[int, ...] | None = None
    refutation: tuple[int, ...] = ()
    because: str = ""
    stuck: Stuck | None = None
    reached: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """The verdict on a history, with the verdict on each of its parts."""

    verdict: Verdict
    parts: tuple[PartVerdict, ...]
    calls: int
    seconds: float = 0.0
    warnings: tuple[str, ...] = field(default_factory=tuple)

    @property
    def worst_part(self) -> PartVerdict | None:
        """The first part that decided the verdict, unless all is well."""
        return next(
            (
                part
                for part in self.parts
                if part.verdict is self.verdict and part.verdict is not Verdict.VALID
            ),
            None,
        )
