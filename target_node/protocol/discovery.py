"""Which epoch begins, and who may lead it?

Phase 1 of the ZAB paper, and the end of its phase 2. An election only guesses. Here a quorum
promises to follow no leader of a smaller epoch, and none of that quorum knows more than the leader;
then a quorum holds the leader's history, and the leader is established.

Rules of this file:
1. A promise is on disk before it is told (ZOOKEEPER-1291): LEADERINFO follows our `EpochAccepted`.
   `promise` has the learner's side of it.
2. Only who has made the promise to this leader, in this epoch, is counted as having made it.
3. A leader in doubt gives up: the next election costs a second, a second leader costs the history.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from target_node.durable.names import COUNTER_BITS, epoch_of
from target_node.durable.operations import AcceptEpoch, EnterEpoch, EpochAccepted, EpochEntered
from target_node.protocol.events import Begin, Close, Dismiss, GiveUp, Received, Send, WakeAt, Woken
from target_node.protocol.membership import Members
from target_node.protocol.promise import Standing
from target_node.wire.codes import PacketType
from target_node.wire.jute import Malformed
from target_node.wire.payloads import (
    NO_PROMISE,
    LeaderInfo,
    decode_ack_epoch,
    encode_payload,
)
from target_node.wire.quorum import QuorumPacket

MOST_EPOCH: Final = (1 << 31) - 1  # ZXIDs are signed: a larger one would be negative


@dataclass(frozen=True, slots=True)
class Synchronise:
    """Bring this learner, which has logged up to `last_zxid`, to our history; then NEWLEADER."""

    sid: int
    last_zxid: int


@dataclass(frozen=True, slots=True)
class Established:
    """A quorum holds our history: it is committed. Serve, propose."""

    epoch: int


class Phase(Enum):
    """How far a prospective leader is."""

    GATHERING = auto()  # which epochs have been accepted
    PROMISING = auto()  # our own promise, to the disk
    ASKING = auto()  # for the promises of the others
    SYNCHRONISING = auto()  # a quorum with our history
    ESTABLISHED = auto()
    GIVEN_UP = auto()


LeaderEvent = Begin | Received | Dismiss | EpochAccepted | EpochEntered | Woken
LeaderEffect = AcceptEpoch | EnterEpoch | Send | Synchronise | Established | Close | GiveUp | WakeAt


class ProspectiveLeader:
    """One leader from its election until it is established, or gives up; then make another.

    It is told each learner's FOLLOWERINFO or OBSERVERINFO, ACKEPOCH and ACK of NEWLEADER, those of
    late learners too, as long as it leads.
    """

    __slots__ = (
        "_acked",
        "_asked",
        "_deadline_ms",
        "_effects",
        "_joined",
        "_limit_ms",
        "_promised",
        "_reported",
        "_synchronised",
        "_waiting",
        "ensemble",
        "epoch",
        "me",
        "phase",
        "standing",
    )

    def __init__(self, me: int, ensemble: Members, standing: Standing, *, limit_ms: int) -> None:
        self.me = me
        self.ensemble = ensemble
        self.standing = standing
        self.phase = Phase.GATHERING
        self.epoch = standing.accepted_epoch + 1
        self._limit_ms = limit_ms
        self._deadline_ms = 0
        # By sid, in the order they came: what is done for each must not depend on a set's order.
        self._reported: dict[int, None] = {me: None}  # their accepted epoch
        self._promised: dict[int, None] = {}  # to follow no leader of a smaller epoch than ours
        self._acked: dict[int, None] = {}  # that they hold our history
        # Of the link that each has now:
        self._joined: dict[int, None] = {}  # has told its accepted epoch
        self._asked: dict[int, None] = {}  # was sent LEADERINFO
        self._waiting: dict[int, int] = {}  # has answered, with its last zxid
        self._synchronised: dict[int, None] = {}  # is sent our history
        self._effects: list[LeaderEffect] = []

    def step(self, now_ms: int, event: LeaderEvent) -> tuple[LeaderEffect, ...]:
        """What to do about it; nothing more once it has given up."""
        if self.phase is Phase.GIVEN_UP:
            return ()
        match event:
            case Begin():
                self._deadline_ms = now_ms + self._limit_ms
                self._effects.append(WakeAt(self._deadline_ms))
                self._gather()
            case Received(sid, packet):
                self._receive(sid, packet)
            case Dismiss(sid):
                self._dismiss(sid)
            case EpochAccepted(epoch):
                if self.phase is Phase.PROMISING and epoch == self.epoch:
                    self._ask()
            case EpochEntered(epoch):
                if self.phase is Phase.SYNCHRONISING and epoch == self.epoch:
                    self._acked[self.me] = None
                    self._establish()
            case Woken():
                if self.phase is not Phase.ESTABLISHED and now_ms >= self._deadline_ms:
                    self._give_up(f"no quorum in time: {self.phase.name.lower()}")
        effects, self._effects = tuple(self._effects), []
        return effects

    @property
    def new_leader_zxid(self) -> int:
        """Of NEWLEADER, and of its acks."""
        return self.epoch << COUNTER_BITS

    @property
    def acked(self) -> tuple[int, ...]:
        """Who holds our history, in the order that they said so."""
        return tuple(self._acked)

    def _receive(self, sid: int, packet: QuorumPacket) -> None:
        match packet.type:
            case PacketType.FOLLOWERINFO | PacketType.OBSERVERINFO:
                self._join(sid, epoch_of(packet.zxid))
            case PacketType.ACKEPOCH:
                try:
                    current_epoch = decode_ack_epoch(packet.data).current_epoch
                except Malformed as error:
                    self._effects.append(Close(sid, f"ACKEPOCH: {error.what}"))
                else:
                    self._hear_promise(sid, current_epoch, packet.zxid)
            case PacketType.ACK:
                self._hear_ack(sid, packet.zxid)
            case _:
                self._effects.append(Close(sid, f"packet {packet.type} during discovery"))

    def _join(self, sid: int, accepted_epoch: int) -> None:
        self._dismiss(sid)
        self._joined[sid] = None
        if self.phase is Phase.GATHERING:
            self._reported[sid] = None
            self.epoch = max(self.epoch, accepted_epoch + 1)
            self._gather()
        elif accepted_epoch > self.epoch and self.ensemble.server(sid) is not None:
            # It may never follow us, and would come again for ever, as a ZooKeeper does. The next
            # election costs less than a quorum that stays short of one.
            self._give_up(f"{sid} has accepted epoch {accepted_epoch}, ours is {self.epoch}")
        elif self.phase is Phase.PROMISING:
            pass  # it is told when our promise is on disk
        else:
            self._ask_one(sid)

    def _dismiss(self, sid: int) -> None:
        """Whatever was under way on its link is void, but not the promises that were made."""
        for of_its_link in (self._joined, self._asked, self._waiting, self._synchronised):
            of_its_link.pop(sid, None)
        # It may be synchronised once more, and until then we cannot say what it holds.
        self._acked.pop(sid, None)

    def _gather(self) -> None:
        """Step 1 of phase 1: an epoch greater than any that a quorum has accepted."""
        if not self.ensemble.is_quorum(self._reported):
            return
        if self.epoch > MOST_EPOCH:
            self._give_up("there are no more epochs")
            return
        self.phase = Phase.PROMISING
        self._effects.append(AcceptEpoch(self.epoch))

    def _ask(self) -> None:
        self.phase = Phase.ASKING
        self._promised[self.me] = None
        for sid in self._joined:
            self._ask_one(sid)
        self._count_promises()

    def _ask_one(self, sid: int) -> None:
        self._asked[sid] = None
        data = encode_payload(LeaderInfo())
        packet = QuorumPacket(PacketType.LEADERINFO, self.new_leader_zxid, data)
        self._effects.append(Send(sid, packet))

    def _hear_promise(self, sid: int, current_epoch: int, last_zxid: int) -> None:
        if sid not in self._asked:
            self._effects.append(Close(sid, "ACKEPOCH that nobody asked for"))
            return
        del self._asked[sid]
        if self.phase is not Phase.ASKING:
            # Once a quorum has promised, and none of it knew more, nobody who does can hold what
            # was committed: its surplus is to be truncated.
            self._synchronise(sid, last_zxid)
            return
        if current_epoch != NO_PROMISE:
            if (current_epoch, last_zxid) > self.standing.history:
                # It may hold what was committed and we lack: nobody may follow us.
                self._give_up(f"{sid} has a longer history")
                return
            self._promised[sid] = None
        self._waiting[sid] = last_zxid
        self._count_promises()

    def _count_promises(self) -> None:
        if self.me in self._promised and self.ensemble.is_quorum(self._promised):
            self.phase = Phase.SYNCHRONISING
            self._effects.append(EnterEpoch(self.epoch))
            waiting, self._waiting = self._waiting, {}
            for sid, last_zxid in waiting.items():
                self._synchronise(sid, last_zxid)

    def _synchronise(self, sid: int, last_zxid: int) -> None:
        self._synchronised[sid] = None
        self._effects.append(Synchronise(sid, last_zxid))

    def _hear_ack(self, sid: int, zxid: int) -> None:
        """Of NEWLEADER, once on each link; that of UPTODATE has the same zxid."""
        if zxid != self.new_leader_zxid or sid not in self._synchronised:
            return
        del self._synchronised[sid]
        self._acked[sid] = None
        if self.phase is Phase.ESTABLISHED:
            self._tell_up_to_date(sid)
        else:
            self._establish()

    def _establish(self) -> None:
        """Step 2 of phase 2: what a quorum holds is committed, so that we may serve it."""
        if self.me in self._acked and self.ensemble.is_quorum(self._acked):
            self.phase = Phase.ESTABLISHED
            self._effects.append(Established(self.epoch))
            for sid in self._acked:
                if sid != self.me:
                    self._tell_up_to_date(sid)

    def _tell_up_to_date(self, sid: int) -> None:
        packet = QuorumPacket(PacketType.UPTODATE, self.new_leader_zxid)
        self._effects.append(Send(sid, packet))

    def _give_up(self, reason: str) -> None:
        self.phase = Phase.GIVEN_UP
        self._effects.append(GiveUp(reason))
