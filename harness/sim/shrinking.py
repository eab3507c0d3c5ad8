"""`zabtest shrink` of a simulated run: the smallest run that fails so, told as a story."""

from __future__ import annotations

import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from checker.verdict import Verdict
from harness.failures import marks_of
from harness.sim import smaller
from harness.sim.case import Case, play
from harness.sim.diagram import page
from harness.sim.quarry import calls_in
from harness.sim.shrink import NothingWrong, Shrunk, shrink
from harness.sim.stored import case_in, keep_script
from harness.sim.story import lines_of, story_of
from harness.store import StoredRun
from harness.telling import SIGNS, print_json, say

WRONG_USAGE: Final = 2
BUDGET_S: Final = 120.0


def shrink_run(path: Path, *, budget_s: float, root: Path | None, json: bool) -> int:
    """Search, leave what was found in the store, and tell it; the exit status."""
    original = StoredRun(path.resolve())
    began = time.monotonic()
    try:
        found = shrink(case_in(original), budget_s, _progress(began))
    except NothingWrong as nothing:
        sys.stderr.write(f"zabtest: {path}: {nothing}\n")
        return WRONG_USAGE
    store = kept(found, root or original.path.parent.parent, path)
    told = _told(found, store, time.monotonic() - began)
    if json:
        print_json(told)
    else:
        say(
            f"{SIGNS[Verdict.INVALID]} {told['mark']}: {told['calls']} calls and {told['faults']} "
            f"faults at {told['nodes']} nodes, after {found.tried} tries in {told['seconds']:.0f} s"
        )
        for line in lines_of(story_of(store)):
            say(f"  {line}")
        say(f"  {store.path}")
        say(f"  drawn in {store.path / 'story.html'}")
    return Verdict.INVALID.exit_status


def kept(found: Shrunk, root: Path, of: Path | str) -> StoredRun:
    """Played into the store, with its story beside it."""
    case = found.case
    store = StoredRun.create(root, case.plan, {**case.facts, "of": str(of), "mark": found.mark})
    keep_script(store, case)
    with store.held():
        results = play(case, store)
    assert found.mark in marks_of(results.as_json()), "the same case gives the same results"
    sentences = story_of(store)
    text = "".join(f"{line}\n" for line in lines_of(sentences))
    (store.path / "story.txt").write_text(text, encoding="utf-8")
    (store.path / "story.html").write_text(page(store, sentences, found.mark), encoding="utf-8")
    return store


def _told(found: Shrunk, store: StoredRun, seconds: float) -> dict[str, Any]:
    case = found.case
    return {
        "verdict": Verdict.INVALID,
        "mark": found.mark,
        "path": str(store.path),
        "calls": calls_in(store.played().counts),
        "faults": len(smaller.faults_of(case.script)) if case.script is not None else None,
        "nodes": case.conditions.nodes,
        "tried": found.tried,
        "seconds": round(seconds, 3),
        "plan": asdict(case.plan),
    }


def _progress(began: float, every_s: float = 2.0) -> Any:
    last = began

    def tell(what: str, case: Case) -> None:
        nonlocal last
        if time.monotonic() - last < every_s:
            return
        last = time.monotonic()
        size = f"{case.plan.time_s:.1f} s, {case.conditions.nodes} nodes"
        if case.script is not None:
            calls = sum(map(len, case.script.parts))
            size += f", {calls} calls, {len(smaller.faults_of(case.script))} faults"
        sys.stderr.write(f"{last - began:5.0f} s  {what}: {size}\n")

    return tell
