"""What was done in a run, as a script of which nothing is drawn any more?

The faults of a script come by the clock, or by the protocol: so long after a node did something for
which it is known. By the clock all happens as it did, as long as nothing is left out; by the
protocol a fault meets the same moment also where that comes sooner or later, or at another node's
pace.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from checker.formats import jsonl
from checker.history import History
from harness.fault_notes import held_of
from harness.invariants import Event
from harness.script import NANO, Cue, Held, Script
from harness.sim.case import SYNCED, Case
from harness.sim.quarry import played
from harness.sim.smaller import nodes_of, with_script
from harness.sim.story import events_of
from nemesis.fault import Node
from nemesis.plan import Moment
from workloads.names import workload
from workloads.workload import Ask

MILESTONES: Final = frozenset(
    {
        "started",
        "looking",
        "elected",
        "accepted_epoch",
        "promised",
        "joined",
        "entering",
        "synchronising",
        "truncated",
        "snapshot_installed",
        "snapshot_taken",
        "current_epoch",
        "established",
        "up_to_date",
        "serving",
        "leaving",
        "learner_gone",
    }
)
"""What a node does seldom. Txns are none: they come and go with the calls."""
_NEAR_NS: Final = NANO  # behind a milestone, for a fault to have to do with it
_WATCH_NS: Final = 3 * NANO  # before it, at most, one begins to look out for it
_Milestones = Mapping[Node, Sequence[tuple[int, str]]]


@dataclass(frozen=True, slots=True)
class Lived:
    """What came of a case: its history, what its nodes wrote down, and the rows that were shown."""

    history: History
    events: Sequence[Event]
    shown: Sequence[int]


def live(case: Case) -> Lived:
    """Play it."""
    with played(case) as (results, store):
        history = jsonl.read(store.history, workload(case.plan.workload, SYNCED).model)
        rows = {row for one in results.findings for wrong in one.wrongs for row in wrong.rows}
        return Lived(history, events_of(store), sorted(rows))


def scripts(case: Case, history: History, shown: Sequence[int]) -> Iterator[Case]:
    """The same faults and calls at the same times.

    First only the calls that the judges showed, and then all of the keys of these.
    """
    rows = range(len(history))
    keys = frozenset(history.key[row] for row in shown)
    if shown:
        yield _scripted(case, history, shown)
        yield _scripted(case, history, [row for row in rows if history.key[row] in keys])
    yield _scripted(case, history, rows)
    yield _scripted(case, history, ())


def _scripted(case: Case, history: History, rows: Sequence[int]) -> Case:
    plan, began = case.plan, _began(history)
    ends = [note.time_ns for note in history.notes if note.value == "last calls"]
    over = ends[0] if ends else max(history.called, default=0) + 1
    parts: list[list[Cue]] = [[] for _ in range(plan.concurrency)]
    last: dict[Ask, None] = {}
    for row in sorted(rows, key=history.called.__getitem__):
        ask = Ask(str(history.keys[history.key[row]]), history.deeds[history.deed[row]].call)
        if history.called[row] >= over:
            last.setdefault(ask)
        else:
            place = history.process[row] % plan.concurrency
            parts[place].append(Cue(max(0, history.called[row] - began), ask))
    script = Script(parts=parts, held=_held(case, history), last=tuple(last))
    return with_script(replace(case, tape=None), script)


def by_the_protocol(case: Case, lived: Lived) -> Case:
    """A script whose faults wait for what nodes do, wherever one came soon behind that."""
    assert case.script is not None, "it has a script"
    began = _began(lived.history)
    done: dict[Node, list[tuple[int, str]]] = {}
    for event in lived.events:
        if event.name in MILESTONES and event.mono_ns > began:  # none waits for what was before
            # All clocks of a simulation begin together, and these are never set.
            done.setdefault(f"n{event.node}", []).append((event.mono_ns - began, event.name))
    held = [_anchored(one, done) for one in _held(case, lived.history)]
    return with_script(case, replace(case.script, held=held))


def by_the_clock(case: Case, lived: Lived) -> Case:
    """A script whose faults come when they came."""
    assert case.script is not None, "it has a script"
    held = [replace(one, when=None) for one in _held(case, lived.history)]
    return with_script(case, replace(case.script, held=held))


def _held(case: Case, history: History) -> Sequence[Held]:
    """What began at once begins in its order: a nanosecond apart."""
    nodes = tuple(f"n{number}" for number in range(1, case.conditions.nodes + 1))
    held: list[Held] = []
    for one in held_of(history.notes, _began(history), nodes):
        from_ns = max(one.from_ns, held[-1].from_ns + 1) if held else one.from_ns
        when = one.when
        if when is not None:
            when = replace(when, delay_ns=when.delay_ns + from_ns - one.from_ns)
        held.append(replace(one, from_ns=from_ns, when=when))
    return held


def _began(history: History) -> int:
    """When the clients began to work."""
    return next(
        note.time_ns
        for note in history.notes
        if (note.process, note.f, note.value) == ("run", "phase", "load")
    )


def _anchored(held: Held, done: _Milestones) -> Held:
    """To the last milestone before it of those whom it strikes."""
    nodes = {node for fault in held.faults for node in nodes_of(fault)}
    latest: tuple[int, Node, str, Sequence[tuple[int, str]]] | None = None
    for node in sorted(nodes):
        known = done.get(node, ())
        if place := bisect_right(known, held.from_ns, key=lambda one: one[0]):
            at_ns, name = known[place - 1]
            if latest is None or at_ns > latest[0]:
                latest = at_ns, node, name, known[: place - 1]
    if latest is None or held.from_ns - latest[0] > _NEAR_NS:
        return replace(held, when=None)
    at_ns, node, name, before = latest
    same = [at for at, other in before if other == name and at < at_ns]
    since_ns = max(0, at_ns - _WATCH_NS, *((at + at_ns) // 2 for at in same[-1:]))
    moment = Moment(node, name, 1, at_ns - since_ns, held.from_ns - at_ns)
    return replace(held, when=moment)
