"""What is the least that fails for the same reason?

Rules of this file:
1. A smaller case is taken if it fails with the mark that was weightiest at first; what else it
   does is of no interest. If that leads to nothing small, the aim is the first promise that the
   nodes' own logs broke: it is nearer to the cause, and takes fewer calls to be seen.
2. First the run is told as a script, which happens as it was drawn, and that is made smaller. What
   does not come of it may come of another run that was small from the beginning, and fails with
   one of these marks: the smallest of all is taken.
3. The search ends with its budget, and what it has by then is a failure that was seen.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Final

from checker.verdict import Verdict
from harness.failures import marks_of
from harness.plan import nemesis_of
from harness.script import Cue, Held
from harness.sim import smaller
from harness.sim.case import Case
from harness.sim.glance import at_a_glance, burden
from harness.sim.quarry import results_of
from harness.sim.retelling import by_the_clock, by_the_protocol, live, scripts
from harness.sim.sketches import sketches
from harness.sim.trial import OTHER_SEEDS, Tell, Trial
from nemesis.fault import Fault
from workloads.workload import Ask

MORE_SEEDS: Final = 64  # at last, where that led to nothing small
_SHARE: Final = 0.3  # of what is left of the budget, for each beginning
_MOST: Final = 0.8  # the same for one that is a script, and so was made small before
_PROMISE: Final = "promises: "


class NothingWrong(ValueError):
    """It does not fail when it is played; the message is for the user."""


@dataclass(frozen=True, slots=True)
class Shrunk:
    """The smallest that was found, which fails with this mark."""

    case: Case
    mark: str
    tried: int


class Shrinker(Trial):
    """A search from one case."""

    def shrink(self) -> Shrunk:
        """One way after the other, until one leads to something small or time is up."""
        whole, ends = self.case, list[tuple[Case, str]]()
        for mark, case in self._begins(whole):
            self.case, self._mark, until = case, mark, self._until
            self._until = self._share(_SHARE if case.script is None else _MOST)
            self._passes()
            self._until = until
            ends.append((self.case, self._mark))
            if at_a_glance(self.case) or not self._time_left():
                break
        self.case, self._mark = min(ends, key=lambda one: burden(one[0]))
        return Shrunk(self.case, self._mark, self.tried)

    def _begins(self, whole: Case) -> Iterator[tuple[str, Case]]:
        """What is made smaller, and the mark to aim at: the run itself, and then others."""
        promises = [mark for mark in self._marks[1:] if mark.startswith(_PROMISE)]
        aims = (self._marks[0], *promises[:1])
        for mark in aims:
            yield mark, whole
        nemeses = dict.fromkeys(map(nemesis_of, self.case.plan.nemeses))
        for sketch in sketches(whole, tuple(nemeses)):
            if not self._time_left():
                return
            shown = self._shown(sketch)
            for mark in aims:
                if mark in shown:
                    self._tell("a small run", sketch)
                    yield mark, sketch
                    break

    def _passes(self) -> None:
        """On a script of the case, if one fails."""
        self._seeds = OTHER_SEEDS
        if not self._script():
            return
        while self._time_left():
            if self._round() or self._bold_round() or self._calmer():
                continue
            if at_a_glance(self.case) or self._seeds >= MORE_SEEDS or not self._time_left():
                return
            self._otherwise()
            self._seeds *= 2

    def _script(self) -> bool:
        """Whether the same calls and faults fail when they are told and not drawn."""
        if self.case.script is not None:
            return True
        lived = live(self.case)
        told = scripts(self.case, lived.history, lived.shown)
        seeds = [self._with_other_seeds(one) for one in told]
        return self._take_any("a script", chain.from_iterable(zip(*seeds, strict=True)))

    def _otherwise(self) -> bool:
        """Told by the clock where it was by the protocol, or the other way round."""
        assert self.case.script is not None
        clock = any(one.when is not None for one in self.case.script.held)
        told = (by_the_clock if clock else by_the_protocol)(self.case, live(self.case))
        return self._take_any("told otherwise", self._with_other_seeds(told))

    def _sooner_over(self) -> bool:
        helped = False
        while self._take_any("less time", smaller.beginnings(self.case)):
            helped = True
        return helped

    def _round(self) -> bool:
        """One of each pass; whether any of them helped."""
        passes = (
            self._sooner_over,
            self._fewer_last,
            self._fewer_nemeses,
            self._longer_faults,
            self._fewer_clients,  # before faults: what is asked is what a try costs
            self._fewer_faults,  # before calls: where many are left, more faults meet one
            self._sooner_over,
            self._fewer_calls,
            self._fewer_nodes,
        )
        return sum([one() for one in passes]) > 0  # all of them, not only the first that helps

    def _calmer(self) -> bool:
        # Who draws nothing is never lucky, and luck may still be needed to make it small.
        chance = at_a_glance(self.case) or self._seeds >= MORE_SEEDS
        return sum([chance and self._less_chance(), self._less_time()]) > 0

    def _bold_round(self) -> bool:
        """Whether fewer faults do where chance is another, or the nodes play each other's parts."""
        if not self.case.calm and self._fewer_faults(bold_down_to=1):
            return True
        if self._seeds > OTHER_SEEDS and self._fewer_calls(bold_down_to=1):
            return True
        return self._take_any("fewer faults", self._in_other_parts())

    def _in_other_parts(self) -> Iterator[Case]:
        assert self.case.script is not None
        held = list(self.case.script.held)
        if len(held) < 2:
            return
        ones = [[one] for one in held]
        without = [held[:place] + held[place + 1 :] for place in range(len(held))]
        for kept in (*ones, *without):
            yield from smaller.under_other_names(smaller.with_faults(self.case, kept))

    def _fewer_nemeses(self) -> bool:
        assert self.case.script is not None
        held = smaller.faults_of(self.case.script)
        names = list(dict.fromkeys(one.nemesis for one in held))

        def made(kept: Sequence[str]) -> Case:
            return smaller.with_faults(self.case, [one for one in held if one.nemesis in kept])

        return len(names) > 1 and self._fewer(names, made, "fewer nemeses", bold_down_to=1)

    def _longer_faults(self) -> bool:
        """What comes again and again is one fault where it lasts."""
        assert self.case.script is not None
        again = smaller.recurring(self.case.script)

        def made(kept: Sequence[Fault]) -> Case:
            return smaller.throughout(self.case, [one for one in again if one not in kept])

        return self._fewer(again, made, "longer faults", bold_down_to=max(1, len(again) // 2))

    def _fewer_faults(self, bold_down_to: int | None = None) -> bool:
        assert self.case.script is not None
        held = smaller.faults_of(self.case.script)

        def made(kept: Sequence[Held]) -> Case:
            return smaller.with_faults(self.case, kept)

        few = max(2, len(held) // 4)
        return self._fewer(held, made, "fewer faults", bold_down_to=bold_down_to or few)

    def _fewer_clients(self) -> bool:
        """At first none at all: much goes wrong in servers that nobody asks."""
        assert self.case.script is not None
        cues = smaller.cues_of(self.case.script)
        busy = sorted({place for place, _ in cues})

        def made(kept: Sequence[int]) -> Case:
            return smaller.with_cues(self.case, [one for one in cues if one[0] in kept])

        return self._fewer(busy, made, "fewer clients", bold_down_to=max(1, len(busy) // 2))

    def _fewer_calls(self, bold_down_to: int | None = None) -> bool:
        assert self.case.script is not None
        cues = smaller.cues_of(self.case.script)

        def made(kept: Sequence[tuple[int, Cue]]) -> Case:
            return smaller.with_cues(self.case, kept)

        few = max(2, len(cues) // 8)
        return self._fewer(cues, made, "fewer calls", bold_down_to=bold_down_to or few)

    def _fewer_last(self) -> bool:
        assert self.case.script is not None
        last = list(self.case.script.last)

        def made(kept: Sequence[Ask]) -> Case:
            return smaller.with_last(self.case, kept)

        return self._fewer(last, made, "fewer calls", bold_down_to=max(1, len(last)))

    def _fewer_nodes(self) -> bool:
        return any(
            self._take("fewer nodes", one)
            for case in smaller.on_three(self.case)
            for one in self._with_other_seeds(case)
        )

    def _less_chance(self) -> bool:
        return self._take_any("less chance", smaller.chances(self.case))

    def _less_time(self) -> bool:
        helped = False
        while self._take_any("less time", smaller.times(self.case)):
            helped = True
        return helped


def shrink(
    case: Case, budget_s: float, tell: Tell, clock: Callable[[], float] = time.monotonic
) -> Shrunk:
    """The smallest case that fails as this one does; `NothingWrong`, if it does not fail."""
    results = results_of(case)
    marks = marks_of(results.as_json())
    if results.verdict is not Verdict.INVALID or not marks:
        raise NothingWrong(f"played again it is {results.verdict}: there is nothing to shrink")
    return Shrinker(case, marks, budget_s, tell, clock).shrink()
