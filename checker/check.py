"""Was this history legal?

Every part (a key, or what the model says never interacts) is judged by itself, which is enough:
a history is linearizable if and only if each of its objects is. The cheap ways come first: the
service's own order as a witness, an answer that is impossible at sight, values that are all
different. What they leave open is searched for.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from checker.history import History
from checker.model import Model
from checker.search.part import NEVER, Classes, Options, Part, split
from checker.search.refute import refute
from checker.search.run import Found, furthest, search
from checker.search.unique import ILLEGAL, LEGAL, by_unique_values
from checker.verdict import Judgement, PartVerdict, Prefix, Stuck, Verdict, worst
from checker.witness import by_zxid

DEFAULT_STEPS: Final = 50_000_000
ALONE_S: Final = 1.0
"""For how long one process works alone before it is worth starting others."""
BATCH: Final = 20_000
"""About how many calls another process is given at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """When to give up; what was not judged by then is inconclusive."""

    steps: int = DEFAULT_STEPS
    seconds: float | None = None
    memory_mb: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """What a caller wants to know besides the verdict."""

    order: bool = False
    evidence: bool = True
    options: Options | None = None
    shortcuts: bool = True


def check(
    history: History,
    model: Model[Any, Any, Any],
    *,
    limits: Limits | None = None,
    ask: Ask | None = None,
    executor: Callable[[], Executor] | None = None,
    progress: Callable[[float], None] | None = None,
) -> Judgement:
    """Judge the history; `executor` makes one, if the work turns out to be worth sharing."""
    limits, ask = limits or Limits(), ask or Ask()
    started = time.monotonic()
    with no_collection():
        clock = _Clock(limits, started, progress, len(history))
        judge = _Judge(history, model, ask, limits, clock)
        parts = split(history, model)
        verdicts: list[PartVerdict] = []
        for number, part in enumerate(parts):
            left = parts[number:]
            if executor and len(left) > 1 and time.monotonic() - started > ALONE_S:
                verdicts += _share(history, model, left, limits, ask, executor, clock)
                break
            verdicts.append(judge.judge(part))
            clock.finished(len(part.rows))
    return Judgement(
        verdict=worst(part.verdict for part in verdicts),
        parts=tuple(verdicts),
        calls=len(history),
        seconds=time.monotonic() - started,
        warnings=tuple(history.warnings),
    )


@contextmanager
def no_collection() -> Iterator[None]:
    """Keep the cycle collector from walking millions of objects that form no cycles."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


class _Clock:
    """Says when time or memory is up, and how much of all calls is judged."""

    def __init__(
        self,
        limits: Limits,
        started: float,
        progress: Callable[[float], None] | None,
        calls: int,
    ) -> None:
        self.limits = limits
        self.started = started
        self.progress = progress
        self.calls = max(1, calls)
        self.judged = 0
        self.current = 0

    def left_s(self) -> float | None:
        """How much time is left, if it is bounded."""
        if self.limits.seconds is None:
            return None
        return self.limits.seconds - (time.monotonic() - self.started)

    def over(self, reached: float) -> str:
        """Why to stop now, or nothing."""
        if self.progress:
            self.progress((self.judged + reached * self.current) / self.calls)
        left = self.left_s()
        if left is not None and left <= 0:
            return f"the time of {self.limits.seconds:g} s is up"
        if self.limits.memory_mb is not None:
            used = resident_mb()
            if used > self.limits.memory_mb:
                return f"{used:,} MB are in use, more than the {self.limits.memory_mb:,} allowed"
        return ""

    def finished(self, calls: int) -> None:
        """So many more calls are judged."""
        self.judged += calls
        self.over(0.0)


def resident_mb() -> int:
    """How much memory this process holds; 0 where the system does not tell."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except OSError:
        return 0
    return pages * 4096 // (1 << 20)


