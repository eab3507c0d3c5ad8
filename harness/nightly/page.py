"""What does a night look like on one page, which opens anywhere?"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from checker.page import look
from harness.nightly.matrix import Planned
from harness.nightly.night import Ran
from harness.nightly.summing import Sum, command

_HERE: Final = Path(__file__).parent


def page(whole: Sum) -> str:
    """The page, in one piece."""
    environment = Environment(
        loader=FileSystemLoader(_HERE), autoescape=True, undefined=StrictUndefined
    )
    rows: dict[tuple[str, str], list[tuple[Planned, Ran | None]]] = {}
    for number, one in enumerate(whole.planned):
        if not one.planted:
            rows.setdefault((one.workload, one.nemesis), []).append((one, whole.ran.get(number)))
    numbers = {id(one): number for number, one in enumerate(whole.planned)}
    planted = [(whole.planned[n], ran) for n, ran in whole.ran.items() if whole.planned[n].planted]
    return environment.get_template("page.html").render(
        whole=whole,
        counts=whole.counts,
        rows=rows,
        planted=planted,
        command=lambda one: command(whole, numbers[id(one)]),
        report=lambda ran: _report(whole.night.path, ran),
        runs=whole.night.path.parents[1] / "runs",
        style=Markup(look() + (_HERE / "page.css").read_text(encoding="utf-8")),
    )


def _report(folder: Path, ran: Ran) -> str:
    """Where the run's own page is, as seen from ours; empty, if there is none."""
    path = Path(ran.path) / "report.html"
    return os.path.relpath(path, folder) if ran.path and path.exists() else ""
