"""Which packets do a client and a server exchange once they are connected?

A request is a `RequestHeader` and a body, whose class is `REQUESTS[header.type]`. A reply is a
`ReplyHeader` and, only if its `err` is 0, a body. Nothing in it says of which type the body is: the
client remembers what it asked under that xid. A watch event is a reply to nothing, under xid -1.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from target_node.wire.codes import ErrorCode, OpCode
from target_node.wire.jute import Malformed, Reader, Writer
from target_node.wire.multi import (
    MultiReadRequest,
    MultiRequest,
    MultiResponse,
    read_operations,
    read_results,
    write_operations,
    write_results,
)
from target_node.wire.record import Int, Long, read_record, record, write_record
from target_node.wire.replies import (
    Create2Response,
    CreateResponse,
    ErrorResponse,
    ExistsResponse,
    GetACLResponse,
    GetAllChildrenNumberResponse,
    GetChildren2Response,
    GetChildrenResponse,
    GetDataResponse,
    GetEphemeralsResponse,
    SaslResponse,
    SetACLResponse,
    SetDataResponse,
    SyncResponse,
    WatcherEvent,
    WhoAmIResponse,
)
from target_node.wire.requests import (
    AddWatchRequest,
    AuthRequest,
    CheckVersionRequest,
    CheckWatchesRequest,
    CloseSessionRequest,
    Create2Request,
    CreateContainerRequest,
    CreateRequest,
    CreateSessionRequest,
    CreateTTLRequest,
    DeleteContainerRequest,
    DeleteRequest,
    ExistsRequest,
    GetACLRequest,
    GetAllChildrenNumberRequest,
    GetChildren2Request,
    GetChildrenRequest,
    GetDataRequest,
    GetEphemeralsRequest,
    PingRequest,
    ReconfigRequest,
    RemoveWatchesRequest,
    SaslRequest,
    SetACLRequest,
    SetDataRequest,
    SetWatches2Request,
    SetWatchesRequest,
    SyncRequest,
    WhoAmIRequest,
)


@record
class RequestHeader:
    """The client's number for this request, and its `OpCode`."""

    xid: Int
    type: Int


@record
class ReplyHeader:
    """`zxid` is the last transaction the server had applied; `err` an `ErrorCode`."""

    xid: Int
    zxid: Long
    err: Int


Request = (
    CreateRequest
    | Create2Request
    | CreateContainerRequest
    | CreateTTLRequest
    | DeleteRequest
    | DeleteContainerRequest
    | ExistsRequest
    | GetDataRequest
    | SetDataRequest
    | GetACLRequest
    | SetACLRequest
    | GetChildrenRequest
    | GetChildren2Request
    | SyncRequest
    | PingRequest
    | CheckVersionRequest
    | MultiRequest
    | MultiReadRequest
    | ReconfigRequest
    | CheckWatchesRequest
    | RemoveWatchesRequest
    | AuthRequest
    | SetWatchesRequest
    | SetWatches2Request
    | SaslRequest
    | GetEphemeralsRequest
    | GetAllChildrenNumberRequest
    | AddWatchRequest
    | WhoAmIRequest
    | CreateSessionRequest
    | CloseSessionRequest
)

REQUESTS: Final[Mapping[int, type[Request]]] = MappingProxyType(
    {
        OpCode.CREATE: CreateRequest,
        OpCode.DELETE: DeleteRequest,
        OpCode.EXISTS: ExistsRequest,
        OpCode.GET_DATA: GetDataRequest,
        OpCode.SET_DATA: SetDataRequest,
        OpCode.GET_ACL: GetACLRequest,
        OpCode.SET_ACL: SetACLRequest,
        OpCode.GET_CHILDREN: GetChildrenRequest,
        OpCode.SYNC: SyncRequest,
        OpCode.PING: PingRequest,
        OpCode.GET_CHILDREN2: GetChildren2Request,
        OpCode.CHECK: CheckVersionRequest,
        OpCode.MULTI: MultiRequest,
        OpCode.CREATE2: Create2Request,
        OpCode.RECONFIG: ReconfigRequest,
        OpCode.CHECK_WATCHES: CheckWatchesRequest,
        OpCode.REMOVE_WATCHES: RemoveWatchesRequest,
        OpCode.CREATE_CONTAINER: CreateContainerRequest,
        OpCode.DELETE_CONTAINER: DeleteContainerRequest,
        OpCode.CREATE_TTL: CreateTTLRequest,
        OpCode.MULTI_READ: MultiReadRequest,
        OpCode.AUTH: AuthRequest,
        OpCode.SET_WATCHES: SetWatchesRequest,
        OpCode.SASL: SaslRequest,
        OpCode.GET_EPHEMERALS: GetEphemeralsRequest,
        OpCode.GET_ALL_CHILDREN_NUMBER: GetAllChildrenNumberRequest,
        OpCode.SET_WATCHES2: SetWatches2Request,
        OpCode.ADD_WATCH: AddWatchRequest,
        OpCode.WHO_AM_I: WhoAmIRequest,
        OpCode.CREATE_SESSION: CreateSessionRequest,
        OpCode.CLOSE_SESSION: CloseSessionRequest,
    }
)
OPS: Final[Mapping[type, OpCode]] = MappingProxyType(
    {cls: OpCode(op) for op, cls in REQUESTS.items()}
)


