"""How is a judged file told: on a terminal, to a program, and while it takes long?"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from checker.explanation import Explanation
from checker.history import History
from checker.model import Model
from checker.outcome import ANYTHING, Ok
from checker.verdict import Judgement, PartVerdict, Verdict

EXPLAINED: Final = 5
"""How many bad keys of a file are explained; of the others only their number is told."""
SIGNS: Final = {Verdict.VALID: "✓", Verdict.INVALID: "✗", Verdict.INCONCLUSIVE: "?"}


@dataclass(frozen=True, slots=True)
class Judged:
    """One file, judged and explained."""

    path: Path
    history: History
    model: Model[Any, Any, Any]
    judgement: Judgement
    explanations: dict[Any, Explanation]
    verified: bool


def bad_parts(judgement: Judgement) -> list[PartVerdict]:
    """The parts that are not valid, invalid ones first."""
    bad = [part for part in judgement.parts if part.verdict is not Verdict.VALID]
    return sorted(bad, key=lambda part: part.verdict is not Verdict.INVALID)


def tell(judged: Judged, *, page: Path | None) -> None:
    """Say it on the terminal, the verdict first."""
    judgement, history = judged.judgement, judged.history
    keys = len(judgement.parts)
    methods = sorted({part.method for part in judgement.parts})
    say(
        f"{SIGNS[judgement.verdict]} {judgement.verdict}  {judged.path}  "
        f"{len(history):,} calls, {keys:,} {'key' if keys == 1 else 'keys'}, "
        f"{judgement.seconds:.2f} s ({', '.join(methods) or 'nothing to judge'})"
    )
    for warning in judgement.warnings:
        say(f"  note: {warning}")
    if judged.verified:
        say("  the order found was verified independently")
    for part in bad_parts(judgement)[:EXPLAINED]:
        explanation = judged.explanations[part.key]
        of = "" if part.key is None else f"key {part.key}: "
        say(f"  {of}{explanation.sentence}")
        for line in core_lines(history, judged.model, explanation.core):
            say(f"  {line}")
    more = len(bad_parts(judgement)) - EXPLAINED
    if more > 0:
        say(f"  and {more:,} more keys that are not valid")
    if page is not None:
        say(f"  drawn in {page}")
    elif judgement.verdict is Verdict.INVALID:
        say(f"  to see it: zabtest check {judged.path} --html why.html")


def core_lines(
    history: History, model: Model[Any, Any, Any], core: tuple[int, ...]
) -> Iterator[str]:
    """The calls of a core, a line each."""
    for row in core[:EXPLAINED_CALLS]:
        call, outcome = history.deeds[history.deed[row]]
        said = model.tell(call, outcome.result if isinstance(outcome, Ok) else ANYTHING)
        began, ended = history.called[row], history.returned[row]
        if history.has_times:
            until = f"{ended / 1e6:.3f} ms" if isinstance(outcome, Ok) else "no answer"
            span = f"{began / 1e6:.3f} ms – {until}"
        else:
            span = f"events {began + 1} – {ended + 1 if isinstance(outcome, Ok) else 'no answer'}"
        yield f"  p{history.process[row]:<4} {said:32} {span}"
    if len(core) > EXPLAINED_CALLS:
        yield f"  and {len(core) - EXPLAINED_CALLS:,} more calls"


EXPLAINED_CALLS: Final = 20


def as_json(judged: Judged) -> dict[str, Any]:
    """One file's verdict, for a program."""
    judgement = judged.judgement
    return {
        "path": str(judged.path),
        "verdict": judgement.verdict,
        "model": judged.model.name,
        "calls": judgement.calls,
        "seconds": round(judgement.seconds, 6),
        "warnings": list(judgement.warnings),
        "verified": judged.verified,
        "keys": [_part_as_json(part, judged) for part in judgement.parts],
    }


def _part_as_json(part: PartVerdict, judged: Judged) -> dict[str, Any]:
    told: dict[str, Any] = {
        "key": None if part.key is None else str(part.key),
        "verdict": part.verdict,
        "calls": part.calls,
        "method": part.method,
        "steps": part.steps,
    }
    explanation = judged.explanations.get(part.key)
    if explanation is not None:
        told |= {"sentence": explanation.sentence, "core": list(explanation.core)}
    if part.stuck is not None:
        told["stuck"] = part.stuck.row
    if part.verdict is Verdict.INCONCLUSIVE:
        told |= {"because": part.because, "reached": round(part.reached, 4)}
    return told


QUIET_S: Final = 2.0
"""For how long a progress bar would only flicker."""


@contextmanager
def progress_of(doing: str) -> Iterator[Callable[[float], None] | None]:
    """Show how far it is, on a terminal, once it takes long enough to wonder."""
    if not sys.stderr.isatty():
        yield None
        return
    started = time.monotonic()
    bar: Any = None
    task: Any = None

    def show(share: float) -> None:
        nonlocal bar, task
        if bar is None:
            if time.monotonic() - started < QUIET_S:
                return
            from rich.console import Console
            from rich.progress import Progress

            bar = Progress(console=Console(stderr=True), transient=True)
            bar.start()
            task = bar.add_task(doing, total=1.0)
        bar.update(task, completed=share)

    try:
        yield show
    finally:
        if bar is not None:
            bar.stop()


def say(line: str) -> None:
    """Print one line for a person."""
    sys.stdout.write(line + "\n")


def print_json(told: dict[str, Any]) -> None:
    """Print the one object that a program reads."""
    import msgspec

    sys.stdout.write(msgspec.json.encode(told).decode() + "\n")
    sys.stdout.flush()  # the command may stay, as with an ensemble that is kept
