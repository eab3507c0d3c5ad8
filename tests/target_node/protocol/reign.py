"""One established leader, with its learners and its disk played by the script."""

from __future__ import annotations

from collections.abc import Sequence

from target_node.durable.operations import Append, Appended
from target_node.durable.scan import Txn
from target_node.protocol.broadcast import (
    Activate,
    Admit,
    Broadcast,
    Commit,
    Effect,
    Event,
    Include,
    Propose,
    Sync,
    Synced,
)
from target_node.protocol.events import Begin, Dismiss, GiveUp, Received, Send, WakeAt, Woken
from target_node.wire.codes import PacketType
from target_node.wire.payloads import decode_activation
from target_node.wire.quorum import QuorumPacket
from tests.target_node.protocol.members import ensemble
from tests.target_node.protocol.script import options, shown, zxid


class Reign:
    def __init__(self) -> None:
        self.broadcast = Broadcast(1, ensemble(1), 0)
        self.now_ms = 0

    def do(self, command: str, words: Sequence[str]) -> list[str]:
        """`leader 1 of 1 2 3 epoch=2 [count=…]`: it has proposed and committed so many."""
        if command == "leader":
            given = options(words)
            members = ensemble(*[word for word in words[2:] if "=" not in word])
            self.broadcast = Broadcast(int(words[0]), members, int(given["epoch"]))
            if "count" in given:
                start = int(given["epoch"]) << 32 | int(given["count"], 16)
                self.broadcast.committed = self.broadcast.proposed = start
            return self.step(Begin())
        if command == "joins":  # admitted, synchronised and up to date
            return [
                line
                for word in words
                for event in (Admit(int(word)), Include(int(word)))
                for line in self.step(event)
            ]
        return self.step(self.event(command, words))

    def event(self, command: str, words: Sequence[str]) -> Event:
        """`propose members 1 2 4` is a change of members."""
        match command:
            case "propose":
                number = self.broadcast.next_zxid
                members = ensemble(*words[1:], version=number) if words else None
                return Propose(Txn(number, b"txn"), members)
            case "admit":
                return Admit(int(words[0]), observes="observer" in words)
            case "include":
                return Include(int(words[0]))
            case "dismiss":
                return Dismiss(int(words[0]))
            case "sync":
                return Sync(words[0])
            case "from":
                number = zxid(words[2]) if len(words) > 2 else 0
                return Received(int(words[0]), QuorumPacket(PacketType[words[1]], number))
            case "disk":
                return Appended(zxid(words[1]))
            case "at":
                self.now_ms = int(words[0])
                return Woken()
            case _:
                raise AssertionError(command)

    def step(self, event: Event) -> list[str]:
        return [show(effect) for effect in self.broadcast.step(self.now_ms, event)]


def show_packet(packet: QuorumPacket) -> str:
    text = f"{PacketType(packet.type).name} {shown(packet.zxid)}"
    if packet.type in (PacketType.COMMITANDACTIVATE, PacketType.INFORMANDACTIVATE):
        leader, txn = decode_activation(packet.data)
        text += f" leads={leader}{' with the txn' if txn else ''}"
    return text


def show(effect: Effect) -> str:
    match effect:
        case Append(payloads):
            return f"disk: append {len(payloads)}"
        case Send(sid, packet):
            return f"to {sid}: {show_packet(packet)}"
        case Activate(members, leader):
            return f"members {' '.join(map(str, members.voters))}, led by {leader}"
        case Commit(txn):
            return f"commit {shown(txn.zxid)}"
        case Synced(token):
            return f"synced {token}"
        case GiveUp(reason):
            return f"give up: {reason}"
        case WakeAt(time_ms):
            return f"wake at {time_ms}"