def encode_body(request: Request) -> bytes:
    """The request without its header, as a learner forwards it."""
    writer = Writer()
    match request:
        case MultiRequest(operations) | MultiReadRequest(operations):
            write_operations(writer, operations)
        case _:
            write_record(writer, request)
    return writer.getvalue()


def encode_request(xid: int, request: Request) -> bytes:
    """The whole packet, not yet framed."""
    writer = Writer()
    write_record(writer, RequestHeader(xid, OPS[type(request)]))
    writer.write_raw(encode_body(request))
    return writer.getvalue()


def split_request(packet: bytes | memoryview) -> tuple[RequestHeader, bytes]:
    """The header and the body, which `decode_request` may refuse without losing the header."""
    reader = Reader(packet)
    return read_record(reader, RequestHeader), reader.read_rest()


def decode_request(op: int, body: bytes | memoryview) -> Request:
    """The request of type `op`; one that is not in `REQUESTS` is `Malformed` too."""
    cls = REQUESTS.get(op)
    if cls is None:
        raise Malformed(f"no request has the type {op}", 0)
    reader = Reader(body)
    request: Request
    if cls is MultiRequest:
        request = MultiRequest(read_operations(reader, MultiRequest))
    elif cls is MultiReadRequest:
        request = MultiReadRequest(read_operations(reader, MultiReadRequest))
    else:
        request = read_record(reader, cls)
    reader.expect_end()
    return request


Response = (
    CreateResponse
    | Create2Response
    | ExistsResponse
    | GetDataResponse
    | SetDataResponse
    | GetACLResponse
    | SetACLResponse
    | GetChildrenResponse
    | GetChildren2Response
    | SyncResponse
    | MultiResponse
    | SaslResponse
    | GetEphemeralsResponse
    | GetAllChildrenNumberResponse
    | WhoAmIResponse
    | ErrorResponse
    | WatcherEvent
)

RESPONSES: Final[Mapping[int, type[Response] | None]] = MappingProxyType(
    {
        OpCode.NOTIFICATION: WatcherEvent,
        OpCode.CREATE: CreateResponse,
        OpCode.DELETE: None,
        OpCode.EXISTS: ExistsResponse,
        OpCode.GET_DATA: GetDataResponse,
        OpCode.SET_DATA: SetDataResponse,
        OpCode.GET_ACL: GetACLResponse,
        OpCode.SET_ACL: SetACLResponse,
        OpCode.GET_CHILDREN: GetChildrenResponse,
        OpCode.SYNC: SyncResponse,
        OpCode.PING: None,
        OpCode.GET_CHILDREN2: GetChildren2Response,
        OpCode.CHECK: None,
        OpCode.MULTI: MultiResponse,
        OpCode.CREATE2: Create2Response,
        OpCode.RECONFIG: GetDataResponse,
        OpCode.CHECK_WATCHES: None,
        OpCode.REMOVE_WATCHES: None,
        OpCode.CREATE_CONTAINER: Create2Response,
        OpCode.DELETE_CONTAINER: None,
        OpCode.CREATE_TTL: Create2Response,
        OpCode.MULTI_READ: MultiResponse,
        OpCode.AUTH: None,
        OpCode.SET_WATCHES: None,
        OpCode.SASL: SaslResponse,
        OpCode.GET_EPHEMERALS: GetEphemeralsResponse,
        OpCode.GET_ALL_CHILDREN_NUMBER: GetAllChildrenNumberResponse,
        OpCode.SET_WATCHES2: None,
        OpCode.ADD_WATCH: ErrorResponse,
        OpCode.WHO_AM_I: WhoAmIResponse,
        OpCode.CLOSE_SESSION: None,
    }
)


def encode_reply(header: ReplyHeader, response: Response | None = None) -> bytes:
    """The whole packet, not yet framed."""
    assert response is None or header.err == ErrorCode.OK, "a refusal has no body"
    writer = Writer()
    write_record(writer, header)
    match response:
        case None:
            pass
        case MultiResponse(results):
            write_results(writer, results)
        case _:
            write_record(writer, response)
    return writer.getvalue()


def split_reply(packet: bytes | memoryview) -> tuple[ReplyHeader, bytes]:
    """The header, whose xid says what was asked, and the body."""
    reader = Reader(packet)
    return read_record(reader, ReplyHeader), reader.read_rest()


def decode_reply(op: int, body: bytes | memoryview) -> Response | None:
    """The body of a reply without error to a request of type `op`; a watch event's is 0."""
    if op not in RESPONSES:
        raise Malformed(f"no reply has the type {op}", 0)
    cls = RESPONSES[op]
    reader = Reader(body)
    response: Response | None
    if cls is None:
        response = None
    elif cls is MultiResponse:
        response = MultiResponse(read_results(reader))
    else:
        response = read_record(reader, cls)
    reader.expect_end()
    return response
