"""Does a smaller case fail for the same reason, and is there time to try another?

Rules of this file:
1. What does not fail with the mark is not taken. What else it does is of no interest.
2. Where chance is another, a seed may no more be unlucky: a few others are tried before a bold
   step is given up.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Final, TypeVar

from checker.verdict import Verdict
from harness.failures import marks_of
from harness.sim.case import Case
from harness.sim.quarry import results_of

T = TypeVar("T")

OTHER_SEEDS: Final = 4  # that a bold step is tried with
Tell = Callable[[str, Case], None]


class Trial:
    """The smallest that was found so far, and what is tried to find a smaller one."""

    def __init__(
        self,
        case: Case,
        marks: Sequence[str],
        budget_s: float,
        tell: Tell,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.case = case
        self.tried = 0
        self._seeds = OTHER_SEEDS
        self._marks = marks
        self._mark = marks[0]
        self._tell = tell
        self._clock = clock
        self._until = clock() + budget_s

    def _share(self, share: float) -> float:
        """When so much of the time that is left will be over."""
        now = self._clock()
        return now + (self._until - now) * share

    def _time_left(self) -> bool:
        return self._clock() < self._until

    def _fails(self, case: Case) -> bool:
        return self._mark in self._shown(case)

    def _shown(self, case: Case) -> Sequence[str]:
        """Its marks, if it fails."""
        self.tried += 1
        try:
            results = results_of(case)
        except Exception:
            return ()  # a world that cannot even be had
        return marks_of(results.as_json()) if results.verdict is Verdict.INVALID else ()

    def _take(self, what: str, case: Case) -> bool:
        """Whether it fails too, and is the one to go on from."""
        if not self._time_left() or not self._fails(case):
            return False
        self.case = case
        self._tell(what, case)
        return True

    def _take_any(self, what: str, cases: Iterable[Case]) -> bool:
        return any(self._take(what, case) for case in cases)

    def _with_other_seeds(self, case: Case) -> Iterator[Case]:
        yield case
        for more in range(1, 1 if case.calm else self._seeds):  # who draws nothing has no luck
            plan = replace(case.plan, seed=case.plan.seed + more * 1_000_003)
            yield replace(case, plan=plan, tape=None)

    def _fewer(
        self,
        items: Sequence[T],
        made: Callable[[Sequence[T]], Case],
        what: str,
        *,
        bold_down_to: int,
    ) -> bool:
        """Leave out large pieces, then smaller ones, from the end to the beginning.

        Pieces that are not smaller than `bold_down_to` are given up only after a few seeds.
        """
        kept, helped = list(items), False
        size = len(kept)
        while size >= 1 and self._time_left():
            bold = size >= bold_down_to
            end = len(kept)
            while end > 0 and self._time_left():
                begin = max(0, end - size)
                rest = kept[:begin] + kept[end:]
                less = made(rest)
                if self._take_any(what, self._with_other_seeds(less) if bold else (less,)):
                    kept, helped = rest, True
                end = begin
            size //= 2
        return helped
