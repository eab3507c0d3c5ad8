"""Which txns are committed, and whom does an established leader tell what, in which order?

Phase 3 of the ZAB paper. The leader proposes in the order of zxids, and commits in it: a txn when a
quorum has it on disk, and all before it are committed. A sync is answered when a quorum has shown,
after it came, that it still follows: then no other leader had committed anything by then.

Rules of this file:
1. A proposal may leave at once; our own ack is the disk's word (`Appended`), as anybody's is.
2. An ack is for a txn that we have proposed on the link its sender has now. Whoever comes back may
   have truncated what it had acked before. Only voters' acks make a quorum.
3. The n-th answer to a PING on a link came after the n-th PING was sent, or a later one. That is
   all that a sync needs to know, so a ZooKeeper may be among the followers.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Final

from target_node.durable.names import COUNTER_BITS, COUNTER_MASK, counter_of
from target_node.durable.operations import Append, Appended
from target_node.durable.scan import Txn
from target_node.protocol.ensemble import Ensemble
from target_node.protocol.events import Begin, Dismiss, GiveUp, Received, Send, WakeAt, Woken
from target_node.protocol.membership import Members, Passage
from target_node.wire.codes import PacketType
from target_node.wire.payloads import encode_activation
from target_node.wire.quorum import QuorumPacket

LAST_COUNTER: Final = COUNTER_MASK - 1  # one more, and the next zxid would be of the next epoch


@dataclass(frozen=True, slots=True)
class Propose:
    """The next txn; its zxid is `Broadcast.next_zxid`. It may bring a new membership."""

    txn: Txn
    members: Ensemble | None = None


@dataclass(frozen=True, slots=True)
class Admit:
    """This learner has been sent our history up to `last_processed`: what follows is for it too.

    Must be in the same step as its plan; NEWLEADER comes behind what `Admit` sends.
    """

    sid: int
    observes: bool = False


@dataclass(frozen=True, slots=True)
class Include:
    """This learner has been sent UPTODATE: from now on it answers PINGs."""

    sid: int


@dataclass(frozen=True, slots=True)
class Sync:
    """A client wants to read all that was committed before now."""

    token: Hashable


@dataclass(frozen=True, slots=True)
class Commit:
    """Apply this txn to the tree; a leader knows whose acks were a quorum."""

    txn: Txn
    acks: tuple[int, ...] = field(default=(), compare=False)


@dataclass(frozen=True, slots=True)
class Activate:
    """The txn just committed makes these the members, with this leader, who may be another."""

    members: Ensemble
    leader: int


@dataclass(frozen=True, slots=True)
class Synced:
    """Answer the sync, behind the commits that went before."""

    token: Hashable


@dataclass(frozen=True, slots=True)
class Terms:
    """How often to PING, and how long a quorum may be silent before we give up."""

    ping_ms: int = 1000
    silence_ms: int = 10_000


@dataclass(slots=True)
class _Learner:
    observes: bool
    heard_ms: int
    up_to_date: bool = False
    asked: int = 0  # PINGs sent
    answered: int = 0
    due: int = 0  # the PING whose answer confirms the round under way


@dataclass(slots=True)
class _Proposal:
    txn: Txn
    members: Ensemble | None
    acks: set[int] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class _Waiting:
    token: Hashable
    behind: int  # this zxid's commit
    round: int  # or a later one


Event = Begin | Propose | Admit | Include | Dismiss | Sync | Received | Appended | Woken
Effect = Append | Send | Commit | Activate | Synced | GiveUp | WakeAt


class Broadcast:
    """One established leader's epoch. `committed` and `proposed` are zxids."""

    __slots__ = (
        "_confirmed",
        "_effects",
        "_given_up",
        "_learners",
        "_outstanding",
        "_ping_ms",
        "_round",
        "_rounding",
        "_syncs",
        "committed",
        "ensemble",
        "epoch",
        "me",
        "proposed",
        "terms",
    )

    def __init__(self, me: int, ensemble: Members, epoch: int, terms: Terms | None = None) -> None:
        self.me = me
        self.ensemble = ensemble
        self.epoch = epoch
        self.terms = terms or Terms()
        self.committed = self.proposed = epoch << COUNTER_BITS
        self._learners: dict[int, _Learner] = {}
        self._outstanding: deque[_Proposal] = deque()
        self._syncs: deque[_Waiting] = deque()
        self._round = 0  # of confirmation: the last one begun
        self._rounding = False
        self._confirmed = 0  # the last one that a quorum answered
        self._ping_ms = 0
        self._given_up = False
        self._effects: list[Effect] = []

    @property
    def next_zxid(self) -> int:
        """What the next txn gets."""
        return self.proposed + 1

    @property
    def outstanding(self) -> tuple[Txn, ...]:
        """Proposed, not committed."""
        return tuple(proposal.txn for proposal in self._outstanding)

    @property
    def pending_syncs(self) -> int:
        """How many have not been answered."""
        return len(self._syncs)

    def step(self, now_ms: int, event: Event) -> tuple[Effect, ...]:
        """What to do about it; nothing more once it has given up."""
        if self._given_up:
            return ()
        match event:
            case Begin():
                self._ping_ms = now_ms + self.terms.ping_ms
                self._effects.append(WakeAt(self._ping_ms))
            case Propose(txn, members):
                self._propose(txn, members)
            case Admit():
                self._admit(now_ms, event)
            case Include(sid):
                self._include(now_ms, sid)
            case Dismiss(sid):
                self._learners.pop(sid, None)
            case Sync(token):
                self._syncs.append(_Waiting(token, self.proposed, self._round + 1))
                self._confirm()
            case Received(sid, packet):
                self._receive(now_ms, sid, packet)
            case Appended(zxid):
                # The disk speaks of all up to here, a peer's ACK of this one only.
                for logged in range(self.committed + 1, zxid + 1):
                    self._ack(self.me, logged)
                self._commit()
            case Woken():
                self._wake(now_ms)
        effects, self._effects = tuple(self._effects), []
        return effects

    def _propose(self, txn: Txn, members: Ensemble | None) -> None:
        assert txn.zxid == self.next_zxid, "zxids of an epoch are without holes"
        if counter_of(txn.zxid) > LAST_COUNTER:
            # The next epoch belongs to who is elected for it (ZOOKEEPER-1277).
            self._give_up("the epoch has no zxids left")
            return
        self.proposed = txn.zxid
        self._outstanding.append(_Proposal(txn, members))
        if members is not None:
            assert isinstance(self.ensemble, Ensemble), "one change at a time"
            # The old quorum alone would not bind whom the new one elects, nor the reverse.
            self.ensemble = Passage(self.ensemble, members)
        # Paper, phase 3: while it goes to the others, it goes to our disk.
        for sid, learner in self._learners.items():
            if not learner.observes:
                self._send(sid, PacketType.PROPOSAL, txn.zxid, txn.payload)
        self._effects.append(Append((txn.payload,)))

    def _admit(self, now_ms: int, admitted: Admit) -> None:
        sid = admitted.sid
        self._learners[sid] = _Learner(admitted.observes, now_ms)
        for proposal in self._outstanding:
            # What it acked before it may have been told to truncate since: its disk must say so
            # again, or we would commit what only we hold.
            proposal.acks.discard(sid)
            if not admitted.observes:
                self._send(sid, PacketType.PROPOSAL, proposal.txn.zxid, proposal.txn.payload)

    def _include(self, now_ms: int, sid: int) -> None:
        if (learner := self._learners.get(sid)) is not None:
            learner.heard_ms = now_ms
            learner.up_to_date = True
            if self._rounding:
                self._ask(sid, learner)

    def _receive(self, now_ms: int, sid: int, packet: QuorumPacket) -> None:
        if (learner := self._learners.get(sid)) is None:
            return
        learner.heard_ms = now_ms
        match packet.type:
            case PacketType.ACK if not learner.observes:
                self._ack(sid, packet.zxid)
                self._commit()
            case PacketType.PING if learner.answered < learner.asked:
                learner.answered += 1
                self._count_round()
            case _:
                pass

    def _ack(self, sid: int, zxid: int) -> None:
        """Late or doubled acks, and those of NEWLEADER and UPTODATE, find no proposal."""
        place = zxid - self.committed - 1
        if 0 <= place < len(self._outstanding):
            self._outstanding[place].acks.add(sid)

    def _commit(self) -> None:
        """The oldest first: a quorum for a later one must wait."""
        while self._outstanding and self.ensemble.is_quorum(self._outstanding[0].acks):
            oldest = self._outstanding.popleft()
            txn = oldest.txn
            assert txn.zxid == self.committed + 1, "committed out of order"
            self.committed = txn.zxid
            commit = Commit(txn, tuple(sorted(oldest.acks)))
            if oldest.members is not None:
                self._activate(commit, oldest.members)
                continue
            for sid, learner in self._learners.items():
                if learner.observes:
                    self._send(sid, PacketType.INFORM, txn.zxid, txn.payload)
                else:
                    self._send(sid, PacketType.COMMIT, txn.zxid)
            self._effects.append(commit)
        self._answer_syncs()

    def _activate(self, commit: Commit, members: Ensemble) -> None:
        """The members are new from here on; who leads them holds all that is committed."""
        self.ensemble = members
        able = [self.me, *commit.acks]
        leader = next(sid for sid in able if members.weight(sid) > 0)
        zxid, payload = commit.txn.zxid, commit.txn.payload
        for sid, learner in self._learners.items():
            if learner.observes:
                data = encode_activation(leader, payload)
                self._send(sid, PacketType.INFORMANDACTIVATE, zxid, data)
            else:
                self._send(sid, PacketType.COMMITANDACTIVATE, zxid, encode_activation(leader))
        self._effects += [commit, Activate(members, leader)]

    def _confirm(self) -> None:
        """Ask a quorum whether it still follows; syncs that come meanwhile wait for the next."""
        if self._rounding or not self._syncs or self._syncs[-1].round <= self._round:
            return
        self._round += 1
        self._rounding = True
        for sid, learner in self._learners.items():
            self._ask(sid, learner)
        self._count_round()

    def _ask(self, sid: int, learner: _Learner) -> None:
        if learner.up_to_date and self.ensemble.is_voter(sid):
            self._ping(sid, learner)
            learner.due = learner.asked

    def _count_round(self) -> None:
        if not self._rounding:
            return
        confirming = [
            sid for sid, learner in self._learners.items() if 0 < learner.due <= learner.answered
        ]
        if self.ensemble.is_quorum([self.me, *confirming]):
            self._rounding = False
            self._confirmed = self._round
            for learner in self._learners.values():
                learner.due = 0
            self._answer_syncs()
            self._confirm()

    def _answer_syncs(self) -> None:
        while (
            self._syncs
            and self._syncs[0].behind <= self.committed
            and self._syncs[0].round <= self._confirmed
        ):
            self._effects.append(Synced(self._syncs.popleft().token))

    def _wake(self, now_ms: int) -> None:
        if now_ms < self._ping_ms:
            return
        self._ping_ms = now_ms + self.terms.ping_ms
        heard = [
            sid
            for sid, learner in self._learners.items()
            if learner.up_to_date and now_ms - learner.heard_ms <= self.terms.silence_ms
        ]
        if not self.ensemble.is_quorum([self.me, *heard]):
            self._give_up("no quorum follows any longer")
            return
        for sid, learner in self._learners.items():
            if learner.up_to_date:
                self._ping(sid, learner)
        self._effects.append(WakeAt(self._ping_ms))

    def _ping(self, sid: int, learner: _Learner) -> None:
        learner.asked += 1
        self._send(sid, PacketType.PING, self.proposed)

    def _send(self, sid: int, kind: PacketType, zxid: int, data: bytes | None = None) -> None:
        self._effects.append(Send(sid, QuorumPacket(kind, zxid, data)))

    def _give_up(self, reason: str) -> None:
        self._given_up = True
        self._effects.append(GiveUp(reason))
