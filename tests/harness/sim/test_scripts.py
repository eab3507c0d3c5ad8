"""Does what was drawn happen again when it is told?"""

from __future__ import annotations

from pathlib import Path

import pytest

from checker.formats import jsonl
from checker.history import History
from harness.script import NANO
from harness.sim import smaller
from harness.sim.case import SYNCED, Case, bare_store, play
from harness.sim.rotation import Wishes, case_for
from workloads.names import workload


def played(case: Case, path: Path) -> History:
    store = bare_store(path, case)
    play(case, store)
    return jsonl.read(store.history, workload(case.plan.workload, SYNCED).model)


def story(history: History, until_ns: int) -> list[tuple[int, int, str]]:
    """All calls, and what the nemesis did, before this; each at its nanosecond."""
    calls = zip(history.called, history.process, strict=True)
    told = [(at, process, "call") for at, process in calls if at < until_ns]
    mine = [one for one in history.notes if one.process == "nemesis" and one.f != "skipped"]
    told += [(one.time_ns, -1, one.f) for one in mine if one.time_ns < until_ns]
    return sorted(told)


@pytest.mark.parametrize(
    ("nemesis", "seed"),
    [("kill", 2), ("kill", 3), ("phase", 1), ("phase", 2), ("partition", 1), ("client-link", 1)],
)
def test_what_is_told_happens_as_when_it_was_drawn(tmp_path: Path, nemesis: str, seed: int) -> None:
    wishes = Wishes(workload="set", nemeses=(nemesis,), time_s=12.0, rate=10.0)
    case = case_for(seed, wishes)
    drawn = played(case, tmp_path / "drawn")
    (told, *_) = smaller.scripts(case, drawn, ())
    (over,) = [one.time_ns for one in drawn.notes if one.f == "lift-all"]
    before = story(drawn, over)
    assert len(before) > 100
    assert any(what == "injected" for _, _, what in before), "nothing was broken so early"
    assert story(played(told, tmp_path / "told"), over) == before


def test_a_beginning_happens_as_the_whole_does(tmp_path: Path) -> None:
    case = case_for(3, Wishes(workload="set", nemeses=("kill",), time_s=12.0, rate=10.0))
    (told, *_) = smaller.scripts(case, played(case, tmp_path / "drawn"), ())
    whole = played(told, tmp_path / "whole")
    for number, cut in enumerate(smaller.beginnings(told)):
        assert cut.script is not None
        ends = [cue.at_ns for _, cue in smaller.cues_of(cut.script)]
        began = min(whole.called) - min(ends)
        less = played(cut, tmp_path / f"cut{number}")
        calls = [at for at in whole.called if at < began + max(ends)]
        assert sorted(less.called)[: len(calls)] == sorted(calls)
        assert cut.plan.time_s < told.plan.time_s
        assert all(one.until_ns <= max(ends) + NANO for one in cut.script.held)
