"""Whom shall I follow: who has the longest history among a quorum that votes in the same round?

This is ZooKeeper's fast leader election, which the ZAB paper leaves open (its phase 0). Everybody
gossips the best vote it has heard of, until a quorum holds the same. The result is a good guess:
that there is one leader in an epoch, with all that was committed, is for `discovery` to make sure.

Rules of this file:
1. A vote of our round counts, one of a later round starts ours anew, one of an earlier is answered.
2. Votes of those who have settled count apart from those of our round: they may be of any round,
   and they need their leader's own word that it leads.
3. The round and all votes are volatile. A restarted server begins with round 1 and learns better.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from target_node.protocol.events import WakeAt, Woken
from target_node.protocol.membership import Members, Passage
from target_node.wire.codes import ServerState
from target_node.wire.election import Notification

NOBODY: Final = -(1 << 63)  # the vote of one that has none: ZooKeeper's Long.MIN_VALUE
NO_ZXID: Final = -1  # of a server that cannot tell what it has logged


@dataclass(frozen=True, slots=True)
class Vote:
    """For `leader`, with the last zxid it has logged and its currentEpoch, cast in `round`.

    `state` is that of the voter.
    """

    leader: int
    zxid: int
    epoch: int
    round: int
    state: ServerState = ServerState.LOOKING


@dataclass(frozen=True, slots=True)
class Pace:
    """How long to wait: for anything to come, at first and at most, and for a better vote."""

    first_ms: int = 200
    most_ms: int = 60_000
    finalize_ms: int = 200


@dataclass(frozen=True, slots=True)
class Look:
    """We follow nobody: begin a round, with the last zxid in our log and our currentEpoch."""

    zxid: int
    epoch: int


@dataclass(frozen=True, slots=True)
class Heard:
    """A peer's notification; who sent it is known from the link."""

    sid: int
    notification: Notification


@dataclass(frozen=True, slots=True)
class Linked:
    """There is a new link to this peer: what was on its way over the old one may be lost."""

    sid: int


@dataclass(frozen=True, slots=True)
class Settled:
    """We are synchronised in this epoch, as its leader or a learner of it."""

    epoch: int


@dataclass(frozen=True, slots=True)
class Tell:
    """To this peer; what waits for it unsent is out of date and need not be sent."""

    sid: int
    notification: Notification


@dataclass(frozen=True, slots=True)
class Elected:
    """The round is over: be in `state` from now on, with `vote.leader`."""

    vote: Vote
    state: ServerState


Event = Look | Heard | Linked | Settled | Woken
Effect = Tell | WakeAt | Elected


