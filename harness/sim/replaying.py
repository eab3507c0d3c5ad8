"""`zabtest replay` of a simulated run: the same bytes once more?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import zip_longest
from pathlib import Path
from typing import Any

from harness.failures import marks_of
from harness.originals import Asked
from harness.sim.case import play
from harness.sim.stored import case_in, keep_script
from harness.store import StoredRun
from harness.telling import SIGNS, print_json, say


def replay(path: Path, asked: Asked) -> int:
    """Play it again into the store, and tell whether it was the same; the exit status."""
    original = StoredRun(path.resolve())
    case = case_in(original)
    same_case = asked.nodes in (None, case.conditions.nodes) and asked.bug in (None, case.bug)
    if not same_case:
        nodes = asked.nodes or case.conditions.nodes
        conditions = replace(case.conditions, nodes=nodes)
        case = replace(case, conditions=conditions, bug=asked.bug or case.bug)
    root = asked.store or original.path.parent.parent
    store = StoredRun.create(root, case.plan, {**case.facts, "of": str(path)})
    keep_script(store, case)
    with store.held():
        results = play(case, store)
    differs = list(_differences(original, store)) if same_case else []
    marks = marks_of(results.as_json())
    told: dict[str, Any] = {
        "of": str(path),
        "path": str(store.path),
        "verdict": results.verdict,
        "marks": marks,
        "same": same_case and not differs,
    }
    if asked.json:
        print_json({**told, "differs": differs})
        return results.verdict.exit_status
    if asked.times > 1:
        say(f"  played once, not {asked.times} times: a simulated run is always the same")
    say("  ".join([f"{SIGNS[results.verdict]} {results.verdict}", str(store.path), *marks[:1]]))
    if same_case:
        say("  the same history and tape, byte for byte" if not differs else f"  {differs[0]}")
    return results.verdict.exit_status


def _differences(first: StoredRun, second: StoredRun) -> Iterator[str]:
    """Which lines of which files are not the same."""
    for name in ("history.jsonl", "tape.json"):
        with (first.path / name).open("rb") as one, (second.path / name).open("rb") as other:
            for number, (was, now) in enumerate(zip_longest(one, other), 1):
                if was != now:
                    commit = first.facts().get("commit", "")
                    yield f"{name} differs from line {number} on: it was made by commit {commit}"
                    break
