"""What does the page draw over time, and what does it list beside it?"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from checker.history import ABSENT_NS, History, Note
from checker.model import Model
from checker.page import words
from harness.report.calls import MICRO, Drawn, columns, drawn
from harness.report.clocks import clocks_of
from harness.report.faults import Held, at_whom, cut, faults_of, paused
from harness.report.logs import Bounds, bounds_of, logs_of
from harness.report.nodes import Roles, roles_of
from nemesis.fault import Packets, Partition, Slow

_PARTS: Final = re.compile(r"([0-9]{1,9})")
MOST_FAULTS: Final = 1_500
MOST_STINTS: Final = 4_000
MOST_MATRICES: Final = 24
MOST_NODES_OF_A_MATRIX: Final = 12
MOST_PHASES: Final = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A fault as the list has it."""

    kind: str
    whom: str
    wanted: str
    when: str
    lasted: str
    became: str
    evidence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Matrix:
    """Who could not reach whom: `cut[a][b]` from a to b."""

    when: str
    words: str
    nodes: Sequence[str]
    cut: Sequence[Sequence[bool]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """All that is drawn or listed, and what had to be left out."""

    data: Mapping[str, Any]
    nodes: Sequence[str]
    roles: Roles
    held: Sequence[Held]
    faults: Sequence[Told]
    matrices: Sequence[Matrix]
    calls: Drawn
    clocks_by: str
    sure_ms: float
    left_out: Sequence[str]


def picture_of(
    root: Path,
    sizes: Mapping[str, int],
    history: History | None,
    model: Model[Any, Any, Any] | None,
    wrong: Mapping[int, Sequence[int]],
    places: int,
) -> Picture:
    """Of the run in this directory. `wrong` are the rows that each reason speaks of."""
    notes: Sequence[Note] = () if history is None else history.notes
    held = faults_of(notes)
    timed = history if history is not None and history.has_times and model is not None else None
    bounds = bounds_of(timed, model) if timed is not None and model is not None else Bounds({}, {})
    logs = logs_of(root, sizes, bounds)
    end_ns = _end(history)
    nodes = _nodes(history, notes, held, [*logs])
    roles = roles_of(nodes, logs, notes, held, end_ns)
    rows = sorted({row for some in wrong.values() for row in some})
    kept = Drawn((), ()) if timed is None else drawn(timed, rows)
    number = {node: place for place, node in enumerate(nodes)}
    clocks, clocks_by = clocks_of(logs, held, end_ns)
    place_of = {row: place for place, row in enumerate(kept.rows)}
    data: dict[str, Any] = {
        "end": end_ns // MICRO,
        "nodes": [words.visible(node, 30) for node in nodes],
        "phases": _phases(notes),
        "faults": [_drawn_fault(one, nodes) for one in held[:MOST_FAULTS]],
        "stints": [
            [number[s.node], s.role, s.from_ns // MICRO, s.until_ns // MICRO, s.epoch]
            for s in roles.stints[:MOST_STINTS]
        ],
        "leads": [
            [lead.time_ns // MICRO, number[lead.node], lead.epoch]
            for lead in roles.leads[:MOST_STINTS]
        ],
        "paused": [
            [number[node], one.from_ns // MICRO, (one.until_ns or end_ns) // MICRO]
            for node, one in paused(held)
            if node in number
        ],
        "clocks": [
            [words.visible(node, 30), [[at // MICRO, ms] for at, ms in clock]]
            for node, clock in clocks.items()
        ],
        "wrong": [[n, [place_of[row] for row in some]] for n, some in wrong.items() if kept.rows],
        "every": list(kept.every),
        "calls": None
        if timed is None or model is None
        else columns(timed, model, kept.rows, max(places, 1), end_ns),
    }
    parted = [one for one in held if isinstance(one.fault, Partition | Slow | Packets)]
    return Picture(
        data=data,
        nodes=nodes,
        roles=roles,
        held=held,
        faults=[_told(one, nodes, end_ns) for one in held[:MOST_FAULTS]],
        matrices=[_matrix(one, nodes) for one in parted[:MOST_MATRICES]]
        if len(nodes) <= MOST_NODES_OF_A_MATRIX
        else (),
        calls=kept,
        clocks_by=clocks_by,
        sure_ms=max((log.sure_ns for log in logs.values()), default=0) / 1e6,
        left_out=list(_left_out(held, roles, kept, history, len(parted))),
    )


def _end(history: History | None) -> int:
    if history is None:
        return 0
    last = [max(history.called, default=0), max(history.returned, default=0)]
    return max(*last, max((note.time_ns for note in history.notes), default=0), 1)


def _nodes(
    history: History | None, notes: Sequence[Note], held: Sequence[Held], logged: Sequence[str]
) -> Sequence[str]:
    """All that are named anywhere, n2 before n10."""
    found = set(logged)
    for note in notes:
        if note.f == "roles" and isinstance(note.value, dict):
            found.update(map(str, note.value))
    for one in held:
        match one.fault:
            case Partition(links) | Slow(links) | Packets(links):
                found.update(node for link in links for node in link)
            case other:
                found.add(other.node)
    if history is not None:
        found.update(node for node in history.details.get("node", ()) if node)
    return sorted(found, key=_in_order)


def _in_order(name: str) -> list[tuple[int, str]]:
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in _PARTS.split(name)]


def _phases(notes: Sequence[Note]) -> Sequence[tuple[str, int]]:
    told = [n for n in notes if n.process == "run" and n.f == "phase"]
    return [(words.visible(str(n.value), 30), n.time_ns // MICRO) for n in told[:MOST_PHASES]]


def _drawn_fault(one: Held, nodes: Sequence[str]) -> Sequence[Any]:
    until = None if one.until_ns is None else one.until_ns // MICRO
    return [
        one.kind,
        words.visible(at_whom(one.fault, nodes), 120),
        words.visible(one.aim, 40),
        one.from_ns // MICRO,
        until,
        one.became,
    ]


def _told(one: Held, nodes: Sequence[str], end_ns: int) -> Told:
    until = end_ns if one.until_ns is None else one.until_ns
    ended = "to the end" if one.until_ns is None else f"{until / 1e9:,.2f} s"
    return Told(
        kind=one.kind,
        whom=words.visible(at_whom(one.fault, nodes), 200),
        wanted=words.visible(f"{one.nemesis}: {one.aim}" if one.aim else one.nemesis, 80),
        when=f"{one.from_ns / 1e9:,.2f} – {ended}",
        lasted=words.duration(max(until - one.from_ns, 0)),
        became=one.became,
        evidence=words.visible("; ".join(one.evidence) or "nobody looked", 240),
    )


def _matrix(one: Held, nodes: Sequence[str]) -> Matrix:
    assert isinstance(one.fault, Partition | Slow | Packets), "only links make a matrix"
    links = one.fault.links
    until = "the end" if one.until_ns is None else f"{one.until_ns / 1e9:,.1f} s"
    slow = {Slow: "slowed: ", Packets: "packets: "}.get(type(one.fault), "")
    return Matrix(
        when=f"{one.from_ns / 1e9:,.1f} – {until}",
        words=words.visible(slow + cut(links, nodes), 120),
        nodes=nodes,
        cut=[[(a, b) in links for b in nodes] for a in nodes],
    )


def _left_out(
    held: Sequence[Held],
    roles: Roles,
    kept: Drawn,
    history: History | None,
    parted: int,
) -> Sequence[str]:
    """What a reader might miss otherwise."""
    told = []
    if history is not None and kept.rows and len(kept.rows) < len(history):
        told.append(
            f"{len(kept.rows):,} of {len(history):,} calls are drawn: all that a finding speaks "
            "of, and a regular share of the others. Rates and the table count all of them."
        )
    if history is not None and not history.has_times:
        told.append("The history has no times that can be believed, so no call is drawn.")
    if len(held) > MOST_FAULTS:
        told.append(f"{MOST_FAULTS:,} of {len(held):,} faults are drawn and listed, the first.")
    if len(roles.stints) > MOST_STINTS:
        told.append(f"{MOST_STINTS:,} of {len(roles.stints):,} changes of roles are drawn.")
    if parted > MOST_MATRICES:
        told.append(f"{MOST_MATRICES} of {parted:,} partitions are drawn as a table, the first.")
    absent = 0 if history is None else sum(ns == ABSENT_NS for ns in history.returned)
    if absent:
        told.append(f"{words.count(absent, 'call')} had no end when the history broke off.")
    return told
