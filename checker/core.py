"""Which few calls of an illegal history are already wrong by themselves?

And wrong in such a way that the whole history must be: a call may be left out only if leaving it
out of any legal order would leave a legal order. When that is so is said in docs/core.md, with
proofs; `may_drop` is the rule, and it is checked on what is kept in the end.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final

from checker.check import Ask, Limits, check
from checker.history import History
from checker.model import NOTHING, Access, Model
from checker.outcome import ANYTHING, Failed, Ok
from checker.verdict import PartVerdict, Verdict

STEPS: Final = 200_000
"""How long a candidate may be searched; one that takes longer is not taken for illegal."""
FOREVER: Final = 1 << 62


class _Call:
    """One judged call of the part, as the rule sees it."""

    __slots__ = ("access", "begun", "ended", "names", "observes", "row")

    def __init__(self, history: History, model: Model[Any, Any, Any], row: int) -> None:
        call, outcome = history.deeds[history.deed[row]]
        heard = isinstance(outcome, Ok)
        result = outcome.result if isinstance(outcome, Ok) else ANYTHING
        self.row = row
        self.begun = history.called[row]
        self.ended = history.returned[row] if heard else FOREVER
        self.observes = model.observes_only(call, result)
        self.access: Access | None = model.access(call, result)
        self.names: frozenset[Any] | None = model.names(call, result)


class Rule:
    """Says whether a set of calls may be kept alone; made once for a part."""

    def __init__(self, history: History, model: Model[Any, Any, Any], rows: Iterable[int]) -> None:
        self.calls = {row: _Call(history, model, row) for row in rows}
        self.cell = all(call.access is not None for call in self.calls.values())

    def in_the_way(self, kept: set[int]) -> list[int]:
        """The calls that are not kept though some kept call might have seen them."""
        changers = [c for c in self.calls.values() if c.row not in kept and not c.observes]
        mine = [self.calls[row] for row in kept]
        return (_seen_in_cell if self.cell else _seen)(changers, mine)


def _seen(dropped: list[_Call], kept: list[_Call]) -> list[int]:
    """For any model: all but what names nothing that is kept, and what began after all the rest."""
    named: set[Any] = set()
    anything = False
    for call in kept:
        # A kept call that nobody heard of can go from the order together with what it was about.
        anything = anything or (call.names is None and call.ended != FOREVER)
        named |= call.names or frozenset()
    apart = [
        call
        for call in dropped
        if not anything and call.names is not None and not call.names & named
    ]
    apart_rows = {call.row for call in apart}
    last = max((call.ended for call in kept + apart if call.ended != FOREVER), default=-1)
    return [call.row for call in dropped if call.row not in apart_rows and call.begun <= last]


def _seen_in_cell(dropped: list[_Call], kept: list[_Call]) -> list[int]:
    """For a single cell: what a kept call may have found there, or found gone."""
    by_value: dict[Any, list[_Call]] = {}
    refused: list[_Call] = []
    walls: list[tuple[int, int]] = []
    for call in sorted(kept, key=lambda call: call.begun):
        assert call.access is not None
        if call.access.needs is not NOTHING:
            by_value.setdefault(call.access.needs, []).append(call)
        if call.access.lacks is not NOTHING:
            refused.append(call)
        if call.access.puts is not NOTHING and call.ended != FOREVER:
            walls.append((call.begun, call.ended))
    wall_starts = [begun for begun, _ in walls]
    earliest = [FOREVER] * (len(walls) + 1)  # the first end among walls from here on
    for at in range(len(walls) - 1, -1, -1):
        earliest[at] = min(earliest[at + 1], walls[at][1])
    watchers = {value: _Watch(calls) for value, calls in by_value.items()}
    wary = _Watch(refused)
    seen = []
    for call in dropped:
        assert call.access is not None
        behind = earliest[bisect_right(wall_starts, call.ended)]
        watcher = watchers.get(call.access.puts)
        if (watcher and watcher.meets(call.begun, behind)) or wary.meets(call.begun, behind):
            seen.append(call.row)
    return seen


class _Watch:
    """Calls that look at the cell, for asking whether one of them can have seen a change."""

    def __init__(self, calls: Sequence[_Call]) -> None:
        self.begun = [call.begun for call in calls]
        self.latest_end: list[int] = []
        for call in calls:
            self.latest_end.append(max(call.ended, self.latest_end[-1] if self.latest_end else 0))

    def meets(self, changed_from: int, gone_at: int) -> bool:
        """Whether some call ended no earlier than `changed_from` and began by `gone_at`."""
        place = bisect_right(self.begun, gone_at)
        return place > 0 and self.latest_end[place - 1] >= changed_from


def minimal_core(
    history: History,
    model: Model[Any, Any, Any],
    part: PartVerdict,
    progress: Callable[[int], None] | None = None,
) -> tuple[int, ...]:
    """Rows of a smallest set of calls found that is illegal and proves the part illegal.

    No single call can be left out of it. Needs an invalid part; `progress` hears the size.
    """
    rows = [row for row in rows_of(history, part) if _judged(history, row)]
    shrinker = _Shrinker(history, model, rows, progress)
    kept = shrinker.start(part)
    kept = shrinker.by_chunks(kept)
    return tuple(sorted(kept, key=lambda row: (history.called[row], row)))


def rows_of(history: History, part: PartVerdict) -> list[int]:
    """The rows of the part's key."""
    key = history.keys.index(part.key) if part.key in history.keys else -1
    return [row for row, k in enumerate(history.key) if k == key]


