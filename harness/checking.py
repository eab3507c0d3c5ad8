"""`zabtest check` and `zabtest shrink`: what do the files hold, and was it legal?"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from concurrent.futures import Executor
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
from checker.verdict import Judgement, Verdict, worst
from harness.telling import (
    EXPLAINED,
    Judged,
    as_json,
    bad_parts,
    core_lines,
    print_json,
    progress_of,
    say,
    tell,
)

WRONG_USAGE: Final = 2


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
            tell(one, page=request.html)
        judged.append(one)
    verdict = worst(one.judgement.verdict for one in judged)
    if request.json:
        print_json({"verdict": verdict, "files": [as_json(one) for one in judged]})
    return verdict.exit_status


def shrink_file(path: Path, out: Path | None, request: Request) -> int:
    """Write the core of an illegal history to a file of its own; the exit status."""
    from checker.formats import jsonl

    try:
        history, model, found = _read(path, request)
        with progress_of("judging") as progress:
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
        print_json({"calls": len(core), "of": len(rows_of(history, bad)), "core": str(target)})
    else:
        say(f"{len(core)} of {len(rows_of(history, bad)):,} calls are illegal by themselves:")
        for line in core_lines(history, model, core):
            say(line)
        say(f"Written to {target}.")
    return Verdict.INVALID.exit_status


def _judge(path: Path, request: Request) -> Judged:
    history, model, found = _read(path, request)
    limits = Limits(
        steps=DEFAULT_STEPS if request.steps is None else request.steps,
        seconds=request.seconds,
        memory_mb=request.memory_mb,
    )
    wants_order = request.verify or request.html is not None
    with progress_of("judging") as progress:
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
    with progress_of("finding the minimal core"):
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
    with no_collection(), progress_of("reading") as progress:
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
    for part in bad_parts(judgement)[:EXPLAINED]:
        if part.because and part.verdict is Verdict.INVALID:
            told[part.key] = Explanation(part.because, part.refutation)
        else:
            told[part.key] = explain(history, model, part)
    return told


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


def _pool(jobs: int | None) -> Callable[[], Executor] | None:
    """How to make other processes, if there may be any."""
    wanted = jobs or os.cpu_count() or 1
    if wanted == 1:
        return None

    def make() -> Executor:
        from concurrent.futures import ProcessPoolExecutor

        return ProcessPoolExecutor(wanted)

    return make


def _refuse(why: str) -> int:
    sys.stderr.write(f"zabtest: {why}\n")
    return WRONG_USAGE
