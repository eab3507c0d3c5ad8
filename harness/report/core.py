"""How does the checker draw the calls that are wrong by themselves?

Its own page shows one key's calls, the minimal core among them, with the states that a legal order
would go through. It is drawn for wrongs that are about the calls of one key.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import replace
from typing import Any, Final

from checker.check import Limits, check
from checker.explanation import Explanation
from checker.history import History
from checker.model import Model
from checker.models.zookeeper import LocalRead
from checker.page import render
from checker.verdict import Judgement, PartVerdict, Prefix, Stuck, Verdict
from workloads.workload import Finding, Wrong

MOST_KEYS: Final = 8
STEPS: Final = 200_000  # to find out where in a core an order ends; it is small
NOT_LINEARIZABLE: Final = "not linearizable"


def wrongs_of_one_key(history: History, findings: Sequence[Finding]) -> dict[Hashable, Wrong]:
    """For each key the first wrong that is about its calls alone."""
    found: dict[Hashable, Wrong] = {}
    for finding in findings:
        for wrong in finding.wrongs:
            keys = {history.key[row] for row in wrong.rows if 0 <= row < len(history)}
            if len(keys) == 1 and wrong.kind == NOT_LINEARIZABLE:
                found.setdefault(history.keys[keys.pop()], wrong)
    return dict(list(found.items())[:MOST_KEYS])


def page_of(
    history: History, model: Model[Any, Any, Any], findings: Sequence[Finding], title: str
) -> str | None:
    """The page, or None if no wrong is about one key."""
    wrongs = wrongs_of_one_key(history, findings)
    if not wrongs:
        return None
    local = [isinstance(deed.call, LocalRead) for deed in history.deeds]
    shown = [
        row
        for row, key in enumerate(history.key)
        if history.keys[key] in wrongs and not local[history.deed[row]]
    ]
    place = {row: number for number, row in enumerate(shown)}
    ours = history.only(shown)
    ours.notes = []
    parts, explanations = [], {}
    for key, wrong in wrongs.items():
        core = tuple(place[row] for row in sorted(wrong.rows) if row in place)
        calls = sum(ours.keys[number] == key for number in ours.key)
        explanations[key] = Explanation(wrong.because.removeprefix(f"key {key}: "), core)
        parts.append(
            PartVerdict(
                key=key,
                verdict=Verdict.INVALID,
                calls=calls,
                method="its minimal core",
                refutation=core,
                stuck=_stuck(ours, model, core),
            )
        )
    judgement = Judgement(verdict=Verdict.INVALID, parts=tuple(parts), calls=len(ours))
    return render(ours, judgement, model, title=title, explanations=explanations)


def _stuck(history: History, model: Model[Any, Any, Any], core: tuple[int, ...]) -> Stuck | None:
    """Which call of the core fits nowhere, and how far its legal orders go."""
    try:
        judged = check(history.only(core), model, limits=Limits(steps=STEPS))
    except Exception:  # a model that only knows its calls' words leaves the core as it is
        return None
    part = judged.worst_part
    if part is None or part.stuck is None:
        return None
    stuck = part.stuck
    prefixes = tuple(
        Prefix(tuple(core[row] for row in one.order), one.state) for one in stuck.prefixes
    )
    return replace(stuck, row=core[stuck.row], prefixes=prefixes)
