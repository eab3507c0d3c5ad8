"""One prospective leader or follower, with everybody else played by the script."""

from __future__ import annotations

from collections.abc import Sequence

from target_node.durable.names import counter_of, epoch_of
from target_node.durable.operations import AcceptEpoch, EnterEpoch, EpochAccepted, EpochEntered
from target_node.protocol.discovery import (
    Established,
    LeaderEffect,
    LeaderEvent,
    ProspectiveLeader,
    Synchronise,
)
from target_node.protocol.events import Begin, Close, Dismiss, GiveUp, Received, Send, WakeAt, Woken
from target_node.protocol.promise import (
    FollowerEffect,
    FollowerEvent,
    Promised,
    ProspectiveFollower,
    Standing,
)
from target_node.wire.codes import PacketType
from target_node.wire.payloads import (
    NO_PROMISE,
    AckEpoch,
    LeaderInfo,
    LearnerInfo,
    decode_ack_epoch,
    encode_payload,
)
from target_node.wire.quorum import QuorumPacket
from tests.target_node.protocol.members import ensemble
from tests.target_node.protocol.script import options, shown, zxid


def payload(kind: PacketType, sid: int, current: str | None) -> bytes | None:
    match kind:
        case PacketType.FOLLOWERINFO | PacketType.OBSERVERINFO:
            return encode_payload(LearnerInfo(sid))
        case PacketType.LEADERINFO:
            return encode_payload(LeaderInfo())
        case PacketType.ACKEPOCH if current is not None:
            return encode_payload(AckEpoch(NO_PROMISE if current == "none" else int(current)))
        case _:
            return None


def show_packet(packet: QuorumPacket) -> str:
    kind = PacketType(packet.type)
    text = f"{kind.name} {shown(packet.zxid)}"
    if kind is PacketType.ACKEPOCH:
        current = decode_ack_epoch(packet.data).current_epoch
        text += f" current={'none' if current == NO_PROMISE else current}"
    return text


class Candidacy:
    """`from 2 ACKEPOCH 1.7 current=1`: a packet. `disk accepted 2`: a completion of the disk's."""

    def __init__(self) -> None:
        self.leader: ProspectiveLeader | None = None
        self.follower: ProspectiveFollower | None = None
        self.now_ms = 0

    def do(self, command: str, words: Sequence[str]) -> Sequence[str]:
        given = options(words)
        match command:
            case "leader":
                members = ensemble(*[word for word in words[2:] if "=" not in word])
                standing = self.standing(given)
                self.follower = None
                self.leader = ProspectiveLeader(int(words[0]), members, standing, limit_ms=10_000)
                return self.step(Begin())
            case "follower" | "observer":
                me, leader = int(words[0]), int(words[2])
                self.leader = None
                self.follower = ProspectiveFollower(
                    me,
                    leader,
                    self.standing(given),
                    limit_ms=10_000,
                    observes=command == "observer",
                )
                return self.step(Begin())
            case "from":
                sid, kind = int(words[0]), PacketType[words[1]]
                data = payload(kind, sid, given.get("current"))
                return self.step(Received(sid, QuorumPacket(kind, zxid(words[2]), data)))
            case "dismiss":
                return self.step(Dismiss(int(words[0])))
            case "disk":
                epoch = int(words[1])
                done = EpochAccepted(epoch) if words[0] == "accepted" else EpochEntered(epoch)
                return self.step(done)
            case "at":
                self.now_ms = int(words[0])
                return self.step(Woken())
            case _:
                raise AssertionError(command)

    def standing(self, given: dict[str, str]) -> Standing:
        accepted, current = int(given["accepted"]), int(given["current"])
        return Standing(accepted, current, zxid(given["zxid"]))

    def step(self, event: LeaderEvent) -> list[str]:
        effects: Sequence[LeaderEffect | FollowerEffect]
        if self.leader is not None:
            effects = self.leader.step(self.now_ms, event)
        else:
            assert self.follower is not None
            assert not isinstance(event, EpochEntered | Dismiss)
            told: FollowerEvent = event
            effects = self.follower.step(self.now_ms, told)
        return [show(effect) for effect in effects]


def show(effect: LeaderEffect | FollowerEffect) -> str:
    match effect:
        case AcceptEpoch(epoch):
            return f"disk: accept epoch {epoch}"
        case EnterEpoch(epoch):
            return f"disk: enter epoch {epoch}"
        case Send(sid, packet):
            return f"to {sid}: {show_packet(packet)}"
        case Synchronise(sid, last):
            assert epoch_of(last) >= 0
            assert counter_of(last) >= 0
            return f"synchronise {sid} from {shown(last)}"
        case Established(epoch):
            return f"established in epoch {epoch}"
        case Promised(epoch, counts):
            return f"promised epoch {epoch}" + ("" if counts else ", which does not count")
        case Close(sid, reason):
            return f"close {sid}: {reason}"
        case GiveUp(reason):
            return f"give up: {reason}"
        case WakeAt(time_ms):
            return f"wake at {time_ms}"
