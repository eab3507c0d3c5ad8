"""A leader without a network: what it proposes waits until the test lets it be applied."""

from __future__ import annotations

from collections import deque

from target_node.state.acl import identities
from target_node.state.changes import Applied
from target_node.state.prep import Prep, Prepared
from target_node.state.reads import Answer, Reader, answer_read
from target_node.state.reply import answer_write
from target_node.state.sessions import Sessions
from target_node.state.tree import Tree
from target_node.state.watches import Told, Watches
from target_node.state.writes import Asker
from target_node.wire.client import Request
from target_node.wire.codes import CreateMode, ErrorCode, OpCode
from target_node.wire.data import ACL, OPEN_ACL_UNSAFE, Id
from target_node.wire.requests import (
    CloseSessionRequest,
    CreateRequest,
    CreateSessionRequest,
    DeleteRequest,
    SetDataRequest,
)
from target_node.wire.txn import ErrorTxn

TICK_MS = 100
HERE = 1
ADDRESS = identities("10.0.0.7")
ALICE, BOB = 0x100, 0x200


class Leader:
    def __init__(self, *, most_close_bytes: int = 1 << 19) -> None:
        self.tree = Tree()
        self.watches = Watches()
        self.now_ms = 1000
        self.zxid = 0x1_0000_0000
        self.sessions = Sessions(TICK_MS, {}, self.now_ms)
        self.prep = Prep(self.tree, self.sessions, most_close_bytes=most_close_bytes)
        self.pending: deque[Prepared] = deque()
        self.log: list[Prepared] = []
        self.told: list[Told] = []
        self.ids: dict[int, tuple[Id, ...]] = {}
        self.cxid = 0
        for session in (ALICE, BOB):
            self.ask(CreateSessionRequest(30_000), session)

    def propose(
        self, request: Request, session: int = ALICE, ids: tuple[Id, ...] = ADDRESS
    ) -> tuple[Prepared, ...]:
        self.cxid += 1
        self.now_ms += 1
        asker = Asker(session, self.cxid, HERE, ids)
        prepared = self.prep.prepare(self.zxid + 1, request, asker, self.now_ms, self.now_ms)
        self.zxid += len(prepared)
        self.pending.extend(prepared)
        self.log.extend(prepared)
        return prepared

    def commit(self, count: int | None = None) -> list[Applied]:
        done: list[Applied] = []
        for _ in range(len(self.pending) if count is None else count):
            prepared = self.pending.popleft()
            applied = self.tree.apply(prepared.header, prepared.body)
            self.prep.applied(prepared.header.zxid)
            if applied.type == OpCode.CLOSE_SESSION:
                self.sessions.remove(applied.session)
            self.told += self.watches.fire(applied.changes, lambda who: self.ids.get(who, ADDRESS))
            done.append(applied)
        return done

    def ask(self, request: Request, session: int = ALICE, ids: tuple[Id, ...] = ADDRESS) -> Answer:
        self.propose(request, session, ids)
        answer = answer_write(self.commit()[-1])
        assert answer is not None
        return answer

    def read(self, request: Request, connection: int = 1, session: int = ALICE) -> Answer:
        reader = Reader(connection, session, self.ids.get(connection, ADDRESS))
        return answer_read(self.tree, self.watches, request, reader)

    def events(self) -> list[tuple[int, int, str]]:
        """(connection, type, path) of what was told since the last call."""
        told, self.told = self.told, []
        return [(one.connection, one.event.type, one.event.path) for one in told]


def create(
    path: str,
    data: bytes | None = b"",
    mode: CreateMode = CreateMode.PERSISTENT,
    acl: tuple[ACL, ...] | None = OPEN_ACL_UNSAFE,
) -> CreateRequest:
    return CreateRequest(path, data, acl, mode)


def ephemeral(path: str) -> CreateRequest:
    return create(path, mode=CreateMode.EPHEMERAL)


def sequential(path: str) -> CreateRequest:
    return create(path, mode=CreateMode.PERSISTENT_SEQUENTIAL)


def delete(path: str, version: int = -1) -> DeleteRequest:
    return DeleteRequest(path, version)


def set_data(path: str, data: bytes = b"", version: int = -1) -> SetDataRequest:
    return SetDataRequest(path, data, version)


CLOSE = CloseSessionRequest()


def error_of(prepared: tuple[Prepared, ...]) -> ErrorCode | None:
    """Why the request was refused, if it was."""
    match prepared[-1].body:
        case ErrorTxn(code):
            assert prepared[-1].header.type == OpCode.ERROR
            return ErrorCode(code)
        case _:
            return None
