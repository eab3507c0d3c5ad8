"""Which txn does a request become? The leader's answer, and nobody else's.

Rules of this file:
- A request is judged by what will be once everything proposed before it is applied, never by the
  tree alone: two pipelined setData with one version must not both pass.
- A refused request becomes a txn too, an `ErrorTxn`, so that it is answered in its turn.
- What a txn creates, and every version and sequence number, is in the txn: replicas do not count.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Protocol

from target_node.state.acl import check_acl
from target_node.state.outstanding import Draft, Outstanding
from target_node.state.paths import CONFIG, split
from target_node.state.refusal import Refused
from target_node.state.tree import Tree
from target_node.state.writes import (
    INTERNAL_SESSION,
    Asker,
    check,
    create,
    delete,
    delete_container,
    set_acl,
    set_data,
)
from target_node.wire.client import OPS, Request
from target_node.wire.codes import ErrorCode, OpCode, Perms
from target_node.wire.multi import MultiRequest, WriteOperation
from target_node.wire.record import encode
from target_node.wire.requests import (
    CheckVersionRequest,
    CloseSessionRequest,
    Create2Request,
    CreateContainerRequest,
    CreateRequest,
    CreateSessionRequest,
    CreateTTLRequest,
    DeleteContainerRequest,
    DeleteRequest,
    ReconfigRequest,
    SetACLRequest,
    SetDataRequest,
)
from target_node.wire.txn import (
    CloseSessionTxn,
    CreateSessionTxn,
    DeleteTxn,
    ErrorTxn,
    MultiTxn,
    SetDataTxn,
    Txn,
    TxnBody,
    TxnHeader,
)

NO_VERSION: Final = -1  # the membership's own version is in its text
MOST_CLOSE_BYTES: Final = 1 << 19  # half of what a packet may hold


class SessionGate(Protocol):
    """What prep needs of the leader's sessions."""

    def check_owner(self, session: int, owner: int) -> None:
        """Refuses a session that is gone, closing, or another server's."""

    def add(self, session: int, timeout_ms: int, now_ms: int, owner: int) -> None:
        """It is alive, and this server's."""

    def close(self, session: int) -> None:
        """Whatever it asks from now on is refused."""


class Reconfigurer(Protocol):
    """Who knows the ensemble."""

    @property
    def enabled(self) -> bool:
        """Whether it may change at all."""

    def new_members(self, zxid: int, request: ReconfigRequest) -> bytes:
        """The text of the membership that this txn would bring, or a refusal."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A txn to propose."""

    header: TxnHeader
    body: TxnBody


