"""What does a learner make of what its leader sends it?

Phase 2 of the ZAB paper, synchronization, and the learner's side of phase 3. First comes a history:
DIFF (what we have, and then this), TRUNC (less than we have) or SNAP (all of it anew), up to
NEWLEADER. Once that is on disk we say so; UPTODATE tells that a quorum has, and that we may serve.

Rules of this file:
1. History before epoch before ack (ZOOKEEPER-4643, 4646): the txns, then currentEpoch, then the ack
   of NEWLEADER are one after the other on the disk's queue, and the ack leaves when that is done.
2. What is proposed while we synchronise goes to disk behind that, so its ack comes behind the ack
   of NEWLEADER (ZOOKEEPER-4685), and its commit finds it, whenever that comes (ZOOKEEPER-4394).
3. A history that broke off is forgotten: nothing of it is applied before NEWLEADER
   (ZOOKEEPER-5094).
4. Proposals come without a hole, and commits in the order of proposals. Else we leave this leader.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from enum import Enum, auto

from target_node.durable.names import epoch_of, follows
from target_node.durable.operations import (
    Append,
    Appended,
    EnterEpoch,
    EpochEntered,
    Truncate,
    Truncated,
    TruncateRefused,
)
from target_node.durable.scan import TXN_HEADER_SIZE, Txn, zxid_of
from target_node.protocol.broadcast import Commit
from target_node.protocol.events import Begin, GiveUp, Received, Send, WakeAt, Woken
from target_node.wire.codes import PacketType
from target_node.wire.payloads import decode_activation
from target_node.wire.quorum import QuorumPacket


@dataclass(frozen=True, slots=True)
class SnapshotCame:
    """All of the bytes behind a SNAP are here; whoever has them makes the disk install them."""

    zxid: int


@dataclass(frozen=True, slots=True)
class Confirm:
    """DIFF: all that we have logged is the leader's history too."""


@dataclass(frozen=True, slots=True)
class AwaitSnapshot:
    """SNAP: what follows on the link is no packet, up to its end."""

    zxid: int


@dataclass(frozen=True, slots=True)
class Unreached:
    """We cannot truncate to where the leader wants: ask the next one for all of its history."""


@dataclass(frozen=True, slots=True)
class Joined:
    """NEWLEADER: the leader's history is ours up to here, and this is its membership."""

    zxid: int
    config: bytes


@dataclass(frozen=True, slots=True)
class Serve:
    """UPTODATE: what we have applied is committed. Let clients in."""

    epoch: int


@dataclass(frozen=True, slots=True)
class Activate:
    """The txn just committed makes new members of the ensemble; this one leads them."""

    leader: int


@dataclass(frozen=True, slots=True)
class Pass:
    """A packet that is about sessions (PING, REVALIDATE, SYNC): somebody else's business."""

    packet: QuorumPacket


class Stage(Enum):
    """How far a learner is."""

    WAITING = auto()  # to be told what to do with its history
    BLOCKED = auto()  # a snapshot comes, or the disk truncates: everything else waits
    COLLECTING = auto()  # what the leader's history is
    STORING = auto()  # that history, and the leader's epoch
    STORED = auto()  # and told so
    SERVING = auto()
    LEFT = auto()


Event = (
    Begin | Received | SnapshotCame | Truncated | TruncateRefused | EpochEntered | Appended | Woken
)
Effect = (
    Append
    | EnterEpoch
    | Truncate
    | Send
    | Commit
    | Confirm
    | AwaitSnapshot
    | Unreached
    | Joined
    | Serve
    | Activate
    | Pass
    | GiveUp
    | WakeAt
)


