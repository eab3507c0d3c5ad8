"""`zabtest check` and `zabtest shrink`: what do the files say, and how is it told?"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from checker.check import DEFAULT_STEPS, Ask, Limits, check, no_collection
from checker.core import minimal_core, rows_of
from checker.explanation import Explanation
from checker.formats.detect import read_history
from checker.formats.event import HistoryError
from checker.history import History
from checker.model import Model
from checker.outcome import ANYTHING, Ok
from checker.verdict import Judgement, PartVerdict, Verdict, worst

WRONG_USAGE: Final = 2
EXPLAINED: Final = 5
"""How many bad keys of a file are explained; of the others only their number is told."""
SIGNS: Final = {Verdict.VALID: "✓", Verdict.INVALID: "✗", Verdict.INCONCLUSIVE: "?"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What was asked for on the command line."""

    model: str | None = None
    format: str | None = None
    failed: str | None = None
    keyed: bool | None = None
    html: Path | None = None
    json: bool = False
    verify: bool = False
    steps: int | None = None
    seconds: float | None = None
    memory_mb: int | None = None
    jobs: int | None = None


class Refusal(Exception):
    """The command cannot do what was asked; the message is for the user."""


@dataclass(frozen=True, slots=True)
class Judged:
    """One file, judged and explained."""

    path: Path
    history: History
    model: Model[Any, Any, Any]
    judgement: Judgement
    explanations: dict[Any, Explanation]
    verified: bool


def check_files(paths: list[Path], request: Request) -> int:
    """Judge each file and tell it; the exit status."""
    if request.html is not None and len(paths) > 1:
        return _refuse("--html draws one history; give one file, or leave --html out")
    judged = []
    for path in paths:
        try:
            one = _judge(path, request)
            if request.html is not None:
                _draw(one, request.html)
        except (HistoryError, Refusal) as error:
            return _refuse(str(error))
        if not request.json:
            _tell(one, request)
        judged.append(one)
    verdict = worst(one.judgement.verdict for one in judged)
    if request.json:
        _print_json({"verdict": verdict, "files": [_as_json(one) for one in judged]})
    return verdict.exit_status


def shrink_file(path: Path, out: Path | None, request: Request) -> int:
    """Write the core of an illegal history to a file of its own; the exit status."""
    from checker.formats import jsonl

    try:
        history, model, found = _read(path, request)
        with _progress("judging") as progress:
            judgement = check(history, model, progress=progress)
        bad = judgement.worst_part
        if judgement.verdict is not Verdict.INVALID or bad is None:
            raise Refusal(f"{found}: the history is {judgement.verdict}; there is no core to write")
        core = minimal_core(history, model, bad)
        target = out or found.with_suffix(".core.jsonl")
        jsonl.write(target, history.only(core), model)
    except (HistoryError, Refusal) as error:
        return _refuse(str(error))
    except OSError as error:
        return _refuse(f"{error.filename}: cannot be written ({error.strerror})")
    if request.json:
        _print_json({"calls": len(core), "of": len(rows_of(history, bad)), "core": str(target)})
    else:
        _say(f"{len(core)} of {len(rows_of(history, bad)):,} calls are illegal by themselves:")
        for line in _core_lines(history, model, core):
            _say(line)
        _say(f"Written to {target}.")
    return Verdict.INVALID.exit_status


def _judge(path: Path, request: Request) -> Judged:
    history, model, found = _read(path, request)
    limits = Limits(
        steps=DEFAULT_STEPS if request.steps is None else request.steps,
        seconds=request.seconds,
        memory_mb=request.memory_mb,
    )
    wants_order = request.verify or request.html is not None
    with _progress("judging") as progress:
        if model.name == "zookeeper":
            judgement = _by_contract(history, limits, request)
        else:
            judgement = check(
                history,
                model,
                limits=limits,
                ask=Ask(order=wants_order),
                executor=_pool(request.jobs),
                progress=progress,
            )
    verified = request.verify and judgement.verdict is Verdict.VALID
    if verified and model.name != "zookeeper":
        _verify(found, history, model, judgement)
    with _progress("finding the minimal core"):
        explanations = _explanations(history, model, judgement)
    return Judged(found, history, model, judgement, explanations, verified)


def _by_contract(history: History, limits: Limits, request: Request) -> Judgement:
    """Judge a history with local reads by what ZooKeeper promises of them."""
    from checker.contract import check_contract

    started = time.monotonic()
    steps = min(limits.steps, CONTRACT_STEPS) if request.steps is None else limits.steps
    try:
        part = check_contract(history, max_steps=steps, certify=request.verify)
    except ValueError as error:
        raise Refusal(f"{history.source}: {error}") from None
    return Judgement(
        verdict=part.verdict,
        parts=(part,),
        calls=len(history),
        seconds=time.monotonic() - started,
        warnings=tuple(history.warnings),
    )