class Election:
    """One server's part in all its elections. Silent until the first `Look`."""

    __slots__ = (
        "_decide_ms",
        "_effects",
        "_interval_ms",
        "_own",
        "_received",
        "_settled",
        "_tell_ms",
        "ensemble",
        "me",
        "pace",
        "round",
        "state",
        "vote",
    )

    def __init__(self, me: int, ensemble: Members, pace: Pace | None = None) -> None:
        self.me = me
        self.ensemble = ensemble
        self.pace = pace or Pace()
        self.state = ServerState.LOOKING
        self.round = 0
        self.vote = self._own = Vote(NOBODY, NOBODY, NOBODY, 0)
        self._received: dict[int, Vote] = {}  # of our round, by voter
        self._settled: dict[int, Vote] = {}  # of those who lead or follow, by voter
        self._decide_ms: int | None = None  # when the quorum we have is final
        self._tell_ms = 0  # when to say again what may have been lost
        self._interval_ms = self.pace.first_ms
        self._effects: list[Effect] = []

    def step(self, now_ms: int, event: Event) -> tuple[Effect, ...]:
        """What to do about it."""
        wake_ms = self._wake_ms()
        match event:
            case Look(zxid, epoch):
                self._look(now_ms, zxid, epoch)
            case Heard(sid, notification):
                self._hear(now_ms, sid, notification)
            case Linked(sid):
                if self._is_looking() and self.ensemble.is_voter(sid):
                    self._tell(sid)
            case Settled(epoch):
                # A late joiner must find the votes of all who have settled equal, those that
                # elected in an earlier epoch and those that came in during this one.
                assert self.state is not ServerState.LOOKING, "synchronised with nobody"
                self.vote = replace(self.vote, epoch=epoch)
            case Woken():
                self._wake(now_ms)
        # A time that has passed was spent on this step, or on one before.
        if (wake := self._wake_ms()) is not None and (wake != wake_ms or event == Woken()):
            self._effects.append(WakeAt(wake))
        effects, self._effects = tuple(self._effects), []
        return effects

    def _is_looking(self) -> bool:
        return self.round > 0 and self.state is ServerState.LOOKING

    def _wake_ms(self) -> int | None:
        if not self._is_looking():
            return None
        return self._tell_ms if self._decide_ms is None else min(self._tell_ms, self._decide_ms)

    def _look(self, now_ms: int, zxid: int, epoch: int) -> None:
        self.state = ServerState.LOOKING
        self._received.clear()
        self._settled.clear()
        self._interval_ms = self.pace.first_ms
        self._tell_ms = now_ms + self._interval_ms
        self.round += 1
        if self.ensemble.is_voter(self.me):
            self._own = Vote(self.me, zxid, epoch, self.round)
        else:
            self._own = Vote(NOBODY, NOBODY, NOBODY, self.round)
        self._propose(now_ms, self._own)

    def _wake(self, now_ms: int) -> None:
        if not self._is_looking():
            return
        if self._decide_ms is not None and now_ms >= self._decide_ms:
            self._elect(self.vote)
        elif now_ms >= self._tell_ms:
            # Counted from the last time we spoke, not from the last time we heard somebody: a
            # lost vote must be said again however much the others chatter.
            self._interval_ms = min(2 * self._interval_ms, self.pace.most_ms)
            self._tell_ms = now_ms + self._interval_ms
            self._tell_all()

    def _hear(self, now_ms: int, sid: int, heard: Notification) -> None:
        asks = heard.state is ServerState.LOOKING
        if not self._is_looking():
            # Nobody counts what an observer says, and a peer of ZooKeeper's, looking, would answer
            # it at once: on and on.
            self._see_own_vote()
            if asks and self.state in (ServerState.FOLLOWING, ServerState.LEADING):
                self._tell(sid)
            return
        if asks:
            self._settled.pop(sid, None)  # it has left whom it followed
        if not self.ensemble.is_voter(sid):
            # Our answer does an observer no good unless it counts. ZooKeeper sends the vote of
            # the last election here, which is not what this round will come to.
            if asks and self.ensemble.is_voter(self.me):
                self._tell(sid)
            return
        if asks and heard.election_epoch < self.round:
            self._tell(sid)
            return
        if not self.ensemble.is_voter(heard.leader):
            return
        vote = Vote(heard.leader, heard.zxid, heard.peer_epoch, heard.election_epoch, heard.state)
        match heard.state:
            case ServerState.LOOKING:
                if NO_ZXID not in (vote.zxid, self._own.zxid):
                    self._hear_looking(now_ms, sid, vote)
            case ServerState.FOLLOWING | ServerState.LEADING:
                self._hear_settled(now_ms, sid, vote)
            case ServerState.OBSERVING:
                pass

    def _see_own_vote(self) -> None:
        """Who followed as a stranger and has become a voter since is one that others count on."""
        if self.state is ServerState.OBSERVING and self.ensemble.is_voter(self.me):
            self.state = ServerState.FOLLOWING
            self.vote = replace(self.vote, state=self.state)

    def _hear_looking(self, now_ms: int, sid: int, vote: Vote) -> None:
        """A vote of our round or of a later one."""
        if vote.round > self.round:
            self.round = vote.round
            # Votes of the old round are for a world that may be gone (`_agree` would not count them
            # anyway), and so is the proposal they led us to: compare with ourselves.
            self._received.clear()
            self._own = replace(self._own, round=vote.round)
            better = self._order(vote) > self._order(self._own)
            self._propose(now_ms, vote if better else self._own)
        elif self._order(vote) > self._order(self.vote):
            self._propose(now_ms, vote)
        self._received[sid] = vote
        self._count(now_ms)

    def _hear_settled(self, now_ms: int, sid: int, vote: Vote) -> None:
        if vote.round == self.round:
            self._received[sid] = vote
            if self._is_established(self._received, vote):
                self._elect(vote)
                return
            self._count(now_ms)
        self._settled[sid] = vote
        if self._is_established(self._settled, vote):
            self._elect(vote)

    def _order(self, vote: Vote) -> tuple[bool, int, int, int]:
        """What makes a vote greater: a longer history, by epoch first; then the larger sid."""
        return self.ensemble.weight(vote.leader) > 0, vote.epoch, vote.zxid, vote.leader

    def _propose(self, now_ms: int, vote: Vote) -> None:
        self.vote = replace(vote, round=self.round, state=ServerState.LOOKING)
        self._decide_ms = None
        if self.ensemble.is_voter(self.me):
            self._received[self.me] = self.vote
        self._tell_all()
        self._count(now_ms)

    def _count(self, now_ms: int) -> None:
        """A quorum for our proposal is final if nothing better comes for a while."""
        if not self._is_quorum(self._received, self.vote):
            self._decide_ms = None
        elif self._decide_ms is None:
            self._decide_ms = now_ms + self.pace.finalize_ms

    def _is_quorum(self, votes: Mapping[int, Vote], vote: Vote) -> bool:
        return self.ensemble.is_quorum(sid for sid, v in votes.items() if _agree(v, vote))

    def _is_established(self, votes: Mapping[int, Vote], vote: Vote) -> bool:
        """A quorum follows, and the leader knows: else we would follow one that has crashed."""
        if not self._is_quorum(votes, vote):
            return False
        if vote.leader == self.me:
            return vote.round == self.round
        leader = votes.get(vote.leader)
        return leader is not None and leader.state is ServerState.LEADING

    def _elect(self, vote: Vote) -> None:
        if vote.leader == self.me:
            self.state = ServerState.LEADING
        elif self.ensemble.is_voter(self.me):
            self.state = ServerState.FOLLOWING
        else:
            self.state = ServerState.OBSERVING
        self.round = vote.round
        self.vote = replace(vote, state=self.state)
        self._decide_ms = None
        self._effects.append(Elected(self.vote, self.state))

    def _tell_all(self) -> None:
        for sid in self.ensemble.voters:
            if sid != self.me:
                self._tell(sid)

    def _tell(self, sid: int) -> None:
        v = self.vote
        # What is not committed is nobody else's to believe.
        members = self.ensemble
        config = str(members.current if isinstance(members, Passage) else members)
        self._effects.append(
            Tell(sid, Notification(self.state, v.leader, v.zxid, v.round, v.epoch, config))
        )


def _agree(a: Vote, b: Vote) -> bool:
    """Those who have settled may have heard of their leader in different rounds (ZOOKEEPER-1732).

    So only leader and epoch say whether they agree; with a vote still looking, all must be equal.
    """
    if a.leader != b.leader or a.epoch != b.epoch:
        return False
    if ServerState.LOOKING in (a.state, b.state):
        return a.zxid == b.zxid and a.round == b.round
    return True