def _judged(history: History, row: int) -> bool:
    return not isinstance(history.deeds[history.deed[row]].outcome, Failed)


class _Shrinker:
    """Looks for fewer and fewer calls that are still illegal, and still prove it."""

    def __init__(
        self,
        history: History,
        model: Model[Any, Any, Any],
        rows: list[int],
        progress: Callable[[int], None] | None,
    ) -> None:
        self.history = history
        self.model = model
        self.rows = rows
        self.rule = Rule(history, model, rows)
        self.progress = progress
        self.known: dict[frozenset[int], bool] = {}

    def proves(self, kept: set[int]) -> bool:
        """Whether these calls alone are illegal and prove the history illegal."""
        return not self.rule.in_the_way(kept) and self.illegal(kept)

    def illegal(self, kept: set[int]) -> bool:
        """Whether these calls alone are illegal, as far as a short search can tell."""
        frozen = frozenset(kept)
        if frozen not in self.known:
            judged = check(
                self.history.only(kept),
                self.model,
                limits=Limits(steps=STEPS),
                ask=Ask(evidence=False),
            )
            self.known[frozen] = judged.verdict is Verdict.INVALID
        return self.known[frozen]

    def closed(self, kept: set[int]) -> set[int]:
        """These calls, and all that they might have seen, directly or not."""
        kept = set(kept)
        while missing := self.rule.in_the_way(kept):
            kept.update(missing)
        return kept

    def start(self, part: PartVerdict) -> set[int]:
        """A first set that proves it: around the evidence if possible, else everything."""
        best = set(self.rows)
        for suspect in self._suspects(part):
            candidate = self.closed(suspect)
            if len(candidate) < len(best) and self.illegal(candidate):
                return candidate
        return best

    def _suspects(self, part: PartVerdict) -> Iterator[set[int]]:
        """Sets of calls that may be enough, the most likely first."""
        if part.refutation:
            yield set(part.refutation)
        accused = [*part.refutation, *([part.stuck.row] if part.stuck else [])]
        for row in accused:
            yield from self._about_the_value_of(row)
        for row in accused:
            yield from self._around(row)

    def _about_the_value_of(self, row: int) -> Iterator[set[int]]:
        """All calls that name the value which this call needs, and all that may overwrite it."""
        access = self.rule.calls[row].access
        if not self.rule.cell or access is None or access.needs is NOTHING:
            return
        value = access.needs
        suspect = {row}
        for call in self.rule.calls.values():
            assert call.access is not None
            names = (call.access.needs, call.access.lacks, call.access.puts)
            plain = names[:2] == (NOTHING, NOTHING) and call.ended != FOREVER
            if value in names or (plain and not call.observes):
                suspect.add(call.row)
        yield suspect

    def _around(self, row: int) -> Iterator[set[int]]:
        """The calls that ended last before this one did, more and more of them."""
        ended = self.history.returned[row]
        before = [other for other in self.rows if self.history.called[other] <= ended]
        before.sort(key=lambda other: self.rule.calls[other].ended)
        size = 8
        while size < len(before):
            yield {*before[-size:], row}
            size *= 2
        yield set(before)

    def by_chunks(self, kept: set[int]) -> set[int]:
        """Leave out runs of calls, long ones first, until no single call can be left out."""
        size = max(1, len(kept) // 2)
        while True:
            smaller = self._without_chunks(kept, size)
            if self.progress:
                self.progress(len(smaller))
            if size == 1 and smaller == kept:
                break
            kept = smaller
            size = max(1, min(size // 2, len(kept) // 2))
        return self._without_pairs(kept)

    def _without_chunks(self, kept: set[int], size: int) -> set[int]:
        order = sorted(kept, key=lambda row: self.history.called[row])
        for start in range(0, len(order), size):
            chunk = order[start : start + size]
            smaller = kept.difference(chunk)
            if smaller and self.proves(smaller):
                kept = smaller
            elif size > 1:
                watching = [row for row in chunk if self.rule.calls[row].observes]
                smaller = kept.difference(watching)
                if watching and smaller and self.proves(smaller):
                    kept = smaller
        return kept

    def _without_pairs(self, kept: set[int]) -> set[int]:
        """Leave out two calls at once, where one without the other could not go."""
        if len(kept) > PAIRS:
            return kept
        for first in sorted(kept):
            for second in sorted(kept):
                smaller = kept - {first, second}
                if first < second and smaller and self.proves(smaller):
                    return self._without_pairs(smaller)
        return kept


PAIRS: Final = 40
"""Up to how many calls all pairs are tried."""
