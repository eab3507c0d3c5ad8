"""Which facts of a run stand at the top and the end of the page, and how is it run again?"""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from checker.history import History
from checker.page import words
from harness.plan import Played
from harness.report.calls import ENDINGS, endings_of
from harness.report.picture import Picture


def facts_of(
    facts: Mapping[str, Any], played: Played, picture: Picture, history: History | None
) -> Sequence[tuple[str, str]]:
    """What one wants to know at a glance."""
    plan, wanted = facts["plan"], facts.get("wanted", {})
    told = []
    if history is not None:
        counts = [0] * len(ENDINGS)
        endings = endings_of(history)
        for deed in history.deed:
            counts[endings[deed]] += 1
        told.append(("calls", f"{len(history):,}"))
        told.append(("answered", f"{counts[0] + counts[1]:,}"))
        told.append(("failed", f"{counts[2]:,}"))
        told.append(("in doubt", f"{counts[3]:,}"))
    if plan.get("nemeses"):
        proven = sum(one.proven for one in picture.held)
        told.append(("faults", f"{len(picture.held):,}, {proven:,} proven"))
    if picture.roles.leads:
        epochs = [lead.epoch for lead in picture.roles.leads if lead.epoch is not None]
        behind = f", epoch {max(epochs)}" if epochs else ""
        changes = len(picture.roles.leads) - 1
        told.append(("changes of leader", f"{changes:,}{behind}"))
    target = f"{wanted.get('nodes', len(picture.nodes))} × {wanted.get('target', '?')}"
    told.append(("of what", f"{target}, {wanted.get('on', '?')}"))
    if played.seconds:
        told.append(("took", f"{played.seconds:,.0f} s"))
    return [(name, words.visible(fact, 80)) for name, fact in told]


def about_of(facts: Mapping[str, Any]) -> Sequence[tuple[str, str]]:
    """What was run, and where."""
    host, plan = facts.get("host", {}), facts["plan"]
    told = [
        ("zabtest", f"{facts.get('zabtest', '?')}, commit {facts.get('commit') or 'unknown'}"),
        ("Python", str(facts.get("python", "?"))),
        ("on", f"{host.get('name', '?')}, {host.get('cores', '?')} cores"),
        ("system", str(host.get("system", "?"))),
        ("synced reads are judged as", str(facts.get("synced", "?"))),
        *((name.replace("_", " "), _value(value)) for name, value in plan.items()),
    ]
    return [(words.visible(name, 60), words.visible(value, 200)) for name, value in told]


def _value(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def command_of(facts: Mapping[str, Any]) -> Sequence[str]:
    """What makes such a run again, with its seed; each option with its value."""
    plan, wanted = facts["plan"], facts.get("wanted", {})
    told = {"workload": plan["workload"], "nemesis": ",".join(map(str, plan.get("nemeses", ())))}
    told["time"] = f"{plan['time_s']:g}"
    told |= {name: wanted.get(name) for name in ("on", "target", "nodes", "hosts", "bug")}
    told["concurrency"] = plan["concurrency"]
    told["rate"] = f"{plan['rate']:g}" if plan.get("rate") else None
    told["seed"] = plan["seed"]
    options = [
        shlex.join([f"--{name}", str(value)])
        for name, value in told.items()
        if value not in (None, "", [])
    ]
    options += [shlex.join(["--plugin", str(path)]) for path in wanted.get("plugins", ())]
    return ["zabtest run", *options]