CONTRACT_STEPS: Final = 1_000_000


def _read(path: Path, request: Request) -> tuple[History, Model[Any, Any, Any], Path]:
    """The history at this path, which may be a run's folder."""
    found = path / "history.jsonl" if path.is_dir() else path
    with no_collection(), _progress("reading") as progress:
        history, model = read_history(
            found,
            request.model,
            request.format,
            request.failed,
            keyed=request.keyed,
            progress=progress,
        )
    return history, model, found


def _verify(
    path: Path, history: History, model: Model[Any, Any, Any], judgement: Judgement
) -> None:
    """Have every part's order checked by the independent verifier."""
    from checker.certificate import complaint

    for part in judgement.parts:
        rows = rows_of(history, part)
        place = {row: i for i, row in enumerate(rows)}
        order = [place[row] for row in part.order or ()]
        wrong = complaint([history[row] for row in rows], model, order)
        if wrong:
            raise Refusal(f"{path}: the order found for key {part.key!r} is no proof: {wrong}")


def _explanations(
    history: History, model: Model[Any, Any, Any], judgement: Judgement
) -> dict[Any, Explanation]:
    """A sentence for every part that is not valid, the first few with their cores."""
    from checker.explain import explain

    told: dict[Any, Explanation] = {}
    for part in _bad(judgement)[:EXPLAINED]:
        if part.because and part.verdict is Verdict.INVALID:
            told[part.key] = Explanation(part.because, part.refutation)
        else:
            told[part.key] = explain(history, model, part)
    return told


def _bad(judgement: Judgement) -> list[PartVerdict]:
    """The parts that are not valid, invalid ones first."""
    bad = [part for part in judgement.parts if part.verdict is not Verdict.VALID]
    return sorted(bad, key=lambda part: part.verdict is not Verdict.INVALID)


def _draw(judged: Judged, out: Path) -> None:
    from checker.page import render

    page = render(
        judged.history,
        judged.judgement,
        judged.model,
        title=str(judged.path),
        explanations=judged.explanations,
    )
    try:
        out.write_text(page, encoding="utf-8")
    except OSError as error:
        raise Refusal(f"{out}: cannot be written ({error.strerror})") from None


def _tell(judged: Judged, request: Request) -> None:
    """Say it on the terminal, the verdict first."""
    judgement, history = judged.judgement, judged.history
    keys = len(judgement.parts)
    methods = sorted({part.method for part in judgement.parts})
    _say(
        f"{SIGNS[judgement.verdict]} {judgement.verdict}  {judged.path}  "
        f"{len(history):,} calls, {keys:,} {'key' if keys == 1 else 'keys'}, "
        f"{judgement.seconds:.2f} s ({', '.join(methods) or 'nothing to judge'})"
    )
    for warning in judgement.warnings:
        _say(f"  note: {warning}")
    if judged.verified:
        _say("  the order found was verified independently")
    for part in _bad(judgement)[:EXPLAINED]:
        explanation = judged.explanations[part.key]
        of = "" if part.key is None else f"key {part.key}: "
        _say(f"  {of}{explanation.sentence}")
        for line in _core_lines(history, judged.model, explanation.core):
            _say(f"  {line}")
    more = len(_bad(judgement)) - EXPLAINED
    if more > 0:
        _say(f"  and {more:,} more keys that are not valid")
    if request.html is not None:
        _say(f"  drawn in {request.html}")
    elif judgement.verdict is Verdict.INVALID:
        _say(f"  to see it: zabtest check {judged.path} --html why.html")


def _core_lines(
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


def _as_json(judged: Judged) -> dict[str, Any]:
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


def _pool(jobs: int | None) -> Callable[[], Executor] | None:
    """How to make other processes, if there may be any."""
    wanted = jobs or os.cpu_count() or 1
    if wanted == 1:
        return None

    def make() -> Executor:
        from concurrent.futures import ProcessPoolExecutor

        return ProcessPoolExecutor(wanted)

    return make


QUIET_S: Final = 2.0
"""For how long a progress bar would only flicker."""


@contextmanager
def _progress(doing: str) -> Iterator[Callable[[float], None] | None]:
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


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")


def _print_json(told: dict[str, Any]) -> None:
    import msgspec

    sys.stdout.write(msgspec.json.encode(told).decode() + "\n")


def _refuse(why: str) -> int:
    sys.stderr.write(f"zabtest: {why}\n")
    return WRONG_USAGE
