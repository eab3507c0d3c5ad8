"""What does a server answer from its own tree, and which watches does the question set?

A watch is set together with the read: the caller applies no txn in between. Only a read that
succeeds sets one, except that exists also waits for a node that is not there.
"""

from __future__ import annotations

from dataclasses import dataclass

from target_node.state.acl import check_acl, shown_acl, who_am_i
from target_node.state.catch_up import set_watches
from target_node.state.paths import ROOT
from target_node.state.refusal import Refused
from target_node.state.tree import Tree
from target_node.state.watches import Mode, Watches
from target_node.state.znode import ZNode
from target_node.wire.client import Request, Response
from target_node.wire.codes import AddWatchMode, ErrorCode, Perms, WatcherType
from target_node.wire.data import Id
from target_node.wire.multi import MultiReadRequest, MultiResponse, Result
from target_node.wire.replies import (
    ErrorResponse,
    ExistsResponse,
    GetACLResponse,
    GetAllChildrenNumberResponse,
    GetChildren2Response,
    GetChildrenResponse,
    GetDataResponse,
    GetEphemeralsResponse,
    WatcherEvent,
    WhoAmIResponse,
)
from target_node.wire.requests import (
    AddWatchRequest,
    CheckWatchesRequest,
    ExistsRequest,
    GetACLRequest,
    GetAllChildrenNumberRequest,
    GetChildren2Request,
    GetChildrenRequest,
    GetDataRequest,
    GetEphemeralsRequest,
    PingRequest,
    RemoveWatchesRequest,
    SetWatches2Request,
    SetWatchesRequest,
    WhoAmIRequest,
)


@dataclass(frozen=True, slots=True)
class Reader:
    """Who asks: a connection, its session and its identities."""

    connection: int
    session: int
    ids: tuple[Id, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes into a reply behind its xid; `events` are sent before it."""

    zxid: int
    err: int = ErrorCode.OK
    response: Response | None = None
    events: tuple[WatcherEvent, ...] = ()


def answer_read(tree: Tree, watches: Watches, request: Request, reader: Reader) -> Answer:
    """The answer as of `tree.last_zxid`; what is no such question is `UNIMPLEMENTED`."""
    zxid = tree.last_zxid
    try:
        if isinstance(request, SetWatchesRequest | SetWatches2Request):
            events = set_watches(tree, watches, reader.connection, request, reader.ids)
            return Answer(zxid, events=events)
        return Answer(zxid, response=_read(tree, watches, request, reader))
    except Refused as refused:
        return Answer(zxid, refused.code)


def _read(tree: Tree, watches: Watches, request: Request, reader: Reader) -> Response | None:
    match request:
        case ExistsRequest(path):
            return _exists(tree, watches, request, reader)
        case GetDataRequest() | GetChildrenRequest():
            return _get(tree, watches, request, reader)
        case GetChildren2Request(path, watch):
            node = _readable(tree, path, reader)
            if watch:
                watches.watch_children(reader.connection, path)
            return GetChildren2Response(tuple(node.children), node.stat())
        case GetACLRequest(path):
            node = tree.node(path)
            return GetACLResponse(shown_acl(node.acl, reader.ids), node.stat())
        case GetAllChildrenNumberRequest(path):
            _readable(tree, path, reader)
            return GetAllChildrenNumberResponse(sum(1 for _ in tree.descendants(path)))
        case GetEphemeralsRequest(prefix):
            owned = tree.ephemerals(reader.session)
            if prefix.strip() in ("", ROOT):
                return GetEphemeralsResponse(owned)
            return GetEphemeralsResponse(tuple(one for one in owned if one.startswith(prefix)))
        case WhoAmIRequest():
            return WhoAmIResponse(who_am_i(reader.ids))
        case PingRequest():
            return None
        case MultiReadRequest(operations):
            return MultiResponse(tuple(_part(tree, watches, one, reader) for one in operations))
        case _:
            return _about_watches(watches, request, reader)


def _exists(tree: Tree, watches: Watches, request: ExistsRequest, reader: Reader) -> ExistsResponse:
    path = request.path
    if "\0" in path:
        raise Refused(ErrorCode.BAD_ARGUMENTS)
    node = tree.nodes.get(path)
    if node is not None:
        # A stat tells when a node was written and how long its data are (ZOOKEEPER-2590).
        check_acl(node.acl, Perms.READ, reader.ids)
    if request.watch:
        watches.watch_data(reader.connection, path)
    return ExistsResponse(tree.node(path).stat())


def _get(
    tree: Tree, watches: Watches, request: GetDataRequest | GetChildrenRequest, reader: Reader
) -> GetDataResponse | GetChildrenResponse:
    node = _readable(tree, request.path, reader)
    match request:
        case GetDataRequest(path, watch):
            if watch:
                watches.watch_data(reader.connection, path)
            return GetDataResponse(node.data, node.stat())
        case GetChildrenRequest(path, watch):
            if watch:
                watches.watch_children(reader.connection, path)
            return GetChildrenResponse(tuple(node.children))


def _part(
    tree: Tree, watches: Watches, request: GetDataRequest | GetChildrenRequest, reader: Reader
) -> Result:
    try:
        return _get(tree, watches, request, reader)
    except Refused as refused:
        return ErrorResponse(refused.code)


def _about_watches(watches: Watches, request: Request, reader: Reader) -> Response | None:
    match request:
        case AddWatchRequest(path, AddWatchMode.PERSISTENT):
            watches.add(reader.connection, path, Mode.PERSISTENT)
            return ErrorResponse(ErrorCode.OK)
        case AddWatchRequest(path, AddWatchMode.PERSISTENT_RECURSIVE):
            watches.add(reader.connection, path, Mode.PERSISTENT_RECURSIVE)
            return ErrorResponse(ErrorCode.OK)
        case CheckWatchesRequest(path, which):
            if not watches.has(reader.connection, path, _type(which)):
                raise Refused(ErrorCode.NO_WATCHER)
            return None
        case RemoveWatchesRequest(path, which):
            if not watches.remove(reader.connection, path, _type(which)):
                raise Refused(ErrorCode.NO_WATCHER)
            return None
        case AddWatchRequest():
            raise Refused(ErrorCode.MARSHALLING_ERROR)
        case _:
            raise Refused(ErrorCode.UNIMPLEMENTED)


def _type(which: int) -> WatcherType:
    try:
        return WatcherType(which)
    except ValueError:
        raise Refused(ErrorCode.MARSHALLING_ERROR) from None


def _readable(tree: Tree, path: str, reader: Reader) -> ZNode:
    node = tree.node(path)
    check_acl(node.acl, Perms.READ, reader.ids)
    return node
