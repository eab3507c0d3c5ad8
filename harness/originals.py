"""What is to be played again, and how do we know its failure when we see it again?

Either what a run left: its plan, its seed and its tape. Or any history: a script of its calls and
faults.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any, Final

from checker.formats import jsonl
from checker.formats.detect import read_history
from checker.history import History
from harness.failures import marks_of
from harness.fault_notes import not_understood
from harness.judging import heard, judge
from harness.plan import Plan
from harness.plugins import load
from harness.running import Request
from harness.script import NANO, Script
from harness.scripting import WORKLOAD_OF, script_of, seconds_of
from harness.store import StoredRun, is_run
from harness.worlds import Wanted, target_of
from workloads.names import workload

MOST_ENOUGH: Final = 10


class CannotReplay(ValueError):
    """There is nothing that could be played again; the message is for the user."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What was asked for on the command line; None leaves it as it was."""

    times: int = 1
    store: Path | None = None
    json: bool = False
    target: str | None = None
    nodes: int | None = None
    bug: str | None = None
    plugins: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Original:
    """What is to be played again, and by which marks its failure is known."""

    request: Request
    marks: tuple[str, ...]
    left_out: Sequence[str] = ()
    """What its nemesis did that nobody here can do again."""


def original(path: Path, asked: Asked) -> Original:
    """What is to be played; whatever is wrong with it is told by an exception."""
    if not path.exists():
        raise CannotReplay(f"{path}: there is no such file or folder")
    folder = (path if path.is_dir() else path.parent).resolve()
    facts = _facts(folder) if is_run(folder) else None
    if path.is_dir() and facts is None:
        raise CannotReplay(f"{path}: no run left this folder: there is no run.json in it")
    wanted = _wanted(facts, asked)
    load(wanted.plugins)
    store = asked.store or (folder.parent.parent if facts else Path("store"))
    if facts is not None and path.is_dir() and not facts.get("scripted"):
        stored = StoredRun(folder)
        plan, tape = _plan(facts), _tape(folder)
        results, _ = judge(stored)
        request = Request(plan=plan, wanted=wanted, store=store, tape=tape, facts=_of(path))
        return Original(request, marks_of(results.as_json()))
    return _scripted(folder / "history.jsonl" if path.is_dir() else path, facts, wanted, store)


def _scripted(file: Path, facts: Mapping[str, Any] | None, wanted: Wanted, store: Path) -> Original:
    history, model = _history(file, facts)
    target = target_of(wanted.target)
    name = WORKLOAD_OF.get(model, model)
    nodes = tuple(f"n{number}" for number in range(1, wanted.nodes + 1))
    script = script_of(history, model, target.synced, nodes)
    plan = replace(
        _plan(facts) if facts is not None else Plan(),
        workload=name,
        nemeses=tuple(one.name for one in script.nemeses),
        time_s=max(1.0, seconds_of(script) + 0.5),
        first_fault_s=script.faults_ns / NANO,
        concurrency=len(script.parts),
        rate=0.0,
        pace=1.0,
        enough=_enough(script, name),
    )
    request = Request(
        plan=plan,
        wanted=wanted,
        store=store,
        script=script,
        facts={**_of(file), "scripted": True},
    )
    judges = workload(name, target.synced).judges()
    left_out = not_understood(history.notes)
    findings = [heard(name, of_history, history) for name, of_history in judges.items()]
    return Original(request, marks_of({"findings": [asdict(one) for one in findings]}), left_out)


def _history(file: Path, facts: Mapping[str, Any] | None) -> tuple[History, str]:
    """The history, and the name of its model."""
    if facts is None:
        history, model = read_history(file)
        return history, model.name
    name = facts["plan"]["workload"]
    try:
        return jsonl.read(file, workload(name).model), name
    except KeyError:
        raise CannotReplay(f"{file}: nobody here knows the workload {name!r}") from None
    except OSError as problem:
        raise CannotReplay(f"{file}: cannot be read ({problem.strerror})") from None


def _enough(script: Script, name: str) -> int:
    """As many calls of a kind as may be expected in each phase."""
    model = workload(name).model
    counts: dict[tuple[str, bool], int] = {}
    for part in script.parts:
        for cue in part:
            kind, _ = model.write_call(cue.ask.call)
            for late in (False, True):
                counts.setdefault((kind, late), 0)
            counts[kind, bool(script.held) and cue.at_ns >= script.faults_ns] += 1
    phases = (False, True) if script.held else (False,)
    return min([MOST_ENOUGH, *(n // 2 for (_, late), n in counts.items() if late in phases)])


def _facts(folder: Path) -> Mapping[str, Any]:
    file = folder / "run.json"
    try:
        facts: Mapping[str, Any] = json.loads(file.read_bytes())
        _plan(facts)
        return facts
    except OSError as problem:
        raise CannotReplay(f"{file}: cannot be read ({problem.strerror})") from None
    except (ValueError, TypeError, KeyError, AttributeError):
        raise CannotReplay(f"{file}: this is not what a run writes") from None


def _plan(facts: Mapping[str, Any]) -> Plan:
    known = {field.name for field in fields(Plan)}
    said = {name: value for name, value in facts["plan"].items() if name in known}
    return Plan(**{**said, "nemeses": tuple(said["nemeses"])})


def _wanted(facts: Mapping[str, Any] | None, asked: Asked) -> Wanted:
    known = {field.name for field in fields(Wanted)}
    said = {name: value for name, value in (facts or {}).get("wanted", {}).items() if name in known}
    said = {
        name: tuple(value) if isinstance(value, list) else value for name, value in said.items()
    }
    of_asked = {
        "target": asked.target,
        "nodes": asked.nodes,
        "bug": asked.bug,
        "plugins": asked.plugins or None,
    }
    return Wanted(**{**said, **{k: v for k, v in of_asked.items() if v is not None}})


def _tape(folder: Path) -> Mapping[str, Sequence[int]]:
    """What was drawn; of a run that died there is none, and its seed draws the same."""
    file = folder / "tape.json"
    try:
        tape: Mapping[str, Sequence[int]] = json.loads(file.read_bytes())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError):
        raise CannotReplay(f"{file}: this is not what a run writes") from None
    return tape


def _of(path: Path) -> Mapping[str, Any]:
    return {"replayed": str(path)}
