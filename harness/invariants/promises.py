"""Which promises does ZAB make, as far as the logs of its nodes can tell?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from harness.invariants.events import Event


class Promise(StrEnum):
    """What is true in every run."""

    ONE_LEADER = "an epoch has one leader"
    EPOCHS_RISE = "epochs never go back, and none is ahead of what was promised"
    PROMISED_ONCE = "an epoch is promised to one leader"
    ONE_TXN = "a zxid stands for one txn"
    NO_BREACH = "a leader sends what the protocol allows, and a learner understands it"
    NO_HOLE = "a node applies txns in order, and none is missing"
    ONE_HISTORY = "histories that have a txn in common are the same before it"
    PROPOSED = "what is applied was proposed, by the leader of its epoch"
    WHOLE_HISTORY = "a leader begins with all that was committed before its epoch"
    QUORUM_HAS_IT = "what is committed is on the disks of a quorum"
    DURABLE = "what is on disk is there after a restart"
    VOTED = "a vote tells only what is on the voter's disk"
    HISTORY_FIRST = "a node joins an epoch when the leader's history is on its disk"
    NOTHING_COMMITTED_IS_CUT = "what is committed is never truncated"
    QUORUM_BEFORE_SERVICE = "nobody serves before a quorum has joined the epoch"


@dataclass(frozen=True, slots=True)
class Violation:
    """The sentence says what happened; the events show it.

    What was said long before stands in the sentence only: a log is too long to keep.
    """

    promise: Promise
    sentence: str
    events: tuple[Event, ...]

    def __str__(self) -> str:
        shown = "".join(f"\n  {event}" for event in self.events)
        return f"{self.sentence} Yet {self.promise}.{shown}"


Report = Callable[[Promise, str, Event], None]
