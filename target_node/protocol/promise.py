"""May I follow this leader, in the epoch that it proposes?

The learner's side of phase 1 of the ZAB paper: it tells the last epoch it has accepted, hears a
greater one, and promises to follow no leader of a smaller. The promise is on disk before it is
told (ZOOKEEPER-1291): ACKEPOCH leaves in the step of `EpochAccepted`, never before.
"""

from __future__ import annotations

from dataclasses import dataclass

from target_node.durable.names import COUNTER_BITS, epoch_of
from target_node.durable.operations import AcceptEpoch, EpochAccepted
from target_node.protocol.events import Begin, GiveUp, Received, Send, WakeAt, Woken
from target_node.wire.codes import PacketType
from target_node.wire.payloads import NO_PROMISE, AckEpoch, LearnerInfo, encode_payload
from target_node.wire.quorum import QuorumPacket


@dataclass(frozen=True, slots=True)
class Standing:
    """What a server brings into the discovery.

    `accepted_epoch` is the highest that its disk was asked to keep, done or not.
    """

    accepted_epoch: int
    current_epoch: int
    last_zxid: int

    @property
    def history(self) -> tuple[int, int]:
        """The greater one may hold txns that the smaller lacks, and they may be committed."""
        return self.current_epoch, self.last_zxid


@dataclass(frozen=True, slots=True)
class Promised:
    """The leader knows of our promise, or needs none: what it sends next is its history.

    It `counts` for the leader's quorum unless the epoch may have been promised to another.
    """

    epoch: int
    counts: bool


FollowerEvent = Begin | Received | EpochAccepted | Woken
FollowerEffect = AcceptEpoch | Send | Promised | GiveUp | WakeAt


class ProspectiveFollower:
    """One learner from its link to a leader until that knows of its promise; then make another."""

    __slots__ = (
        "_asked",
        "_deadline_ms",
        "_done",
        "_limit_ms",
        "_wants_all",
        "leader",
        "me",
        "observes",
        "standing",
    )

    def __init__(
        self,
        me: int,
        leader: int,
        standing: Standing,
        *,
        limit_ms: int,
        observes: bool = False,
        wants_all: bool = False,
    ) -> None:
        """`wants_all`: our history could not be cut to a leader's, so it must send all of its own.

        Then our word must not count, for we do not tell what we hold.
        """
        self.me = me
        self.leader = leader
        self.standing = standing
        self.observes = observes
        self._limit_ms = limit_ms
        self._wants_all = wants_all
        self._deadline_ms = 0
        self._asked: int | None = None  # the epoch of LEADERINFO, while the disk keeps our promise
        self._done = False

    def step(self, now_ms: int, event: FollowerEvent) -> tuple[FollowerEffect, ...]:
        """What to do about it; nothing more once it is done, or has given up."""
        if self._done:
            return ()
        match event:
            case Begin():
                self._deadline_ms = now_ms + self._limit_ms
                return (WakeAt(self._deadline_ms), Send(self.leader, self._introduction()))
            case Received(sid, packet):
                if sid != self.leader:
                    return ()
                if packet.type != PacketType.LEADERINFO or self._asked is not None:
                    return self._give_up(f"packet {packet.type} during discovery", breach=True)
                return self._hear_epoch(epoch_of(packet.zxid))
            case EpochAccepted(epoch):
                # Of an earlier leader's, perhaps: this one's comes behind it.
                if epoch == self._asked:
                    return self._answer(epoch, self.standing.current_epoch)
                return ()
            case Woken():
                if now_ms >= self._deadline_ms:
                    return self._give_up("the leader has come to no epoch in time")
                return ()

    def _introduction(self) -> QuorumPacket:
        kind = PacketType.OBSERVERINFO if self.observes else PacketType.FOLLOWERINFO
        zxid = self.standing.accepted_epoch << COUNTER_BITS
        return QuorumPacket(kind, zxid, encode_payload(LearnerInfo(self.me)))

    def _hear_epoch(self, epoch: int) -> tuple[FollowerEffect, ...]:
        accepted = self.standing.accepted_epoch
        if epoch < accepted:
            return self._give_up(f"epoch {epoch}, but {accepted} was promised to another leader")
        if epoch == accepted:
            # Whom we promised it to we do not know any more: not twice. But its history we take.
            return self._answer(epoch, NO_PROMISE)
        self._asked = epoch
        return (AcceptEpoch(epoch),)

    def _answer(self, epoch: int, current_epoch: int) -> tuple[FollowerEffect, ...]:
        self._done = True
        last_zxid = self.standing.last_zxid
        if self._wants_all:
            current_epoch, last_zxid = NO_PROMISE, 0
        data = encode_payload(AckEpoch(current_epoch))
        packet = QuorumPacket(PacketType.ACKEPOCH, last_zxid, data)
        return (Send(self.leader, packet), Promised(epoch, counts=current_epoch != NO_PROMISE))

    def _give_up(self, reason: str, *, breach: bool = False) -> tuple[FollowerEffect, ...]:
        self._done = True
        return (GiveUp(reason, breach),)
