"""How is a simulated run kept, so that it can be played again from what it left?

`run.json` has the plan, the conditions and the bug; `tape.json` what was drawn; `script.json`, if
there is one, what clients and nemeses did instead of drawing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import msgspec

from checker.model import Model
from harness.plan import Plan
from harness.script import Cue, Held, Script
from harness.sim.case import SYNCED, Case
from harness.sim.conditions import Conditions
from harness.store import StoredRun, is_run
from nemesis.written import read, read_moment, written
from workloads.names import workload
from workloads.workload import Ask


def is_simulated(path: Path) -> bool:
    """Whether a simulated run left this folder."""
    return path.is_dir() and is_run(path) and "sim" in StoredRun(path).facts()


def case_in(store: StoredRun) -> Case:
    """What was played there; `ValueError` if a part of it cannot be read."""
    facts = store.facts()
    told = facts["sim"]
    known = {field.name for field in fields(Plan)}
    plan = Plan(**{name: value for name, value in facts["plan"].items() if name in known})
    tape = json.loads((store.path / "tape.json").read_bytes())
    script, path = None, store.path / "script.json"
    if path.exists():
        script = read_script(json.loads(path.read_bytes()), _model(plan))
    return Case(
        plan=plan,
        conditions=Conditions(**told["conditions"]),
        bug=facts["wanted"]["bug"],
        script=script,
        tape=tape,
        calm=told["calm"],
    )


def keep_script(store: StoredRun, case: Case) -> None:
    """Beside what else is known of the case."""
    if case.script is not None:
        said = written_script(case.script, _model(case.plan))
        text = msgspec.json.format(msgspec.json.encode(said), indent=2)
        (store.path / "script.json").write_bytes(text + b"\n")


def written_script(script: Script, model: Model[Any, Any, Any]) -> dict[str, Any]:
    """As an object of JSON."""

    def told(ask: Ask) -> dict[str, Any]:
        f, value = model.write_call(ask.call)
        return {"key": ask.key, "f": f, "value": value}

    return {
        "parts": [[{"at_ns": cue.at_ns, **told(cue.ask)} for cue in part] for part in script.parts],
        "held": [
            {**asdict(one), "faults": [written(fault) for fault in one.faults]}
            for one in script.held
        ],
        "last": [told(ask) for ask in script.last],
        "faults_ns": script.faults_ns,
    }


def read_script(said: Mapping[str, Any], model: Model[Any, Any, Any]) -> Script:
    """What was written."""

    def ask(told: Mapping[str, Any]) -> Ask:
        return Ask(told["key"], model.read_call(told["f"], _hashable(told["value"])))

    held: Sequence[Held] = [
        Held(
            **{
                **one,
                "faults": tuple(read(fault) for fault in one["faults"]),
                "when": read_moment(one.get("when")),
            }
        )
        for one in said["held"]
    ]
    return Script(
        parts=[[Cue(cue["at_ns"], ask(cue)) for cue in part] for part in said["parts"]],
        held=held,
        last=[ask(one) for one in said["last"]],
        faults_ns=said["faults_ns"],
    )


def _hashable(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _model(plan: Plan) -> Model[Any, Any, Any]:
    return workload(plan.workload, SYNCED).model
