"""Do the logs of several nodes agree with each other?

What was committed in which epoch is told by leaders, by whoever serves, and by what an established
leader began with. A promise about the past is kept or broken by epochs, and not by clocks: what
is committed in an epoch binds every later one.
"""

from __future__ import annotations

from dataclasses import dataclass

from harness.invariants.events import Event, epoch_of, first_of, show
from harness.invariants.memory import Marks, Runs
from harness.invariants.one_node import Course
from harness.invariants.promises import Promise, Report

_HEX_DIGITS = 13  # of a chain's hash; more than we remember


@dataclass(frozen=True, slots=True)
class _Removal:
    gone: Runs
    epoch: int  # whose leader wanted it
    event: Event


class Together:
    """Sees every event behind the `Course` of its node; `end` once all are seen."""

    def __init__(self, courses: dict[int, Course], report: Report) -> None:
        self._courses = courses
        self._report = report
        self._txns = Marks()  # applied
        self._proposals = Marks()
        self._chains: dict[int, Marks] = {}  # by the zxid that they begin behind
        self._applied = Runs()
        self._first_applied: dict[int, Event] = {}  # by epoch
        self._proposed = Runs()
        self._leaders: dict[int, dict[int, Event]] = {}  # established, by epoch and sid
        self._expected: dict[int, int] = {}  # who leads, as those who follow say, by epoch
        self._joined: set[tuple[int, int]] = set()  # who, which epoch
        self._committed: dict[int, Runs] = {}  # by the epoch in which it was
        self._acked: dict[int, Runs] = {}  # by node, as leaders say
        self._acks: dict[int, Event] = {}  # by node, the last such line
        self._removals: list[_Removal] = []
        self._entries: list[Event] = []
        self._services: list[Event] = []

    def see(self, event: Event, course: Course) -> None:
        """What this means to others; `course` knows of it already."""
        facts = event.facts
        match event.name:
            case "applied":
                self._see_applied(event, course)
            case "proposed":
                zxid = facts["zxid"]
                self._proposed.add(zxid)
                self._compare(self._proposals, event, facts["txn"], "proposed")
                self._contrast(self._txns, event, facts["txn"], "proposed", "applied")
            case "committed":
                self._see_committed(event, course)
            case "history":
                self._compare_chain(event)
            case "established":
                self._see_established(event, course)
            case "promised":
                self._expected[facts["epoch"]] = facts["leader"]
            case "entering":
                self._entries.append(event)
            case "current_epoch":
                self._joined.add((event.node, facts["epoch"]))
            case "serving" if "epoch" in facts:
                self._services.append(event)
                self._committed_in(facts["epoch"]).update(course.applied)
            case "truncated" | "snapshot_installed":
                self._see_removal(event, course)
            case _:
                pass

    def _see_applied(self, event: Event, course: Course) -> None:
        zxid, txn = event.facts["zxid"], event.facts["txn"]
        self._applied.add(zxid)
        self._first_applied.setdefault(epoch_of(zxid), event)
        self._compare(self._txns, event, txn, "applied")
        self._contrast(self._proposals, event, txn, "applied", "proposed")
        self._compare_chain(event)
        if course.serves and course.epoch is not None:
            self._committed_in(course.epoch).add(zxid)

    def _compare(self, marks: Marks, event: Event, txn: int, how: str) -> None:
        zxid = event.facts["zxid"]
        if (other := marks.other(zxid, event.node, txn)) is not None:
            self._report(
                Promise.ONE_TXN,
                f"Node {event.node} {how} another {show(zxid)} than node {other}.",
                event,
            )

    def _contrast(self, marks: Marks, event: Event, txn: int, how: str, before: str) -> None:
        zxid = event.facts["zxid"]
        if (other := marks.differs(zxid, txn)) is not None:
            self._report(
                Promise.PROPOSED,
                f"Node {event.node} {how} another {show(zxid)} than node {other} {before}.",
                event,
            )

    def _compare_chain(self, event: Event) -> None:
        facts = event.facts
        marks = self._chains.get(facts["since"])
        if marks is None:
            marks = self._chains[facts["since"]] = Marks()
        zxid, chain = facts["zxid"], int(facts["chain"][:_HEX_DIGITS], 16)
        if (other := marks.other(zxid, event.node, chain)) is not None:
            self._report(
                Promise.ONE_HISTORY,
                f"Node {event.node} came to {show(zxid)} by another history than node {other}.",
                event,
            )

    def _committed_in(self, epoch: int) -> Runs:
        return self._committed.setdefault(epoch, Runs())

    def _see_committed(self, event: Event, course: Course) -> None:
        zxid, acks = event.facts["zxid"], event.facts["acks"]
        self._committed_in(epoch_of(zxid)).add(zxid)
        if not course.is_quorum(acks):
            self._report(
                Promise.QUORUM_HAS_IT,
                f"Node {event.node} committed {show(zxid)} when only {acks} had it on disk.",
                event,
            )
        for sid in acks:
            self._acked.setdefault(sid, Runs()).add(zxid)
            self._acks[sid] = event

    def _see_established(self, event: Event, course: Course) -> None:
        epoch, acks = event.facts["epoch"], event.facts["acks"]
        leaders = self._leaders.setdefault(epoch, {})
        leaders[event.node] = event
        if len(leaders) > 1:
            self._report(
                Promise.ONE_LEADER, f"The nodes {sorted(leaders)} all led epoch {epoch}.", event
            )
        if not course.is_quorum(acks):
            self._report(
                Promise.QUORUM_BEFORE_SERVICE,
                f"Node {event.node} led epoch {epoch} when only {acks} had joined it.",
                event,
            )
        self._committed_in(epoch).update(course.log)

    def _see_removal(self, event: Event, course: Course) -> None:
        gone = course.log.cut(event.facts["zxid"])
        if event.name == "snapshot_installed":
            course.log = Runs()  # what it has now it has from another
        if gone.last is not None and course.epoch is not None:
            self._removals.append(_Removal(gone, course.epoch, event))

    # What can be said only when all is known.

    def end(self) -> None:
        """No more events come."""
        self._judge_proposals()
        self._judge_acks()
        self._judge_removals()
        self._judge_entries()
        self._judge_services()

    def _is_known(self, node: int | None) -> bool:
        """Whoever leads without a log of its own proves nothing."""
        return node is None or node in self._courses

    def _judge_proposals(self) -> None:
        for epoch, event in self._first_applied.items():
            leader = next(iter(self._leaders.get(epoch, ())), self._expected.get(epoch))
            if not self._is_known(leader):
                continue
            ours = Runs()
            ours.update(self._applied)
            ours.cut(first_of(epoch + 1) - 1)
            earlier = Runs()
            earlier.update(self._proposed)
            earlier.add(0, first_of(epoch) - 1)
            if (zxid := ours.missing_in(earlier)) is not None:
                self._report(
                    Promise.PROPOSED, f"Nobody proposed {show(zxid)}, which was applied.", event
                )

    def _judge_acks(self) -> None:
        for sid, acked in self._acked.items():
            if (course := self._courses.get(sid)) is None:
                continue
            if (zxid := acked.missing_in(course.ever)) is not None:
                self._report(
                    Promise.QUORUM_HAS_IT,
                    f"Node {sid} never had {show(zxid)} on disk, and counted for its commit.",
                    self._acks[sid],
                )

    def _judge_removals(self) -> None:
        for removal in self._removals:
            for epoch, committed in self._committed.items():
                # A leader may commit what it has one learner cut off, and sends it to that anew:
                # one who left it and came back is ahead of what was committed when it came.
                zxid = removal.gone.common_with(committed) if epoch < removal.epoch else None
                if zxid is not None:
                    self._report(
                        Promise.NOTHING_COMMITTED_IS_CUT,
                        f"Node {removal.event.node} cut {show(zxid)} off for the leader of epoch"
                        f" {removal.epoch}, and it was committed in epoch {epoch}.",
                        removal.event,
                    )

    def _judge_entries(self) -> None:
        for event in self._entries:
            mine, last = event.facts["epoch"], event.facts["zxid"]
            for epoch, committed in self._committed.items():
                if epoch < mine and committed.last is not None and committed.last > last:
                    self._report(
                        Promise.WHOLE_HISTORY,
                        f"Node {event.node} began epoch {mine} with {show(last)}, and"
                        f" {show(committed.last)} was committed in epoch {epoch}.",
                        event,
                    )

    def _judge_services(self) -> None:
        for event in self._services:
            epoch, leader = event.facts["epoch"], event.facts["leader"]
            if self._is_known(leader) and leader not in self._leaders.get(epoch, {}):
                self._report(
                    Promise.QUORUM_BEFORE_SERVICE,
                    f"Node {event.node} serves in epoch {epoch}, which {leader} never led.",
                    event,
                )
        for epoch, leaders in self._leaders.items():
            for event in leaders.values():
                for sid in event.facts["acks"]:
                    if sid in self._courses and (sid, epoch) not in self._joined:
                        self._report(
                            Promise.QUORUM_BEFORE_SERVICE,
                            f"Node {sid} never joined epoch {epoch}, and counted for its quorum.",
                            event,
                        )