class _Judge:
    """Judges the parts of one history."""

    def __init__(
        self,
        history: History,
        model: Model[Any, Any, Any],
        ask: Ask,
        limits: Limits,
        clock: _Clock,
    ) -> None:
        self.history = history
        self.model = model
        self.ask = ask
        self.limits = limits
        self.clock = clock
        self.options = ask.options or Options()
        self.classes = Classes(history, model, self.options)
        self.steps_left = limits.steps

    def judge(self, part: Part) -> PartVerdict:
        """The verdict on one part, by the cheapest way that decides it."""
        self.clock.current = len(part.rows)
        if self.ask.shortcuts and "zxid" in self.history.details:
            order = by_zxid(self.history, self.model, part.rows)
            if order is not None:
                return self._verdict(part, Verdict.VALID, "the order of zxids", order=order)
        self.classes.classify(part)
        if self.ask.shortcuts and part.cell:
            shortcut = self._at_sight(part)
            if shortcut is not None:
                return shortcut
        found = search(part, self.options, self.steps_left, self.clock.over, order=self.ask.order)
        self.steps_left -= found.steps
        if found.legal:
            order = None if found.order is None else [part.rows[call] for call in found.order]
            return self._verdict(part, Verdict.VALID, "a search", order=order, steps=found.steps)
        if found.stuck < 0:
            return self._verdict(
                part,
                Verdict.INCONCLUSIVE,
                "a search",
                because=found.gave_up,
                steps=found.steps,
                reached=found.reached,
            )
        if part.growing:
            stuck = self._first_stuck(part) if self.ask.evidence else None
            return self._verdict(part, Verdict.INVALID, "a search", stuck=stuck, steps=found.steps)
        if found.value >= 0:
            return self._verdict(
                part,
                Verdict.INVALID,
                "a search that tells one value from all others",
                refutation=(part.rows[found.stuck],),
                steps=found.steps,
            )
        return self._verdict(
            part, Verdict.INVALID, "a search", stuck=_stuck(part, found), steps=found.steps
        )

    def _first_stuck(self, part: Part) -> Stuck:
        """The first return up to which no order is legal, found by halving.

        A search with foresight stops where the state has outgrown a later answer, which need not
        be where the part becomes illegal.
        """
        ends = [at for at, code in enumerate(part.log) if code & 1]
        legal, illegal = 0, len(ends)
        order: list[int] = []
        while legal + 1 < illegal:
            middle = (legal + illegal) // 2
            cut = _cut(part, ends[middle - 1])
            found = search(cut, self.options, self.limits.steps, self.clock.over, order=True)
            if found.order is None:
                illegal = middle
            else:
                legal, order = middle, found.order
        state = self.model.initial()
        for call in order:
            deed = self.history.deeds[part.deeds[call]]
            state = self.model.apply(state, deed.call)[0]
        rows = tuple(part.rows[call] for call in order)
        stuck = part.rows[part.log[ends[illegal - 1]] >> 1]
        return Stuck(row=stuck, prefixes=(Prefix(rows, state),))

    def _at_sight(self, part: Part) -> PartVerdict | None:
        """The verdict on a single cell where no search is needed."""
        unique = by_unique_values(part)
        if unique.said == LEGAL:
            order = [part.rows[call] for call in unique.order]
            return self._verdict(part, Verdict.VALID, "values that are all different", order=order)
        refutation = refute(part)  # before what the values said: it is the easier one to follow
        if refutation is not None:
            calls = [refutation.call] if refutation.wall < 0 else [refutation.wall, refutation.call]
            return self._refuted(part, "an answer that is impossible at sight", calls)
        if unique.said == ILLEGAL:
            return self._refuted(part, "values that are all different", unique.conflict)
        return None

    def _refuted(self, part: Part, method: str, calls: list[int]) -> PartVerdict:
        """Invalid without a search; with evidence, what the search can say in a short while."""
        stuck = None
        if self.ask.evidence:
            found = furthest(_until_return_of(part, calls), self.options, EVIDENCE_STEPS)
            if found.prefixes:
                stuck = _stuck(part, found)
        rows = sorted((part.rows[call] for call in calls), key=self.history.called.__getitem__)
        return self._verdict(part, Verdict.INVALID, method, refutation=tuple(rows), stuck=stuck)

    def _verdict(
        self,
        part: Part,
        verdict: Verdict,
        method: str,
        *,
        order: list[int] | None = None,
        **more: Any,
    ) -> PartVerdict:
        wanted = order if self.ask.order else None
        return PartVerdict(
            key=part.key,
            verdict=verdict,
            calls=len(part.rows),
            method=method,
            order=None if wanted is None else tuple(wanted),
            **more,
        )


EVIDENCE_STEPS: Final = 50_000
"""How long the search looks for the longest prefixes of a part that is refuted already."""


def _until_return_of(part: Part, calls: list[int]) -> Part:
    """The part up to where the last of these calls has returned."""
    return _cut(
        part, max([part.ends[call] for call in calls if not part.crashed[call]], default=NEVER)
    )


def _cut(part: Part, last: int) -> Part:
    """The part up to this place in its log; calls that end later have not ended."""
    cut = Part(part.key)
    cut.rows, cut.deeds, cut.cls, cut.crashed = part.rows, part.deeds, part.cls, part.crashed
    cut.space, cut.cell, cut.growing = part.space, part.cell, part.growing
    cut.log, cut.ends = part.log[: last + 1], part.ends
    cut.returns = sum([code & 1 for code in cut.log])
    return cut


def _stuck(part: Part, found: Found) -> Stuck:
    prefixes = tuple(
        Prefix(tuple(part.rows[call] for call in order), part.space.state(state))
        for order, state in found.prefixes
    )
    return Stuck(
        row=part.rows[found.stuck], prefixes=prefixes, dropped_prefixes=found.dropped_prefixes
    )


def _share(
    history: History,
    model: Model[Any, Any, Any],
    parts: list[Part],
    limits: Limits,
    ask: Ask,
    executor: Callable[[], Executor],
    clock: _Clock,
) -> list[PartVerdict]:
    """Judge these parts in other processes, a batch at a time; the order of parts is kept."""
    left = clock.left_s()
    lent = Limits(
        steps=limits.steps,
        seconds=None if left is None else max(0.0, left),
        memory_mb=limits.memory_mb,
    )
    with executor() as pool:
        waiting: list[tuple[list[int], Future[Judgement]]] = []
        for batch in _batches(parts):
            rows = sorted(row for part in batch for row in part.rows)
            waiting.append((rows, pool.submit(_check_lent, history.only(rows), model, lent, ask)))
        verdicts = []
        for rows, future in waiting:
            verdicts += [_in_rows(part, rows) for part in future.result().parts]
            clock.finished(len(rows))
    return verdicts


def _check_lent(
    history: History, model: Model[Any, Any, Any], limits: Limits, ask: Ask
) -> Judgement:
    return check(history, model, limits=limits, ask=ask)


def _batches(parts: list[Part]) -> Iterator[list[Part]]:
    batch: list[Part] = []
    for part in parts:
        batch.append(part)
        if sum(len(one.rows) for one in batch) >= BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def _in_rows(part: PartVerdict, rows: list[int]) -> PartVerdict:
    """The same verdict, its rows those of the history that the batch was taken from."""

    def there(local: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(rows[row] for row in local)

    stuck = part.stuck
    if stuck is not None:
        prefixes = tuple(Prefix(there(p.order), p.state) for p in stuck.prefixes)
        stuck = replace(stuck, row=rows[stuck.row], prefixes=prefixes)
    order = None if part.order is None else there(part.order)
    return replace(part, order=order, refutation=there(part.refutation), stuck=stuck)
