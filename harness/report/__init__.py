"""What did a run look like?

`report.html` says it, the verdict first, and stands in the run's directory. It opens anywhere: its
style, its script and its data are inside, and its own policy forbids it to fetch anything or to run
any script but that one. What a run has stored only ever reaches it as text.

Rules of this file: all of it is drawn from what is stored, so that drawing it again changes no
byte.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from os import sep
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from checker.check import no_collection
from checker.formats import jsonl
from checker.formats.event import HistoryError
from checker.history import History
from checker.model import Model
from checker.page import HEADLINES as _OF_A_HISTORY
from checker.page import SIGNS, fingerprint, inside_script, look, words
from checker.verdict import Verdict
from harness.plan import Results
from harness.report.calls import table_of
from harness.report.core import page_of
from harness.report.headline import about_of, command_of, facts_of
from harness.report.picture import picture_of
from harness.report.reasons import headline, passed, reasons_of
from harness.store import StoredRun
from workloads.names import workload
from workloads.workload import Synced

__all__ = ["CORE", "REPORT", "draw"]

REPORT: Final = "report.html"
CORE: Final = "core.html"
SCRIPTS: Final = ("view.js", "bands.js", "measures.js", "calls.js", "hands.js")
SHOWN_REASONS: Final = 2  # the others are a touch away
HEADLINES: Final = {**_OF_A_HISTORY, Verdict.INVALID: "Invalid"}


def draw(run: StoredRun, results: Results, history: History | None = None) -> Path:
    """Write the report, and beside it the checker's page of a minimal core if there is one."""
    named, run = run.path, StoredRun(run.path.resolve())
    facts = run.facts()
    plan = facts["plan"]
    model = _model(plan["workload"], facts.get("synced"))
    warnings: list[str] = []
    if model is None:
        warnings.append(f"Nobody here knows the workload {plan['workload']}: no call is drawn.")
    elif history is None:
        history = _read(run, model, warnings)
    core = (
        None
        if history is None or model is None
        else page_of(history, model, results.findings, f"{run.path.parent.name}/{run.path.name}")
    )
    if core is None:
        (run.path / CORE).unlink(missing_ok=True)
    else:
        _write(run.path / CORE, core)
    if history is not None:
        warnings += history.warnings
    for folder in (named, run.path):  # which way the folder was named is no matter of the run
        warnings = [told.replace(f"{folder}{sep}", "") for told in warnings]
    target = run.path / REPORT
    _write(target, _page(run, facts, results, history, model, warnings, core=core is not None))
    return target


def _model(name: str, synced: str | None) -> Model[Any, Any, Any] | None:
    """How the calls of this workload are told; None if nobody here knows it."""
    try:
        return workload(name, Synced(synced or Synced.LINEARIZABLE)).model
    except KeyError:
        return None


def _read(run: StoredRun, model: Model[Any, Any, Any], warnings: list[str]) -> History | None:
    try:
        with no_collection():
            return jsonl.read(run.history, model)
    except (HistoryError, OSError) as failure:
        warnings.append(f"The history cannot be read, so nothing of it is drawn: {failure}")
        return None


def _write(target: Path, page: str) -> None:
    unfinished = target.with_name(f".{target.name}")
    unfinished.write_text(page, encoding="utf-8")
    unfinished.replace(target)


def _page(
    run: StoredRun,
    facts: Mapping[str, Any],
    results: Results,
    history: History | None,
    model: Model[Any, Any, Any] | None,
    warnings: list[str],
    *,
    core: bool,
) -> str:
    name = f"{run.path.parent.name}/{run.path.name}"
    reasons = reasons_of(results, history, model, run.path)
    wrong = {one.number: [line.row for line in one.calls] for one in reasons if one.calls}
    played = results.played
    places = facts["plan"].get("concurrency", 1)
    picture = picture_of(run.path, played.logs, history, model, wrong, places)
    calls = 0 if history is None else len(history)
    judges, gates = passed(results)
    style, script = look() + _own("page.css"), _script()
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    environment.filters["duration"] = words.duration
    return environment.from_string(_own("page.html")).render(
        title=words.visible(name, 200),
        verdict=results.verdict.value,
        headline=HEADLINES[results.verdict],
        sign=SIGNS[results.verdict],
        summary=headline(results, reasons, calls),
        facts=facts_of(facts, played, picture, history),
        command=[words.visible(part, 400) for part in command_of(facts)],
        repeats=facts.get("wanted", {}).get("on") == "sim",
        bug=words.visible(str(facts.get("wanted", {}).get("bug") or ""), 80),
        warnings=[words.visible(one, 400) for one in warnings[:20]],
        reasons=reasons,
        shown_reasons=SHOWN_REASONS,
        core=CORE if core else "",
        judges=judges,
        gates=[words.visible(gate.name, 120) for gate in gates],
        table=[] if history is None or model is None else table_of(history, model),
        picture=picture,
        tally=sorted(played.faults.items()),
        about=about_of(facts),
        style=Markup(style),
        script=Markup(script),
        style_hash=fingerprint(style),
        script_hash=fingerprint(script),
        data=inside_script(picture.data),
    )


def _script() -> str:
    """All parts in one function, so that none of its names is anybody else's."""
    return '"use strict";\n(() => {\n' + "\n".join(_own(name) for name in SCRIPTS) + "})();\n"


def _own(name: str) -> str:
    return files(__name__).joinpath(name).read_text(encoding="utf-8")
