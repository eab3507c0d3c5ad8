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

FIRST = 70  # calls; later ones may come otherwise, for who has no more to ask does not come back


def played(case: Case, path: Path) -> History:
    store = bare_store(path, case)
    play(case, store)
    return jsonl.read(store.history, workload(case.plan.workload, SYNCED).model)


def story(history: History) -> list[tuple[int, int, str]]:
    """The first calls, and what the nemesis did among them; each at its nanosecond."""
    calls = sorted(zip(history.called, history.process, strict=True))[:FIRST]
    told = [(at, process, "call") for at, process in calls]
    last = calls[-1][0]
    mine = [one for one in history.notes if one.process == "nemesis" and one.f != "skipped"]
    told += [(one.time_ns, -1, one.f) for one in mine if one.time_ns <= last]
    return sorted(told)


@pytest.mark.parametrize(
    ("nemesis", "seed"), [("kill", 2), ("kill", 3), ("phase", 1), ("phase", 2)]
)
def test_what_is_told_happens_as_when_it_was_drawn(tmp_path: Path, nemesis: str, seed: int) -> None:
    wishes = Wishes(workload="set", nemeses=(nemesis,), time_s=12.0, rate=10.0)
    case = case_for(seed, wishes)
    drawn = played(case, tmp_path / "drawn")
    (told, *_) = smaller.scripts(case, drawn, ())
    before = story(drawn)
    assert any(what == "injected" for _, _, what in before), "nothing was broken so early"
    assert story(played(told, tmp_path / "told")) == before


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
