"""What is a client answered once its request has been applied?"""

from __future__ import annotations

from typing import Final

from target_node.state.changes import Applied
from target_node.state.reads import Answer
from target_node.wire.client import ReplyHeader, Response, encode_reply
from target_node.wire.codes import ErrorCode, OpCode, Xid
from target_node.wire.data import Stat
from target_node.wire.multi import CheckResult, DeleteResult, MultiResponse, Result
from target_node.wire.replies import (
    Create2Response,
    CreateResponse,
    ErrorResponse,
    GetDataResponse,
    SetACLResponse,
    SetDataResponse,
    WatcherEvent,
)

NO_ZXID: Final = -1  # of an event that tells what was missed, at whatever zxid that was


def answer_write(applied: Applied) -> Answer | None:
    """The answer; None is for a session that has moved: close the connection and say nothing."""
    # The client would take any answer as its session's, and that one is elsewhere (ZOOKEEPER-710).
    if applied.err == ErrorCode.SESSION_MOVED and applied.type == OpCode.ERROR:
        return None
    if applied.type == OpCode.MULTI:
        # A multi that failed is no error as a whole: its parts tell.
        return Answer(applied.zxid, response=MultiResponse(tuple(map(_result, applied.parts))))
    if applied.err:
        return Answer(applied.zxid, applied.err)
    return Answer(applied.zxid, response=_response(applied))


def reply_packet(xid: int, answer: Answer) -> bytes:
    """The reply, not yet framed; the answer's events go out before it."""
    return encode_reply(ReplyHeader(xid, answer.zxid, answer.err), answer.response)


def event_packet(event: WatcherEvent, zxid: int = NO_ZXID) -> bytes:
    """A watch event, with the zxid of the txn that it tells of."""
    return encode_reply(ReplyHeader(Xid.WATCH_EVENT, zxid, ErrorCode.OK), event)


def _stat(applied: Applied) -> Stat:
    assert applied.stat is not None, "the tree gives one for whatever answers with one"
    return applied.stat


def _response(applied: Applied) -> Response | None:
    match applied.type:
        case OpCode.CREATE:
            return CreateResponse(applied.path)
        case OpCode.CREATE2 | OpCode.CREATE_CONTAINER | OpCode.CREATE_TTL:
            return Create2Response(applied.path, _stat(applied))
        case OpCode.SET_DATA:
            return SetDataResponse(_stat(applied))
        case OpCode.RECONFIG:
            return GetDataResponse(applied.data, _stat(applied))
        case OpCode.SET_ACL:
            return SetACLResponse(_stat(applied))
        case _:
            return None


def _result(part: Applied) -> Result:
    match part.type:
        case OpCode.ERROR:
            return ErrorResponse(part.err)
        case OpCode.DELETE | OpCode.DELETE_CONTAINER:
            return DeleteResult()
        case OpCode.CHECK:
            return CheckResult()
        case OpCode.CREATE:
            return CreateResponse(part.path)
        case OpCode.SET_DATA:
            return SetDataResponse(_stat(part))
        case _:
            # Nested ones answer as they do alone (ZOOKEEPER-4026).
            return Create2Response(part.path, _stat(part))
