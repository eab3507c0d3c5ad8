"""What was each node, from when to when, and who led in which epoch?

By their own logs, where there are such; else by what they answered once a second.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from checker.history import Note
from harness.invariants.events import Event
from harness.report.faults import Held, down
from harness.report.logs import Log

SERVING: Final = {
    "leader": "leading",
    "follower": "following",
    "observer": "observing",
    "read-only": "read-only",
}

BEFORE_START: Final = frozenset({"configuration", "listening", "mended", "accepted"})


@dataclass(frozen=True, slots=True)
class Stint:
    """For a while a node was the same: leading, following, observing, read-only, joining, looking,
    down, or, seen from outside only, not serving.
    """

    node: str
    role: str
    from_ns: int
    until_ns: int
    epoch: int | None = None


@dataclass(frozen=True, slots=True)
class Lead:
    """Somebody began to lead."""

    time_ns: int
    node: str
    epoch: int | None = None


@dataclass(frozen=True, slots=True)
class Roles:
    """All stints of all nodes, and everybody who led, each in order of time."""

    stints: Sequence[Stint]
    leads: Sequence[Lead]
    from_outside: Sequence[str]
    """The nodes of which only answers are known."""


def roles_of(
    nodes: Sequence[str],
    logs: Mapping[str, Log],
    notes: Iterable[Note],
    held: Sequence[Held],
    end_ns: int,
) -> Roles:
    """What there was until this moment."""
    seen = [
        (note.time_ns, {str(n): str(role) for n, role in note.value.items()})
        for note in notes
        if note.process == "run" and note.f == "roles" and isinstance(note.value, dict)
    ]
    downs = down(held)
    stints: list[Stint] = []
    leads: list[Lead] = []
    for node in nodes:
        if node in logs:
            made = _from_inside(node, logs[node], downs.get(node, ()), end_ns)
        else:
            made = _from_outside(node, seen, end_ns)
        stints += made
        leads += [Lead(one.from_ns, node, one.epoch) for one in made if one.role == "leading"]
    leads.sort(key=lambda lead: (lead.time_ns, lead.node))
    return Roles(stints, leads, [node for node in nodes if node not in logs])


def _from_inside(node: str, log: Log, downs: Sequence[Held], end_ns: int) -> Sequence[Stint]:
    changes: list[tuple[int, str, int | None]] = []
    for time_ns, event in log.events:
        told = _told(event)
        if told is not None:
            changes.append((time_ns, *told))
    starts = [time_ns for time_ns, event in log.events if event.name == "started"]
    for one in downs:
        again = next((start for start in starts if start > one.from_ns), end_ns)
        # It may have written for a moment after we began to kill it; and the next one listens
        # before it says that it has started.
        its = (at for at, event in log.events if at < again and event.name not in BEFORE_START)
        last = max(its, default=one.from_ns)
        changes.append((min(max(one.from_ns, last + 1), again), "down", None))
    changes.sort(key=lambda change: change[0])
    return _stints(node, changes, end_ns)


def _told(event: Event) -> tuple[str, int | None] | None:
    """What the node is from this line on, and in which epoch; None if that does not change."""
    epoch = event.facts.get("epoch")
    match event.name:
        case "started" | "looking" | "leaving" | "not_serving":
            return "looking", None
        case "elected":
            return "joining", None
        case "established":
            return "leading", epoch
        case "serving":
            return SERVING.get(str(event.facts.get("role")), "joining"), epoch
        case "halt" | "cannot_start":
            return "down", None
        case _:
            return None


def _from_outside(
    node: str, seen: Sequence[tuple[int, Mapping[str, str]]], end_ns: int
) -> Sequence[Stint]:
    changes: list[tuple[int, str, int | None]] = [
        (time_ns, SERVING.get(roles.get(node, ""), "not serving"), None) for time_ns, roles in seen
    ]
    return _stints(node, changes, end_ns)


def _stints(
    node: str, changes: Sequence[tuple[int, str, int | None]], end_ns: int
) -> Sequence[Stint]:
    """One after the other; what says the same as before is no change.

    A node may go on when the run does not: what it does then is of no run.
    """
    changes = [change for change in changes if change[0] <= end_ns]
    made: list[Stint] = []
    for number, (from_ns, role, epoch) in enumerate(changes):
        until_ns = changes[number + 1][0] if number + 1 < len(changes) else end_ns
        if made and (made[-1].role, made[-1].epoch) == (role, epoch):
            made[-1] = Stint(node, role, made[-1].from_ns, until_ns, epoch)
        else:
            made.append(Stint(node, role, from_ns, until_ns, epoch))
    return made
