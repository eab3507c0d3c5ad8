"""How did one node fare, by its own log, and did it keep what it can keep alone?"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from harness.invariants.events import Event, epoch_of, first_of, follows, show
from harness.invariants.memory import Runs
from harness.invariants.promises import Promise, Report


@dataclass(slots=True)
class Course:
    """What is known of a node after each of its events; None is what is not known yet."""

    node: int
    report: Report
    accepted: int = 0
    fresh: int | None = None  # accepted in this role
    current: int = 0
    position: int | None = None  # of its tree
    durable: int | None = None  # the last txn that its disk surely holds
    held: int | None = None  # the last that it said to be on its disk, and did not cut off
    log: Runs = field(default_factory=Runs)  # what its disk holds, as far as we saw it come
    ever: Runs = field(default_factory=Runs)  # what its disk ever held
    applied: Runs = field(default_factory=Runs)  # in this role
    epoch: int | None = None  # that it takes part in
    leads: bool = False  # it is established
    serves: bool = False
    proposed: int = 0
    due: int | None = None  # what must be durable before it joins the epoch
    due_epoch: int = 0
    voters: dict[int, int] = field(default_factory=dict)  # their weights
    flipped: bool = False  # a bit of its log or of a snapshot, and it has not started since

    def see(self, event: Event) -> None:
        """What it says happened."""
        if (change := _CHANGES.get(event.name)) is not None:
            change(self, event)
        if "voters" in event.facts:
            voters, weights = event.facts["voters"], event.facts["weights"]
            self.voters = dict(zip(voters, weights, strict=True))

    def is_quorum(self, sids: list[int]) -> bool:
        """Whether these outweigh the rest of the voters."""
        weight = sum(self.voters.get(sid, 0) for sid in set(sids))
        return 2 * weight > sum(self.voters.values())

    def _say(self, promise: Promise, what: str, event: Event) -> None:
        self.report(promise, f"Node {self.node} {what}.", event)

    def _at_most(self, zxid: int) -> None:
        if self.durable is not None:
            self.durable = min(self.durable, zxid)

    def _left(self, event: Event) -> None:
        # What was due stays so: the disk may still be about to join the epoch.
        self.epoch = self.fresh = None
        self.leads = self.serves = False
        self.applied = Runs()

    def _looking(self, event: Event) -> None:
        self._left(event)
        zxid = event.facts["zxid"]
        # A log without any `durable` is of a node that does not tell of each txn.
        if self.held is not None and self.ever.last is not None and zxid > self.held:
            self._say(
                Promise.VOTED, f"votes with {show(zxid)}, and has {show(self.held)} on disk", event
            )

    def _started(self, event: Event) -> None:
        self._left(event)
        zxid, accepted = event.facts["zxid"], event.facts["accepted_epoch"]
        current = event.facts["current_epoch"]
        if accepted < self.accepted or current < self.current:
            self._say(
                Promise.EPOCHS_RISE,
                f"started with the epochs {accepted} and {current},"
                f" and had {self.accepted} and {self.current} before",
                event,
            )
        lost = self.durable is not None and zxid < self.durable
        if lost and not (self.flipped and self._lacks_its_last(zxid)):
            self._say(
                Promise.DURABLE,
                f"started with {show(zxid)}, and had {show(self.durable or 0)} on its disk before",
                event,
            )
        if not self.flipped and self.current < current == self.due_epoch > epoch_of(zxid):
            # It was about to join the epoch, and has; it died before it could say so. Who has a txn
            # of that epoch has all before it, and needs no more to claim it.
            self._check_history(event, zxid)
        self.flipped = False
        self.accepted, self.current, self.due = accepted, current, None
        self._check_epochs(event, zxid)
        self.durable, self.held, self.position = zxid, zxid, None
        self.log.cut(zxid)

    def _lacks_its_last(self, zxid: int) -> bool:
        """Whether it is all there up to this one, but for the last txn: a bit may take that, like a
        tear, and no other.
        """
        last = self.durable or 0
        return follows(last, zxid) and not any(
            max(first, zxid + 1) <= min(most, last - 1) for first, most in self.log
        )

    def _was_spoilt(self, event: Event) -> None:
        # Somebody flipped it, and says nothing of where: a start may refuse it, or lack a txn.
        self._left(event)
        self.flipped = True

    def _lost_its_disk(self, event: Event) -> None:
        # Somebody took it away: what it promised and held, nobody can ask of it any more.
        self._left(event)
        self.accepted = self.current = 0
        self.durable = self.held = self.position = self.due = None
        self.log = Runs()
        self.flipped = False

    def _check_epochs(self, event: Event, zxid: int) -> None:
        most = self.accepted if self.due is not None else self.current
        if self.accepted < self.current or epoch_of(zxid) > most:
            self._say(
                Promise.EPOCHS_RISE,
                f"has {show(zxid)} on its disk, the accepted epoch {self.accepted}"
                f" and the current epoch {self.current}",
                event,
            )

    def _accepted(self, event: Event) -> None:
        epoch = event.facts["epoch"]
        if epoch < self.accepted:
            self._say(Promise.EPOCHS_RISE, f"accepted {epoch} after {self.accepted}", event)
        self.accepted = self.fresh = epoch

    def _saw_a_breach(self, event: Event) -> None:
        leader, what = event.facts["leader"], event.facts["what"]
        self._say(Promise.NO_BREACH, f"left {leader}: {what}", event)

    def _promised(self, event: Event) -> None:
        epoch, leader = event.facts["epoch"], event.facts["leader"]
        if epoch < self.accepted:
            self._say(
                Promise.EPOCHS_RISE,
                f"follows {leader} in epoch {epoch}, and has promised {self.accepted}",
                event,
            )
        elif event.facts.get("counts", False) and epoch != self.fresh:
            self._say(
                Promise.PROMISED_ONCE,
                f"gave {leader} its word for epoch {epoch}, which it had promised before",
                event,
            )
        self.epoch = epoch

    def _entering(self, event: Event) -> None:
        self.epoch, self.due = event.facts["epoch"], event.facts["zxid"]
        self.due_epoch = self.epoch

    def _joined(self, event: Event) -> None:
        self.due, self.due_epoch = event.facts["last_zxid"], epoch_of(event.facts["zxid"])

    def _entered(self, event: Event) -> None:
        epoch = event.facts["epoch"]
        if not self.current <= epoch <= self.accepted:
            self._say(
                Promise.EPOCHS_RISE,
                f"entered epoch {epoch} after {self.current}, having accepted {self.accepted}",
                event,
            )
        if self.durable is not None:
            self._check_history(event, self.durable)
        self.current, self.due = epoch, None

    def _check_history(self, event: Event, zxid: int) -> None:
        if self.due is not None and zxid < self.due:
            self._say(
                Promise.HISTORY_FIRST,
                f"joined epoch {self.due_epoch} with {show(zxid)} on its disk,"
                f" where the leader's history ends with {show(self.due)}",
                event,
            )

    def _established(self, event: Event) -> None:
        self.leads = self.serves = True
        self.proposed = first_of(event.facts["epoch"]) - 1

    def _up_to_date(self, event: Event) -> None:
        if not self.leads:
            learner = event.facts["learner"]
            self._say(
                Promise.QUORUM_BEFORE_SERVICE,
                f"told {learner} that it is up to date without leading",
                event,
            )

    def _serving(self, event: Event) -> None:
        if (epoch := event.facts.get("epoch")) is None:
            return  # reads only, without any leader
        self.serves = True
        if epoch != self.current:
            self._say(
                Promise.QUORUM_BEFORE_SERVICE,
                f"serves in epoch {epoch}, and has joined {self.current}",
                event,
            )

    def _synchronising(self, event: Event) -> None:
        if "learner" not in event.facts and event.facts["by"] != "DIFF":
            # From here on until it says that this is done, either may be on its disk.
            self._at_most(event.facts["zxid"])

    def _history(self, event: Event) -> None:
        self.position = event.facts["zxid"]
        self._at_most(event.facts["zxid"])

    def _replaced(self, event: Event) -> None:
        self.durable = self.held = event.facts["zxid"]

    def _durable(self, event: Event) -> None:
        zxid = event.facts["zxid"]
        self._check_epochs(event, zxid)
        first = first_of(epoch_of(zxid))
        if self.durable is not None and first <= self.durable + 1 <= zxid:
            first = self.durable + 1
        self.log.add(first, zxid)
        self.ever.add(first, zxid)
        self.durable = zxid
        if self.held is not None:
            self.held = max(self.held, zxid)

    def _applied(self, event: Event) -> None:
        zxid = event.facts["zxid"]
        if self.position is not None and not follows(zxid, self.position):
            self._say(Promise.NO_HOLE, f"applied {show(zxid)} after {show(self.position)}", event)
        self.position = zxid
        self.applied.add(zxid)

    def _proposed(self, event: Event) -> None:
        zxid = event.facts["zxid"]
        if not self.leads or self.epoch != epoch_of(zxid):
            self._say(Promise.PROPOSED, f"proposed {show(zxid)} without leading its epoch", event)
        elif zxid != self.proposed + 1:
            self._say(Promise.NO_HOLE, f"proposed {show(zxid)} after {show(self.proposed)}", event)
        self.proposed = zxid


_CHANGES: Final[Mapping[str, Callable[[Course, Event], None]]] = {
    "accepted_epoch": Course._accepted,
    "applied": Course._applied,
    "bit_flipped": Course._was_spoilt,
    "breach": Course._saw_a_breach,
    "current_epoch": Course._entered,
    "disk_lost": Course._lost_its_disk,
    "durable": Course._durable,
    "entering": Course._entering,
    "established": Course._established,
    "history": Course._history,
    "joined": Course._joined,
    "leaving": Course._left,
    "looking": Course._looking,
    "promised": Course._promised,
    "proposed": Course._proposed,
    "serving": Course._serving,
    "snapshot_installed": Course._replaced,
    "started": Course._started,
    "synchronising": Course._synchronising,
    "truncated": Course._replaced,
    "up_to_date": Course._up_to_date,
}