class Prep:
    """The requests of one leader's term, in order."""

    def __init__(
        self,
        tree: Tree,
        sessions: SessionGate,
        reconfigurer: Reconfigurer | None = None,
        *,
        most_close_bytes: int = MOST_CLOSE_BYTES,
    ) -> None:
        self._reconfigurer = reconfigurer
        self.outstanding = Outstanding(tree)
        self._sessions = sessions
        self._most_close_bytes = most_close_bytes

    def prepare(
        self, zxid: int, request: Request, asker: Asker, now_ms: int, wall_ms: int
    ) -> tuple[Prepared, ...]:
        """What to propose, from `zxid` on and one zxid each; the last one answers the request.

        It is one, except where a session closes whose nodes are too many for one packet: then what
        comes before deletes some of them, as nobody's request. `now_ms` is of the clock that never
        goes back, by which sessions live; `wall_ms` goes into the txn.
        """
        try:
            self._check_session(request, asker)
            if isinstance(request, CloseSessionRequest):
                return tuple(self._close(zxid, asker, wall_ms))
            body: TxnBody
            if isinstance(request, MultiRequest):
                body = self._multi(zxid, request, asker, now_ms)
            else:
                draft = Draft(self.outstanding)
                if isinstance(request, ReconfigRequest):
                    body = self._reconfig(draft, zxid, request, asker)
                else:
                    body = self._draft(draft, request, asker, now_ms)
                draft.commit(zxid)
        except Refused as refused:
            return (self.refuse(zxid, asker, refused.code, wall_ms),)
        return (Prepared(self._header(zxid, asker, wall_ms, OPS[type(request)]), body),)

    def refuse(self, zxid: int, asker: Asker, code: ErrorCode, wall_ms: int) -> Prepared:
        """The txn that says no, as to a request whose bytes make no sense."""
        return Prepared(self._header(zxid, asker, wall_ms, OpCode.ERROR), ErrorTxn(code))

    def applied(self, zxid: int) -> None:
        """Everything up to here is in the tree: call it after each `Tree.apply`."""
        self.outstanding.applied(zxid)

    def discard(self) -> None:
        """We lead no longer."""
        self.outstanding.discard()

    def _check_session(self, request: Request, asker: Asker) -> None:
        match request:
            case CreateSessionRequest() | CloseSessionRequest():
                return  # not there yet, or closed by whoever found it expired
            case DeleteContainerRequest() if asker.session == INTERNAL_SESSION:
                return
            case _:
                self._sessions.check_owner(asker.session, asker.owner)

    def _header(self, zxid: int, asker: Asker, wall_ms: int, op: int) -> TxnHeader:
        return TxnHeader(asker.session, asker.cxid, zxid, wall_ms, op)

    def _draft(self, draft: Draft, request: Request, asker: Asker, now_ms: int) -> TxnBody:
        match request:
            case CreateRequest() | Create2Request() | CreateContainerRequest() | CreateTTLRequest():
                return create(draft, request, asker)
            case DeleteRequest():
                return delete(draft, request, asker)
            case DeleteContainerRequest():
                return delete_container(draft, request, asker)
            case SetDataRequest():
                return set_data(draft, request, asker)
            case SetACLRequest():
                return set_acl(draft, request, asker)
            case CreateSessionRequest(timeout_ms):
                self._sessions.add(asker.session, timeout_ms, now_ms, asker.owner)
                return CreateSessionTxn(timeout_ms)
            case _:
                # A check outside a multi too: its txn is one that no log can hold (ZOOKEEPER-2623).
                raise Refused(ErrorCode.UNIMPLEMENTED)

    def _reconfig(
        self, draft: Draft, zxid: int, request: ReconfigRequest, asker: Asker
    ) -> SetDataTxn:
        if self._reconfigurer is None or not self._reconfigurer.enabled:
            raise Refused(ErrorCode.RECONFIG_DISABLED)
        members = self._reconfigurer.new_members(zxid, request)
        # ZooKeeper asks whether one may only after it has seen that one could.
        check_acl(draft.get(CONFIG).acl, Perms.WRITE, asker.ids)
        return SetDataTxn(CONFIG, members, NO_VERSION)

    def _multi(self, zxid: int, request: MultiRequest, asker: Asker, now_ms: int) -> MultiTxn:
        draft = Draft(self.outstanding)
        bodies: list[TxnBody] = []
        for at, operation in enumerate(request.operations):
            try:
                if isinstance(operation, CheckVersionRequest):
                    bodies.append(check(draft, operation, asker))
                else:
                    bodies.append(self._draft(draft, operation, asker, now_ms))
            except Refused as refused:
                after = len(request.operations) - at - 1
                return _failed_multi(at, refused.code, after)
        draft.commit(zxid)
        return MultiTxn(tuple(map(_part, request.operations, bodies)))

    def _close(self, zxid: int, asker: Asker, wall_ms: int) -> Iterator[Prepared]:
        # First of all: a create that comes later would outlive its session (ZOOKEEPER-1208).
        self._sessions.close(asker.session)
        *early, last = _portions(self.outstanding.ephemerals(asker.session), self._most_close_bytes)
        nobody = Asker(INTERNAL_SESSION, 0, asker.owner)
        for paths in early:
            self._delete_all(zxid, paths)
            parts = tuple(Txn(OpCode.DELETE, encode(DeleteTxn(path))) for path in paths)
            yield Prepared(self._header(zxid, nobody, wall_ms, OpCode.MULTI), MultiTxn(parts))
            zxid += 1
        self._delete_all(zxid, last)
        yield Prepared(
            self._header(zxid, asker, wall_ms, OpCode.CLOSE_SESSION), CloseSessionTxn(last)
        )

    def _delete_all(self, zxid: int, paths: tuple[str, ...]) -> None:
        draft = Draft(self.outstanding)
        for path in paths:
            draft.delete(split(path)[0], path)
        draft.commit(zxid)


def _part(operation: WriteOperation, body: TxnBody) -> Txn:
    return Txn(OPS[type(operation)], encode(body))


def _failed_multi(before: int, code: ErrorCode, after: int) -> MultiTxn:
    codes = [ErrorCode.OK] * before + [code] + [ErrorCode.RUNTIME_INCONSISTENCY] * after
    return MultiTxn(tuple(Txn(OpCode.ERROR, encode(ErrorTxn(one))) for one in codes))


def _portions(paths: tuple[str, ...], most_bytes: int) -> list[tuple[str, ...]]:
    """The paths in their order, so many at a time that their txn fits a packet (ZOOKEEPER-4306)."""
    framing = 40  # what each takes besides its own bytes, as a part of a multi
    portions: list[tuple[str, ...]] = []
    portion: list[str] = []
    size = 0
    for path in paths:
        needed = len(path.encode("utf-8")) + framing
        if portion and size + needed > most_bytes:
            portions.append(tuple(portion))
            portion, size = [], 0
        portion.append(path)
        size += needed
    return [*portions, tuple(portion)]