class Learner:
    """One learner, from its promise until it leaves this leader; then make another."""

    __slots__ = (
        "_blocked",
        "_effects",
        "_heard_ms",
        "_init_ms",
        "_pending",
        "_received",
        "_sync_ms",
        "_unacked",
        "_uncommitted",
        "epoch",
        "last_zxid",
        "leader",
        "observes",
        "stage",
    )

    def __init__(
        self,
        leader: int,
        epoch: int,
        last_zxid: int,
        *,
        init_ms: int,
        sync_ms: int,
        observes: bool = False,
    ) -> None:
        self.leader = leader
        self.epoch = epoch
        self.last_zxid = last_zxid  # the last that the history has, on disk or on its way there
        self.observes = observes
        self.stage = Stage.WAITING
        self._init_ms = init_ms
        self._sync_ms = sync_ms
        self._heard_ms = 0
        self._received: list[Txn] = []  # the leader's history, behind what we had
        self._uncommitted = 0  # where in `_received` the first stands that is only proposed
        self._pending: deque[Txn] = deque()  # on its way to disk or there, not committed
        self._unacked: deque[int] = deque()
        self._blocked: deque[QuorumPacket] = deque()
        self._effects: list[Effect] = []

    def step(self, now_ms: int, event: Event) -> tuple[Effect, ...]:
        """What to do about it; nothing more once it has left."""
        if self.stage is Stage.LEFT:
            return ()
        match event:
            case Begin():
                self._heard_ms = now_ms
                self._effects.append(WakeAt(now_ms + self._limit_ms()))
            case Received(_, packet):
                self._heard_ms = now_ms
                self._receive(packet)
            case SnapshotCame(zxid) | Truncated(zxid):
                self._heard_ms = now_ms
                self.last_zxid = zxid
                self._unblock()
            case TruncateRefused(_, problem):
                self._effects.append(Unreached())
                self._leave(problem)
            case EpochEntered(epoch):
                self._ack_new_leader(epoch)
            case Appended(zxid):
                self._ack(zxid)
            case Woken():
                self._wake(now_ms)
        effects, self._effects = tuple(self._effects), []
        return effects

    def heard(self, now_ms: int) -> None:
        """The leader is alive: bytes came, if not yet a packet."""
        self._heard_ms = now_ms

    @property
    def pending(self) -> tuple[Txn, ...]:
        """What may be committed and may not: it is in our log, or about to be."""
        return tuple(self._pending)

    def _receive(self, packet: QuorumPacket) -> None:
        match self.stage:
            case Stage.WAITING:
                self._receive_plan(packet)
            case Stage.BLOCKED:
                self._blocked.append(packet)
            case Stage.COLLECTING:
                self._collect(packet)
            case Stage.STORING | Stage.STORED | Stage.SERVING:
                self._follow(packet)
            case Stage.LEFT:
                pass

    def _receive_plan(self, packet: QuorumPacket) -> None:
        match packet.type:
            case PacketType.DIFF:
                self.stage = Stage.COLLECTING
                self._effects.append(Confirm())
            case PacketType.TRUNC:
                self.stage = Stage.BLOCKED
                self._effects.append(Truncate(packet.zxid))
            case PacketType.SNAP if not 0 <= epoch_of(packet.zxid) <= self.epoch:
                self._blame(f"a tree of 0x{packet.zxid:x} of a leader of epoch {self.epoch}")
            case PacketType.SNAP:
                self.stage = Stage.BLOCKED
                self._effects.append(AwaitSnapshot(packet.zxid))
            case _:
                self._blame(f"packet {packet.type} where DIFF, TRUNC or SNAP must come")

    def _unblock(self) -> None:
        assert self.stage is Stage.BLOCKED, "nothing was to be replaced"
        self.stage = Stage.COLLECTING
        blocked, self._blocked = self._blocked, deque()
        for packet in blocked:
            self._receive(packet)

    def _collect(self, packet: QuorumPacket) -> None:
        match packet.type:
            case PacketType.PROPOSAL:
                if (txn := self._next(packet.data)) is not None:
                    self._received.append(txn)
            case PacketType.COMMIT | PacketType.COMMITANDACTIVATE:
                proposed = self._received[self._uncommitted : self._uncommitted + 1]
                if not proposed or proposed[0].zxid != packet.zxid:
                    self._blame(f"commit of 0x{packet.zxid:x}, which is not the oldest proposal")
                else:
                    self._uncommitted += 1
            case PacketType.INFORM | PacketType.INFORMANDACTIVATE:
                if (txn := self._next(_txn_of(packet))) is not None:
                    self._received.append(txn)
                    self._uncommitted = len(self._received)
            case PacketType.NEWLEADER:
                self._join(packet)
            case PacketType.PING:
                pass  # ZooKeeper asks everybody, but takes answers only from those it has synced
            case _:
                self._blame(f"packet {packet.type} during synchronization")

    def _join(self, packet: QuorumPacket) -> None:
        if epoch_of(packet.zxid) != self.epoch:
            self._blame(f"epoch {epoch_of(packet.zxid)}, but {self.epoch} was promised")
            return
        committed = self._received[: self._uncommitted]
        proposed = self._received[self._uncommitted :]
        self._received = []
        if committed:
            self._effects.append(Append(tuple(txn.payload for txn in committed)))
            self._effects.extend(map(Commit, committed))
        self._effects += [Joined(packet.zxid, packet.data or b""), EnterEpoch(self.epoch)]
        self.stage = Stage.STORING
        for txn in proposed:
            self._log(txn)

    def _ack_new_leader(self, epoch: int) -> None:
        if self.stage is Stage.STORING and epoch == self.epoch:
            self.stage = Stage.STORED
            self._send_ack(self.epoch << 32)

    def _follow(self, packet: QuorumPacket) -> None:
        match packet.type:
            case PacketType.PROPOSAL:
                if (txn := self._next(packet.data)) is not None:
                    self._log(txn)
            case PacketType.COMMIT | PacketType.COMMITANDACTIVATE:
                if not self._pending or self._pending[0].zxid != packet.zxid:
                    self._blame(f"commit of 0x{packet.zxid:x}, which is not the oldest proposal")
                else:
                    self._effects.append(Commit(self._pending.popleft()))
                    self._activate(packet)
            case PacketType.INFORM | PacketType.INFORMANDACTIVATE:
                if (txn := self._next(_txn_of(packet))) is not None:
                    self._effects += [Append((txn.payload,)), Commit(txn)]
                    self._activate(packet)
            case PacketType.UPTODATE:
                if self.stage is not Stage.STORED:
                    self._blame("UPTODATE before our ack of NEWLEADER")
                    return
                self.stage = Stage.SERVING
                self._effects += [Serve(self.epoch), WakeAt(self._heard_ms + self._sync_ms)]
                # ZooKeeper says it twice, and does not mind hearing it twice.
                self._send_ack(self.epoch << 32)
            case PacketType.PING | PacketType.REVALIDATE | PacketType.SYNC:
                if self.stage is Stage.SERVING:
                    self._effects.append(Pass(packet))
            case _:
                self._blame(f"packet {packet.type} while we follow")

    def _activate(self, packet: QuorumPacket) -> None:
        if packet.type in (PacketType.COMMITANDACTIVATE, PacketType.INFORMANDACTIVATE):
            leader, _ = decode_activation(packet.data)
            self._effects.append(Activate(leader))

    def _next(self, payload: bytes | None) -> Txn | None:
        """The txn, if it is the one that has to come now."""
        if payload is None or len(payload) < TXN_HEADER_SIZE:
            self._blame("a proposal without a txn")
            return None
        zxid = zxid_of(payload)
        if not follows(zxid, self.last_zxid):
            self._blame(f"txn 0x{zxid:x} after 0x{self.last_zxid:x}: some are missing between")
            return None
        # Behind NEWLEADER there is but one epoch; of a later one than that nothing is anywhere.
        joined = self.stage is not Stage.COLLECTING
        if epoch_of(zxid) > self.epoch or (joined and epoch_of(zxid) != self.epoch):
            self._blame(f"txn 0x{zxid:x} of a leader of epoch {self.epoch}")
            return None
        self.last_zxid = zxid
        return Txn(zxid, payload)

    def _log(self, txn: Txn) -> None:
        self._pending.append(txn)
        if not self.observes:
            self._unacked.append(txn.zxid)
        self._effects.append(Append((txn.payload,)))

    def _ack(self, durable: int) -> None:
        # Never before the ack of NEWLEADER: these were behind it in the disk's queue.
        while self._unacked and self._unacked[0] <= durable:
            self._send_ack(self._unacked.popleft())

    def _send_ack(self, zxid: int) -> None:
        self._effects.append(Send(self.leader, QuorumPacket(PacketType.ACK, zxid)))

    def _limit_ms(self) -> int:
        return self._sync_ms if self.stage is Stage.SERVING else self._init_ms

    def _wake(self, now_ms: int) -> None:
        due_ms = self._heard_ms + self._limit_ms()
        if now_ms >= due_ms:
            self._leave("the leader is silent")
        else:
            self._effects.append(WakeAt(due_ms))

    def _blame(self, breach: str) -> None:
        self.stage = Stage.LEFT
        self._effects.append(GiveUp(breach, breach=True))

    def _leave(self, reason: str) -> None:
        self.stage = Stage.LEFT
        self._effects.append(GiveUp(reason))


def _txn_of(packet: QuorumPacket) -> bytes | None:
    if packet.type == PacketType.INFORMANDACTIVATE:
        return decode_activation(packet.data)[1]
    return packet.data
