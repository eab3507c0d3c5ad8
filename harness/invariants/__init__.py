"""Did the nodes' own logs keep ZAB's promises?"""

from __future__ import annotations

from collections.abc import Iterable

from harness.invariants.events import Event, Unreadable, parse, read
from harness.invariants.many_nodes import Together
from harness.invariants.one_node import Course
from harness.invariants.promises import Promise, Violation

__all__ = ["Event", "Promise", "Unreadable", "Violation", "broken", "parse", "read"]


def broken(events: Iterable[Event]) -> tuple[Violation, ...]:
    """The first violation of each promise by each node.

    Events of one node come in the order of its log; those of different nodes in any. Logs of nodes
    that are still at it are to be cut at one moment: what is in one of them may rest on another.
    """
    found: dict[tuple[Promise, int], Violation] = {}

    def report(promise: Promise, sentence: str, event: Event) -> None:
        found.setdefault((promise, event.node), Violation(promise, sentence, (event,)))

    courses: dict[int, Course] = {}
    together = Together(courses, report)
    for event in events:
        course = courses.get(event.node)
        if course is None:
            course = courses[event.node] = Course(event.node, report)
        course.see(event)
        together.see(event, course)
    together.end()
    return tuple(found.values())
