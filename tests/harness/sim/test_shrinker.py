"""Does the search for the least find it, where what fails is known beforehand?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import islice

import pytest

from harness.plan import Plan
from harness.script import NANO, Cue, Held, Script
from harness.sim import smaller
from harness.sim.case import Case
from harness.sim.conditions import Conditions
from harness.sim.glance import at_a_glance
from harness.sim.rotation import CUNNING
from harness.sim.shrink import Shrinker
from harness.sim.sketches import sketches
from nemesis.fault import Crash, Fault, Pause
from workloads.register import Register
from workloads.workload import Ask

CLIENTS, CALLS, FAULTS = 5, 12, 20
Fails = Callable[[Case, str], bool]


def whole() -> Case:
    """Sixty calls and twenty faults, each unlike all others by its time."""
    calls = [call for f, value in (("read", None), ("write", 3)) for call in (_call(f, value),)]
    parts = [
        [
            Cue(NANO * (1 + number) + place, Ask(f"r{place}", calls[number % 2]))
            for number in range(CALLS)
        ]
        for place in range(CLIENTS)
    ]
    held = [
        Held("kill" if number % 2 else "pause", "one", NANO * number, NANO * (number + 1), (fault,))
        for number in range(FAULTS)
        for fault in [(Crash if number % 2 else Pause)(f"n{1 + number % 5}")]
    ]
    plan = Plan(workload="register", nemeses=("kill",), time_s=30.0, concurrency=CLIENTS)
    case = Case(plan=plan, conditions=Conditions(nodes=5))
    return smaller.with_script(case, Script(parts=parts, held=held))


def _call(f: str, value: object) -> object:
    return Register().model.read_call(f, value)


class Known(Shrinker):
    """A search in which nothing is played."""

    def __init__(self, fails: Fails, marks: tuple[str, ...], budget: int = 2000) -> None:
        self.fails = fails
        super().__init__(whole(), marks, budget, lambda what, case: None, lambda: self.tried)
        self.tried = 0

    tried = 0

    def _shown(self, case: Case) -> Sequence[str]:
        self.tried += 1
        if case.script is None:
            return ()
        return [mark for mark in self._marks if self.fails(case, mark)]

    def _otherwise(self) -> bool:
        return False


def keys_of(case: Case) -> set[str]:
    assert case.script is not None
    return {str(cue.ask.key) for _, cue in smaller.cues_of(case.script)}


def faults_of(case: Case) -> list[str]:
    assert case.script is not None
    return sorted(str(one.faults[0]) for one in smaller.faults_of(case.script))


def needs_two_and_a_crash(case: Case, mark: str) -> bool:
    return {"r1", "r4"} <= keys_of(case) and any("Crash" in one for one in faults_of(case))


def test_what_matters_is_left_and_nothing_else() -> None:
    found = Known(needs_two_and_a_crash, ("a", "b")).shrink()
    assert found.case.script is not None
    assert found.mark == "a"
    assert keys_of(found.case) == {"r1", "r4"}
    assert len(smaller.cues_of(found.case.script)) == 2
    assert [one.partition("(")[0] for one in faults_of(found.case)] == ["Crash"]
    assert at_a_glance(found.case)
    assert found.case.plan.time_s < 5


@pytest.mark.parametrize("marks", [("seen", "promises: kept"), ("seen", "else", "promises: kept")])
def test_where_the_first_mark_takes_much_the_promise_is_aimed_at(marks: tuple[str, ...]) -> None:
    def fails(case: Case, mark: str) -> bool:
        assert case.script is not None
        much = len(smaller.cues_of(case.script)) > 40
        return much if mark == "seen" else mark == "promises: kept"

    found = Known(fails, marks).shrink()
    assert found.mark == "promises: kept"
    assert at_a_glance(found.case)


def test_without_a_promise_the_mark_stays() -> None:
    def fails(case: Case, mark: str) -> bool:
        assert case.script is not None
        return len(smaller.cues_of(case.script)) > 40

    found = Known(fails, ("seen", "else")).shrink()
    assert found.mark == "seen"
    assert found.case.script is not None
    assert len(smaller.cues_of(found.case.script)) == 41


def test_the_search_ends_with_its_budget() -> None:
    found = Known(needs_two_and_a_crash, ("a",), budget=7).shrink()
    assert found.tried <= 7
    assert needs_two_and_a_crash(found.case, "a")


def spans_of(case: Case, fault: Fault) -> list[tuple[int, int]]:
    assert case.script is not None
    every = smaller.faults_of(case.script)
    return [(one.from_ns, one.until_ns) for one in every if one.faults[0] == fault]


@pytest.mark.parametrize(("lifted", "faults"), [(False, 1), (True, 2)])
def test_what_comes_again_is_one_fault_where_it_may_last(lifted: bool, faults: int) -> None:
    def fails(case: Case, mark: str) -> bool:
        spans = spans_of(case, Crash("n2"))
        begins, ends = [one for one, _ in spans], [one for _, one in spans]
        lasts = bool(spans) and max(ends) - min(begins) > 10 * NANO
        return lasts and (not lifted or len(spans) > 1)

    found = Known(fails, ("a",)).shrink()
    assert faults_of(found.case) == [str(Crash("n2"))] * faults
    assert fails(found.case, "a")


def test_sketches_are_small_and_their_seed_decides_them() -> None:
    drawn = [list(islice(sketches(whole(), ("clock",)), 200)) for _ in range(2)]
    assert drawn[0] == drawn[1]
    another = replace(whole(), plan=replace(whole().plan, seed=1))
    assert next(sketches(another, ("clock",))).plan.seed != drawn[0][0].plan.seed
    plans = [one.plan for one in drawn[0]]
    assert len({plan.seed for plan in plans}) == len(plans)
    assert {name for plan in plans for name in plan.nemeses} == {"clock", *CUNNING}
    for one in drawn[0]:
        assert one.script is None
        assert one.plan.time_s * one.plan.rate <= 100
        assert one.plan.concurrency == 3
        assert 1 <= len(one.plan.nemeses) <= 2


class Sketched(Known):
    """One in so many small runs fails, and a few of its calls are what matters."""

    def _shown(self, case: Case) -> Sequence[str]:
        if case.script is None:
            self.tried += 1
            return ["promises: kept"] if not case.plan.seed % 7 else []
        return super()._shown(case)

    def _script(self) -> bool:
        if self.case.script is None:
            script = whole().script
            assert script is not None
            few = Script(parts=script.parts[:1], held=script.held[:2])
            self.case = smaller.with_script(self.case, few)
        return True


def test_what_does_not_become_small_is_looked_for_in_small_runs() -> None:
    def fails(case: Case, mark: str) -> bool:
        assert case.script is not None
        if mark == "seen":
            return len(smaller.cues_of(case.script)) > 40
        return bool(smaller.cues_of(case.script)) and case.plan.seed % 7 == 0

    found = Sketched(fails, ("seen", "promises: kept")).shrink()
    assert found.mark == "promises: kept"
    assert at_a_glance(found.case)
    assert found.case.plan.seed % 7 == 0
