"""One learner, with its leader, its disk and the clock played by the script."""

from __future__ import annotations

from collections.abc import Sequence

from target_node.durable.operations import (
    Append,
    Appended,
    EnterEpoch,
    EpochEntered,
    Truncate,
    Truncated,
    TruncateRefused,
)
from target_node.durable.recovery import Recovered
from target_node.durable.scan import zxid_of
from target_node.protocol.broadcast import Commit
from target_node.protocol.events import Begin, GiveUp, Received, Send, WakeAt, Woken
from target_node.protocol.learner import (
    Activate,
    AwaitSnapshot,
    Confirm,
    Effect,
    Event,
    Joined,
    Learner,
    Pass,
    Serve,
    SnapshotCame,
    Unreached,
)
from target_node.wire.codes import OpCode, PacketType
from target_node.wire.payloads import encode_activation
from target_node.wire.quorum import QuorumPacket
from target_node.wire.txn import ErrorTxn, TxnHeader, encode_txn
from tests.target_node.protocol.script import options, shown, zxid

LEADER = 1
WITH_TXN = (PacketType.PROPOSAL, PacketType.INFORM, PacketType.INFORMANDACTIVATE)


def payload(number: int) -> bytes:
    return encode_txn(TxnHeader(0, 0, number, 0, OpCode.ERROR), ErrorTxn(0))


def said(words: Sequence[str]) -> QuorumPacket:
    """`PROPOSAL 2.1`, with its txn unless it is `bare`; `COMMITANDACTIVATE 2.1 leads=3`."""
    kind, number = PacketType[words[0]], zxid(words[1])
    data = payload(number) if kind in WITH_TXN and "bare" not in words else None
    if kind is PacketType.NEWLEADER:
        data = b"the members"
    if leads := options(words).get("leads"):
        data = encode_activation(int(leads), data or b"")
    return QuorumPacket(kind, number, data)


class Following:
    """`leader PROPOSAL 2.1` is what it hears, `disk appended 2.1` what its disk has done."""

    def __init__(self) -> None:
        self.learner = Learner(LEADER, 0, 0, init_ms=0, sync_ms=0)
        self.now_ms = 0

    def do(self, command: str, words: Sequence[str]) -> list[str]:
        """`follower epoch=2 last=1.3`: that epoch it has promised, and so far its log goes."""
        if command in ("follower", "observer"):
            given = options(words)
            self.learner = Learner(
                LEADER,
                int(given["epoch"]),
                zxid(given["last"]),
                init_ms=10_000,
                sync_ms=5000,
                observes=command == "observer",
            )
            return self.step(Begin())
        if command == "pending":
            return [" ".join(shown(txn.zxid) for txn in self.learner.pending) or "nothing"]
        if command == "bytes":
            self.learner.heard(self.now_ms)
            return []
        return self.step(self.event(command, words))

    def event(self, command: str, words: Sequence[str]) -> Event:
        match command:
            case "leader":
                return Received(LEADER, said(words))
            case "image":
                return SnapshotCame(zxid(words[0]))
            case "disk":
                return done(*words)
            case "at":
                self.now_ms = int(words[0])
                return Woken()
            case _:
                raise AssertionError(command)

    def step(self, event: Event) -> list[str]:
        return [show(effect) for effect in self.learner.step(self.now_ms, event)]


def done(what: str, number: str) -> Event:
    match what:
        case "appended":
            return Appended(zxid(number))
        case "entered":
            return EpochEntered(int(number))
        case "truncated":
            return Truncated(zxid(number), Recovered(None, (), 0, 0, 0, ()), None)
        case "refuses":
            return TruncateRefused(zxid(number), f"{number} is not in the log")
        case _:
            raise AssertionError(what)


def show(effect: Effect) -> str:
    match effect:
        case Append(payloads):
            return "disk: append " + " ".join(shown(zxid_of(one)) for one in payloads)
        case EnterEpoch(epoch):
            return f"disk: enter epoch {epoch}"
        case Truncate(to):
            return f"disk: truncate to {shown(to)}"
        case Send(_, packet):
            return f"to leader: {PacketType(packet.type).name} {shown(packet.zxid)}"
        case GiveUp(reason):
            return f"give up: {reason}"
        case WakeAt(time_ms):
            return f"wake at {time_ms}"
        case _:
            return show_of_a_learner(effect)


def show_of_a_learner(
    effect: Commit | Confirm | AwaitSnapshot | Unreached | Joined | Serve | Activate | Pass,
) -> str:
    match effect:
        case Commit(txn):
            return f"commit {shown(txn.zxid)}"
        case Confirm():
            return "our log is the leader's"
        case AwaitSnapshot(of):
            return f"await the tree of {shown(of)}"
        case Unreached():
            return "want the whole history next time"
        case Joined(of, config):
            return f"joined at {shown(of)}, members: {config.decode()}"
        case Serve(epoch):
            return f"serve in epoch {epoch}"
        case Activate(leader):
            return f"activate the new members, led by {leader}"
        case Pass(packet):
            return f"for the sessions: {PacketType(packet.type).name}"
