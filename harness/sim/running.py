"""`zabtest run --on sim`: from the command line to a verdict, in no time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from harness.live import watched
from harness.observer import Observer
from harness.plan import Plan
from harness.running import Request, check_plan, created, left, tell
from harness.sim.case import KIND, TARGET, Case, case_of, play
from harness.sim.conditions import Conditions
from harness.store import StoredRun
from harness.worlds import CannotBeHad
from nemesis.registry import named
from target_node.bugs.bug import find


def run(
    request: Request,
    observer: Observer | None = None,
    telling: Callable[[StoredRun], int] | None = None,
) -> int:
    """Run it and tell it; the exit status, which is that of whoever tells.

    `CannotBeHad` if it cannot be, `NoNemesis` if a fault is not known.
    """
    case = case_of_request(request)
    store = created(request, case.plan, case.facts)
    view = watched(case.plan, store.nodes, json=request.json, observer=observer)
    with store.held(), view as watching:
        try:
            played_ns = round(play(case, store, watching).played.seconds * 1e9)
            if telling is not None:
                watching.phase("judged", played_ns)
                return telling(store)
            return tell([store], json=request.json, observer=watching)
        except KeyboardInterrupt:
            return left(store, json=request.json)


def case_of_request(request: Request) -> Case:
    """What was asked for."""
    wanted = request.wanted
    if wanted.target != TARGET:
        raise CannotBeHad(f"--on sim runs the target {TARGET} only, not {wanted.target}")
    script = request.script
    # A script's nemeses are its own: of one that did several things at once it has several.
    check(request.plan if script is None else replace(request.plan, nemeses=()), wanted.bug)
    case = case_of(request.plan, Conditions(nodes=wanted.nodes), wanted.bug)
    return replace(case, script=script, tape=request.tape)


def check(plan: Plan, bug: str | None) -> None:
    """Whether there are such a workload, such nemeses and such a bug."""
    check_plan(plan, KIND)
    named(",".join(plan.nemeses))
    if bug is not None:
        try:
            find(bug)
        except LookupError as problem:
            raise CannotBeHad(str(problem.args[0])) from None
