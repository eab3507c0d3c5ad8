"""What is wrong with a part, in one plain sentence?"""

from __future__ import annotations

from typing import Any

from checker.core import minimal_core, rows_of
from checker.explanation import Explanation
from checker.history import History
from checker.model import Model
from checker.outcome import ANYTHING, Ok
from checker.search.part import Classes, Options, split
from checker.search.refute import refute
from checker.verdict import PartVerdict, Verdict

MANY = 6
"""Up to how many calls or values a sentence names each."""


def explain(
    history: History, model: Model[Any, Any, Any], part: PartVerdict, progress: Any = None
) -> Explanation:
    """The sentence and the minimal core of an illegal part; of any other, a sentence only."""
    if part.verdict is Verdict.VALID:
        return Explanation(f"All {part.calls:,} calls fit into one order.", ())
    if part.verdict is Verdict.INCONCLUSIVE:
        return Explanation(
            f"Undecided after {part.reached:.0%} of the returns: {part.because}.", ()
        )
    core = minimal_core(history, model, part, progress)
    return Explanation(_Teller(history, model).tell(part, core), core)


class _Teller:
    """Finds words for the calls of one history."""

    def __init__(self, history: History, model: Model[Any, Any, Any]) -> None:
        self.history = history
        self.model = model

    def tell(self, part: PartVerdict, core: tuple[int, ...]) -> str:
        """Why the core is illegal: by what is impossible in it, else by what it lacks room for."""
        seen = self._refutation(part, core)
        if seen:
            return seen
        if part.stuck is not None and part.stuck.row in core:
            return self._fits_nowhere(part, core)
        if len(part.refutation) == 1 and part.refutation[0] in core:
            return (
                f"{self.does(part.refutation[0])}, which fits into no order: "
                f"{len(core)} calls suffice to show it."
            )
        told = [self.does(row) for row in core]
        if len(told) <= MANY:
            return f"{_and(told)}: no order of these {len(told)} calls is legal."
        return f"{told[-1]}, and no order of the {len(told)} calls of the core is legal."

    def does(self, row: int) -> str:
        """Who did what, and when: "p3 read 4 at 1.230 s"."""
        return f"p{self.history.process[row]} {self._what(row)} {self._when(row)}"

    def _what(self, row: int) -> str:
        call, outcome = self.history.deeds[self.history.deed[row]]
        return self.model.tell(call, outcome.result if isinstance(outcome, Ok) else ANYTHING)

    def _when(self, row: int) -> str:
        return f"at {self._time(self.history.called[row])}"

    def _time(self, ns: int) -> str:
        if not self.history.has_times:
            return f"event {ns + 1}"
        return f"{ns / 1e9:.3f} s" if ns >= 10_000_000 or ns == 0 else f"{ns / 1e6:.3f} ms"

    def _refutation(self, verdict: PartVerdict, core: tuple[int, ...]) -> str:
        """What is impossible at sight in the whole part, if the core is about it."""
        rows = rows_of(self.history, verdict)
        alone = self.history.only(rows)
        for part in split(alone, self.model):
            Classes(alone, self.model, Options()).classify(part)
            found = refute(part) if part.cell else None
            if found is not None and rows[part.rows[found.call]] in core:
                wall = -1 if found.wall < 0 else rows[part.rows[found.wall]]
                thing = "the first value" if found.value == 0 else part.space.state(found.value)
                return self._impossible(rows[part.rows[found.call]], wall, str(thing))
        return ""

    def _impossible(self, row: int, wall: int, thing: str) -> str:
        saw = self.does(row)
        if wall < 0:
            return f"{saw}, but nobody had begun to write {thing} by then."
        ended = self._time(self.history.returned[wall])
        return (
            f"{saw}, but {thing} had been overwritten: p{self.history.process[wall]} "
            f"{self._what(wall)}, which completed at {ended}, and nobody wrote {thing} after that."
        )

    def _fits_nowhere(self, part: PartVerdict, core: tuple[int, ...]) -> str:
        assert part.stuck is not None
        states = [prefix.state for prefix in part.stuck.prefixes]
        told = sorted({"nothing" if state is None else str(state) for state in states})
        where = ""
        if 0 < len(told) <= MANY and all(len(one) <= 40 for one in told):
            where = f"wherever it is placed, the state is {_or(told)}; "
        return (
            f"{self.does(part.stuck.row)}, which fits into no order: {where}"
            f"{len(core)} calls suffice to show it."
        )


def _and(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def _or(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"
