"""What do packets, operations and notes look like in a script?

Zxids are written 1.a: the tenth txn of epoch 1. Sessions go by the name of who began them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from target_node.durable.operations import (
    AcceptEpoch,
    Append,
    EnterEpoch,
    InstallSnapshot,
    Operation,
    Purge,
    ReadAfter,
    TakeSnapshot,
    Truncate,
)
from target_node.durable.scan import zxid_of
from target_node.server.events import Note
from target_node.wire.client import OPS, Request, Response, encode_body
from target_node.wire.codes import ErrorCode, EventType, OpCode, PacketType
from target_node.wire.data import OPEN_ACL_UNSAFE
from target_node.wire.election import Notification
from target_node.wire.payloads import (
    AckEpoch,
    ForwardedRequest,
    LeaderInfo,
    LearnerInfo,
    Revalidate,
    Revalidated,
    Touch,
    decode_ack_epoch,
    decode_activation,
    decode_forwarded,
    decode_revalidate,
    decode_revalidated,
    decode_touches,
    encode_activation,
    encode_config,
    encode_payload,
    encode_touches,
)
from target_node.wire.quorum import QuorumPacket
from target_node.wire.replies import (
    CreateResponse,
    ExistsResponse,
    GetChildrenResponse,
    GetDataResponse,
    SetDataResponse,
    WatcherEvent,
)
from target_node.wire.requests import (
    CheckVersionRequest,
    CloseSessionRequest,
    CreateRequest,
    DeleteRequest,
    ExistsRequest,
    GetChildrenRequest,
    GetDataRequest,
    PingRequest,
    SetDataRequest,
    SetWatchesRequest,
    SyncRequest,
)
from target_node.wire.txn import (
    CloseSessionTxn,
    CreateSessionTxn,
    CreateTxn,
    DeleteTxn,
    ErrorTxn,
    SetDataTxn,
    TxnBody,
    TxnHeader,
    decode_txn,
    encode_txn,
)
from tests.target_node.protocol.script import options, shown, zxid

ANY = -1
NOTED = {  # event: which of its facts
    "leaving": ("role", "reason"),
    "serving": ("role",),
    "established": (),
    "learner_closed": ("reason",),
    "client_refused": ("reason",),
    "link_refused": ("reason",),
    "session_expired": (),
    "not_serving": (),
}


def request_of(words: Sequence[str]) -> Request:
    """`create /a x ephemeral`, `set /a y version=1`, `get /a watch`, `sync`, `close` …"""
    given, plain = options(words), [word for word in words if "=" not in word]
    path = plain[1] if len(plain) > 1 else "/"
    data = plain[2].encode() if len(plain) > 2 else b""
    version, watch = int(given.get("version", ANY)), "watch" in plain
    requests: Mapping[str, Request] = {
        "create": CreateRequest(path, data, OPEN_ACL_UNSAFE, int("ephemeral" in plain)),
        "set": SetDataRequest(path, data, version),
        "delete": DeleteRequest(path, version),
        "check": CheckVersionRequest(path, version),
        "get": GetDataRequest(path, watch),
        "exists": ExistsRequest(path, watch),
        "children": GetChildrenRequest(path, watch),
        "watches": SetWatchesRequest(zxid(given.get("since", "0.0")), (path,), (), ()),
        "sync": SyncRequest(path),
        "ping": PingRequest(),
        "close": CloseSessionRequest(),
    }
    return requests[plain[0]]


def show_response(response: Response | None) -> str:
    match response:
        case CreateResponse(path):
            return f" made {path}"
        case GetDataResponse(data, stat):
            return f" {(data or b'').decode()!r} version {stat.version}"
        case SetDataResponse(stat):
            return f" version {stat.version}"
        case ExistsResponse(stat):
            return f" made by {shown(stat.czxid)}"
        case GetChildrenResponse(children):
            return " " + " ".join(sorted(filter(None, children)))
        case WatcherEvent(kind, _, path):
            return f"{EventType(kind).name} {path}"
        case _:
            return ""


def txn_of(number: int, words: Sequence[str], sessions: Mapping[str, int]) -> bytes:
    """`create /a x by=a cxid=1`; `opens a`, `closes a`, `error NO_NODE by=a cxid=1`."""
    given, plain = options(words), [word for word in words if "=" not in word]
    path = plain[1] if len(plain) > 1 else "/"
    data = plain[2].encode() if len(plain) > 2 else b""
    session = sessions.get(given.get("by", ""), 0)
    made: tuple[OpCode, TxnBody]
    match plain[0]:
        case "opens" | "closes":
            session = sessions[plain[1]]
            closing = (OpCode.CLOSE_SESSION, CloseSessionTxn(()))
            opening = (OpCode.CREATE_SESSION, CreateSessionTxn(4000))
            made = opening if plain[0] == "opens" else closing
        case "create":
            ephemeral = "ephemeral" in plain
            made = (OpCode.CREATE, CreateTxn(path, data, OPEN_ACL_UNSAFE, ephemeral, -1))
        case "set":
            made = (OpCode.SET_DATA, SetDataTxn(path, data, int(given["version"])))
        case "delete":
            made = (OpCode.DELETE, DeleteTxn(path))
        case "error":
            made = (OpCode.ERROR, ErrorTxn(ErrorCode[plain[1]]))
        case _:
            raise AssertionError(words)
    op, body = made
    header = TxnHeader(session, int(given.get("cxid", 0)), number, 0, op)
    return encode_txn(header, body)


def packet_of(sid: int, words: Sequence[str], sessions: Mapping[str, int]) -> QuorumPacket:
    """`PROPOSAL 2.1 create /a x`, `ACKEPOCH 1.3 current=1`, `PING touches=a,b` …"""
    kind = PacketType[words[0]]
    number = zxid(words[1]) if len(words) > 1 and words[1][0].isdigit() else 0
    given, data = options(words), None
    match kind:
        case PacketType.FOLLOWERINFO | PacketType.OBSERVERINFO:
            data = encode_payload(LearnerInfo(int(given.get("sid", sid))))
        case PacketType.LEADERINFO:
            data = encode_payload(LeaderInfo())
        case PacketType.ACKEPOCH:
            data = encode_payload(AckEpoch(int(given["current"])))
        case PacketType.NEWLEADER:
            data = encode_config("")
        case PacketType.PROPOSAL | PacketType.INFORM:
            data = txn_of(number, words[2:], sessions)
        case PacketType.REVALIDATE if words[-1] in ("alive", "gone"):
            data = encode_payload(Revalidated(sessions[words[2]], words[-1] == "alive"))
        case PacketType.REVALIDATE:
            data = encode_payload(Revalidate(sessions[words[2]], 4000))
        case PacketType.REQUEST:
            request = request_of(words[3:])
            asked = ForwardedRequest(
                sessions[words[2]], 1, OPS[type(request)], encode_body(request)
            )
            data = encode_payload(asked)
        case PacketType.PING:
            heard = [name for name in given.get("touches", "").split(",") if name]
            data = encode_touches(tuple(Touch(sessions[name], 4000) for name in heard))
        case PacketType.COMMITANDACTIVATE:
            data = encode_activation(int(given["leads"]))
        case _:
            pass
    return QuorumPacket(kind, number, data)


def show_packet(packet: QuorumPacket, names: Mapping[int, str]) -> str:
    """As in a script, with what is in it that matters."""
    kind = PacketType(packet.type)
    text = f"{kind.name} {shown(packet.zxid)}" if packet.zxid > 0 else kind.name
    match kind:
        case PacketType.ACKEPOCH:
            text += f" current={decode_ack_epoch(packet.data).current_epoch}"
        case PacketType.REQUEST:
            asked = decode_forwarded(packet.data)
            text += f" {OpCode(asked.type).name} by={names[asked.session]} cxid={asked.cxid}"
        case PacketType.REVALIDATE if len(packet.data or b"") == 12:
            text += f" {names[decode_revalidate(packet.data).session]}"
        case PacketType.REVALIDATE:
            answer = decode_revalidated(packet.data)
            text += f" {names[answer.session]} {'alive' if answer.valid else 'gone'}"
        case PacketType.PING if packet.data:
            heard = [names[touch.session] for touch in decode_touches(packet.data)]
            text += f" touches={','.join(heard)}"
        case PacketType.PROPOSAL | PacketType.INFORM:
            text += f" {OpCode(decode_txn(packet.data or b'')[0].type).name}"
        case PacketType.COMMITANDACTIVATE:
            text += f" leads={decode_activation(packet.data)[0]}"
        case _:
            pass
    return text


def show_vote(vote: Notification) -> str:
    return (
        f"{vote.state.name} {vote.leader} {shown(vote.zxid)} "
        f"round={vote.election_epoch} epoch={vote.peer_epoch}"
    )


def show_operation(operation: Operation) -> str:
    match operation:
        case Append(payloads):
            return "append " + " ".join(shown(zxid_of(one)) for one in payloads)
        case AcceptEpoch(epoch):
            return f"accept epoch {epoch}"
        case EnterEpoch(epoch):
            return f"enter epoch {epoch}"
        case Truncate(to):
            return f"truncate to {shown(to)}"
        case InstallSnapshot(of):
            return f"install the tree of {shown(of)}"
        case ReadAfter(after):
            return f"read what is behind {shown(after)}"
        case TakeSnapshot(of):
            return f"take a snapshot of {shown(of)}"
        case Purge():
            return "purge"


def show_note(note: Note) -> list[str]:
    """Nothing, of most."""
    if note.event == "applied":
        return [f"apply {shown(int(str(note.detail['zxid'])))}"]
    if note.event not in NOTED:
        return []
    facts = [str(note.detail[key]) for key in NOTED[note.event]]
    return [" ".join(["note:", note.event, *facts])]
