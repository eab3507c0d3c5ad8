"""The tree as a child would keep it: a dictionary, and one request after the other."""

from __future__ import annotations

from dataclasses import dataclass, replace

from target_node.wire.client import Request
from target_node.wire.codes import CreateMode, ErrorCode
from target_node.wire.multi import MultiRequest
from target_node.wire.requests import (
    CheckVersionRequest,
    CloseSessionRequest,
    CreateContainerRequest,
    CreateRequest,
    CreateTTLRequest,
    DeleteRequest,
    SetACLRequest,
    SetDataRequest,
)

CODES = {code.name: code for code in ErrorCode}


class No(Exception):
    """With the name of the error."""


@dataclass(frozen=True)
class Node:
    data: bytes | None = b""
    version: int = 0
    aversion: int = 0
    creates: int = 0
    owner: int = 0


State = dict[str, Node]


def parent_of(path: str) -> str:
    return path[: path.rindex("/")] or "/"


def children(state: State, path: str) -> set[str]:
    start = path.rstrip("/") + "/"
    return {
        other[len(start) :]
        for other in state
        if other.startswith(start) and "/" not in other[len(start) :] and other != "/"
    }


def there(state: State, path: str) -> Node:
    if path not in state:
        raise No("NO_NODE")
    return state[path]


def same_version(actual: int, expected: int) -> None:
    if expected not in (-1, actual):
        raise No("BAD_VERSION")


def perform(state: State, request: Request, session: int) -> None:
    """One that is no multi."""
    match request:
        case CreateRequest() | CreateTTLRequest() | CreateContainerRequest():
            parent = there(state, parent_of(request.path))
            mode = CreateMode(request.flags)
            name = request.path + (f"{parent.creates:010d}" if mode.is_sequential else "")
            if name in state:
                raise No("NODE_EXISTS")
            if parent.owner > 0:
                raise No("NO_CHILDREN_FOR_EPHEMERALS")
            state[parent_of(name)] = replace(parent, creates=parent.creates + 1)
            owner = session if mode.is_ephemeral else 0
            state[name] = Node(request.data, owner=owner)
        case DeleteRequest(path, version):
            there(state, parent_of(path))
            same_version(there(state, path).version, version)
            if children(state, path):
                raise No("NOT_EMPTY")
            del state[path]
        case SetDataRequest(path, data, version):
            node = there(state, path)
            same_version(node.version, version)
            state[path] = replace(node, data=data, version=node.version + 1)
        case SetACLRequest(path, _, version):
            node = there(state, path)
            same_version(node.aversion, version)
            state[path] = replace(node, aversion=node.aversion + 1)
        case CheckVersionRequest(path, version):
            same_version(there(state, path).version, version)
        case CloseSessionRequest():
            for path in [path for path, node in state.items() if node.owner == session]:
                del state[path]
        case _:
            raise AssertionError(request)


class Model:
    def __init__(self, sessions: set[int]) -> None:
        self.state: State = {
            "/": Node(),
            "/zookeeper": Node(),
            "/zookeeper/quota": Node(),
            "/zookeeper/config": Node(aversion=-1),
        }
        self.sessions = set(sessions)
        self.slots: dict[int, int] = {}  # for a test's use: who speaks as whom

    def ask(self, request: Request, session: int) -> list[ErrorCode]:
        """The error of each part; none at all if everything went well."""
        if isinstance(request, CloseSessionRequest):
            perform(self.state, request, session)
            self.sessions.discard(session)
            return []
        if session not in self.sessions:
            return [ErrorCode.SESSION_EXPIRED]
        if isinstance(request, CheckVersionRequest):
            return [ErrorCode.UNIMPLEMENTED]
        parts = request.operations if isinstance(request, MultiRequest) else (request,)
        draft = dict(self.state)
        for at, part in enumerate(parts):
            try:
                perform(draft, part, session)
            except No as no:
                after = len(parts) - at - 1
                return (
                    [ErrorCode.OK] * at
                    + [CODES[str(no)]]
                    + [ErrorCode.RUNTIME_INCONSISTENCY] * after
                )
        self.state = draft
        return []
