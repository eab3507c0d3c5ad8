"""Does what was drawn happen again when it is told?"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from checker.formats import jsonl
from checker.history import History
from harness.fault_notes import held_of
from harness.plan import Plan
from harness.running import Request
from harness.script import NANO, Cue, Held, Script
from harness.sim import smaller
from harness.sim.case import SYNCED, Case, bare_store, play
from harness.sim.retelling import by_the_clock, by_the_protocol, live, scripts
from harness.sim.rotation import Wishes, case_for
from harness.sim.running import run
from harness.store import StoredRun
from harness.worlds import Wanted
from nemesis.fault import Crash, Pause
from nemesis.plan import Moment
from workloads.names import workload
from workloads.workload import Ask


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


def last_fault(history: History) -> int:
    """When all are lifted."""
    (over,) = [one.time_ns for one in history.notes if one.f == "lift-all"]
    return over


@pytest.mark.parametrize(
    ("nemesis", "seed"),
    [
        ("kill", 2),
        ("kill", 3),
        ("phase", 1),
        ("phase", 2),
        ("partition", 1),
        ("client-link", 1),
        ("wipe", 1),
    ],
)
def test_what_is_told_happens_as_when_it_was_drawn(tmp_path: Path, nemesis: str, seed: int) -> None:
    wishes = Wishes(workload="set", nemeses=(nemesis,), time_s=12.0, rate=10.0)
    case = case_for(seed, wishes)
    drawn = played(case, tmp_path / "drawn")
    (told, *_) = scripts(case, drawn, ())
    over = last_fault(drawn)
    before = story(drawn, over)
    assert len(before) > 100
    assert any(what == "injected" for _, _, what in before), "nothing was broken so early"
    assert story(played(told, tmp_path / "told"), over) == before


@pytest.mark.parametrize(("nemesis", "seed"), [("flapping", 2), ("phase", 1), ("partition", 1)])
def test_faults_that_wait_for_the_protocol_come_when_they_came(
    tmp_path: Path, nemesis: str, seed: int
) -> None:
    case = case_for(seed, Wishes(workload="set", nemeses=(nemesis,), time_s=12.0, rate=10.0))
    lived = live(case)
    (told, *_) = scripts(case, lived.history, ())
    over = last_fault(lived.history)
    before = story(lived.history, over)
    by_clock, waiting = by_the_clock(told, lived), by_the_protocol(told, lived)
    for one, waits in ((by_clock, False), (waiting, True)):
        assert one.script is not None
        assert any(held.when is not None for held in one.script.held) is waits
        again = live(one)
        assert story(again.history, over) == before
    # And what waited for a node waits for it where it is another's part.
    (turned, *_) = smaller.under_other_names(waiting)
    assert turned.script is not None
    for held in turned.script.held:
        if held.when is not None:
            assert held.when.node in {n for fault in held.faults for n in smaller.nodes_of(fault)}


def test_what_a_fault_waits_for_may_come_sooner(tmp_path: Path) -> None:
    """Its moment is the protocol's: with less before it, it comes sooner, at the same point."""
    first = Held("kill", "n3", NANO, 2 * NANO, (Crash("n3"),))
    moment = Moment("n3", "joined", 1, 7 * NANO)
    second = Held("kill", "n3", 9 * NANO, 10 * NANO, (Crash("n3"),), moment)
    case = case_for(1, Wishes(workload="set", nemeses=("kill",), nodes=3))
    script = Script(parts=[[]], held=(first, second))
    lived = live(smaller.with_script(replace(case, calm=True, tape={}), script))
    injected = [one for one in lived.history.notes if one.f == "inject"]
    assert len(injected) == 2
    when = injected[1].value["when"]
    assert (when["node"], when["event"]) == ("n3", "joined")
    assert injected[1].time_ns < injected[0].time_ns + 4 * NANO
    mine = [event for event in lived.events if event.node == 3]
    (again,) = [at for at, one in enumerate(mine) if one.name == "begun" and one.facts["life"] == 3]
    assert mine[again - 1].mono_ns == injected[1].time_ns, "then it did nothing more"
    assert "joined" in {one.name for one in mine if one.mono_ns == injected[1].time_ns}


@pytest.mark.parametrize("at_ns", [1, NANO // 20, NANO // 5])
def test_nothing_waits_for_what_was_over_before_the_clients_began(at_ns: int) -> None:
    soon = Held("kill", "n3", at_ns, NANO, (Crash("n3"),))
    case = case_for(1, Wishes(workload="set", nemeses=("kill",), nodes=3))
    told = smaller.with_script(case, Script(parts=[[]], held=(soon,)))
    waiting = by_the_protocol(told, live(told))
    assert waiting.script is not None
    assert all(one.when is None or one.when.waited_ns > 0 for one in waiting.script.held)
    assert [one.f for one in live(waiting).history.notes if one.f == "inject"] == ["inject"]


def test_what_overlaps_itself_is_played_as_two(tmp_path: Path) -> None:
    held = [
        Held("kill", "one", NANO * at, NANO * (at + 3), (Crash(node),))
        for at, node in ((1, "n1"), (2, "n2"))
    ]
    case = case_for(1, Wishes(workload="set", nemeses=("kill",), nodes=5))
    told = smaller.with_script(case, Script(parts=[[]], held=held))
    lived = live(told)
    assert [one.nemesis for one in held_of(lived.history.notes, 0, ())] == ["kill", "kill"]
    assert told.plan.nemeses == ("kill", "kill 2")
    assert [one.f for one in lived.history.notes if one.f in ("inject", "lift")] == [
        "inject",
        "inject",
        "lift",
        "lift",
    ]


def test_a_replay_in_a_simulation_may_hold_two_of_a_kind_at_once(tmp_path: Path) -> None:
    held = [
        Held("pause", "one", NANO * at, NANO * (at + 3), (Pause(node),))
        for at, node in ((1, "n1"), (2, "n2"))
    ]
    ask = Ask("r1", workload("register").model.read_call("write", 1))
    script = Script(parts=[[Cue(NANO, ask)]], held=held)
    names = tuple(one.name for one in script.nemeses)
    plan = Plan(workload="register", nemeses=names, time_s=6.0, concurrency=1, enough=0)
    wanted = Wanted(on="sim", nodes=3)
    assert run(Request(plan=plan, wanted=wanted, store=tmp_path, json=True, script=script)) == 0
    path = (tmp_path / "latest").resolve()
    assert path.parent.name == "register-pause"
    assert StoredRun(path).played().faults.keys() == {"pause", "pause 2"}


def test_a_beginning_happens_as_the_whole_does(tmp_path: Path) -> None:
    case = case_for(3, Wishes(workload="set", nemeses=("kill",), time_s=12.0, rate=10.0))
    (told, *_) = scripts(case, played(case, tmp_path / "drawn"), ())
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
