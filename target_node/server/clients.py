"""Which clients are connected, and what becomes of what they ask?

Rules of this file:
1. Events that a txn fires are sent before any answer that reflects it.
2. Nobody is let in while this server neither leads nor is synchronised; whoever is in is cut off
   when that ends.
3. Whatever a client sends, the worst that comes of it is a closed connection and a note.
"""

from __future__ import annotations

from collections import Counter
from typing import Final

from target_node.server.client import Asked, Awaits, Client, Stage
from target_node.server.events import HangUp, Hold, Resume
from target_node.server.history import History
from target_node.server.requests import READS, WRITES
from target_node.server.service import Service, Wish
from target_node.server.statistics import Statistics, Traffic
from target_node.server.turn import Turn
from target_node.state.acl import SUPER, authenticate, identities
from target_node.state.admission import (
    Begin,
    Gone,
    TurnAway,
    admit,
    session_gone,
    session_open,
)
from target_node.state.admission import (
    Resume as ResumeSession,
)
from target_node.state.changes import Applied
from target_node.state.reads import Answer, Reader, answer_read
from target_node.state.refusal import Refused
from target_node.state.reply import answer_write, event_packet, reply_packet
from target_node.state.session_ids import SessionIds
from target_node.state.watches import Watches
from target_node.wire.client import decode_request, split_request
from target_node.wire.codes import ErrorCode, OpCode, Xid
from target_node.wire.connect import decode_connect_request, encode_connect_response
from target_node.wire.data import Id
from target_node.wire.frames import FOUR_LETTER_WORDS, Frames, frame
from target_node.wire.jute import Malformed
from target_node.wire.record import encode
from target_node.wire.replies import SyncResponse
from target_node.wire.requests import AuthRequest, CreateSessionRequest, SyncRequest

MOST_ASKED: Final = 1000  # unanswered requests of one client
SILENT_MS: Final = 10_000  # how long a connection may say nothing before it has a session


class Clients:
    """All connections of clients to one server."""

    def __init__(self, turn: Turn, history: History) -> None:
        self.watches = Watches()
        self.statistics = Statistics()
        self.by_connection: dict[int, Client] = {}
        self._turn = turn
        self._history = history
        self.ids = SessionIds(turn.settings.sid, 0)  # until the driver tells the time
        self._service: Service | None = None
        self._by_session: dict[int, Client] = {}  # those that are open, or about to be
        self._hosts: Counter[str] = Counter()
        self._fresh: dict[int, Client] = {}  # that have said nothing yet, the oldest first
        self._impatient: list[Client] = []

    # The server's role.

    def serve(self, service: Service) -> None:
        """Let clients in."""
        assert self._history.confirmed, "nobody is shown what may not be committed"
        self._service = service

    def close_all(self) -> None:
        """The role ends, and nothing more is known of any session."""
        self._service = None
        for client in list(self.by_connection.values()):
            if client.stage is not Stage.FRESH:
                self._hang_up(client)

    @property
    def serving(self) -> Service | None:
        """The role, as long as it serves."""
        return self._service

    # Connections.

    def accepted(self, connection: int, host: str) -> None:
        """A client has connected."""
        settings = self._turn.settings
        if settings.most_connections and self._hosts[host] >= settings.most_connections:
            self._turn.note("client_refused", host=host, reason="too many from this address")
            self._turn.add(HangUp(connection))
            return
        now_ms = self._turn.now.ms
        frames = Frames(settings.most_packet, FOUR_LETTER_WORDS)
        traffic = Traffic(self.statistics)
        client = Client(connection, host, now_ms, frames, identities(host), traffic)
        client.since_wall_ms = self._turn.now.wall_ms
        self.by_connection[connection] = client
        self._hosts[host] += 1
        if not self._fresh:
            self._turn.alarm("clients", now_ms + SILENT_MS)
        self._fresh[connection] = client

    def came(self, connection: int, data: bytes) -> str | None:
        """These bytes came; a four-letter word is for the caller to answer, and hang up."""
        client = self.by_connection.get(connection)
        if client is None or client.stage is Stage.ENDING:
            return None
        try:
            for packet in client.frames.feed(data):
                if not self._packet(client, packet):
                    break
        except Malformed as error:
            self._refuse(client, str(error))
        if client.frames.word is not None and client.stage is Stage.FRESH:
            client.stage = Stage.ENDING
            del self._fresh[connection]
            return client.frames.word
        return None

    def ended(self, connection: int) -> None:
        """The connection is gone."""
        client = self.by_connection.pop(connection, None)
        if client is None:
            return
        self._forget(client)
        self._hosts[client.host] -= 1
        if not self._hosts[client.host]:
            del self._hosts[client.host]

    def woken(self) -> None:
        """Connections that never said anything are closed."""
        overdue_ms = self._turn.now.ms - SILENT_MS
        for client in list(self._fresh.values()):
            if client.since_ms > overdue_ms:
                self._turn.alarm("clients", client.since_ms + SILENT_MS)
                break
            self._hang_up(client)

    def drop_silent(self) -> None:
        """Close what has been silent for longer than its session may: its client is elsewhere."""
        for client in list(self.by_connection.values()):
            silent_ms = self._turn.now.ms - client.heard_ms
            if client.stage is Stage.OPEN and silent_ms > 2 * client.timeout_ms:
                self._hang_up(client)

    def _forget(self, client: Client) -> None:
        client.stage = Stage.ENDING
        self._fresh.pop(client.connection, None)
        self.watches.drop(client.connection)
        client.asked.clear()
        client.early.clear()
        if self._by_session.get(client.session) is client:
            del self._by_session[client.session]

    def _hang_up(self, client: Client) -> None:
        self._forget(client)
        self._turn.add(HangUp(client.connection))

    def _refuse(self, client: Client, reason: str) -> None:
        self._turn.note("client_refused", host=client.host, reason=reason)
        self._hang_up(client)

    def _send(self, client: Client, packet: bytes) -> None:
        assert self._service is not None, "nobody is answered by who neither leads nor follows"
        client.traffic.went()
        self._turn.write(client.connection, frame(packet))

    # Sessions.

    def _packet(self, client: Client, packet: bytes) -> bool:
        """Whether to go on."""
        client.heard_ms = self._turn.now.ms
        client.traffic.came()
        match client.stage:
            case Stage.FRESH:
                self._greet(client, packet)
            case Stage.OPENING:
                client.early.append(packet)
                self._throttle(client)
            case Stage.OPEN if client.early or client.awaits_sync:
                if self._service is not None:
                    self._service.touch(client.session, client.timeout_ms)
                client.early.append(packet)
                self._throttle(client)
            case Stage.OPEN:
                self._request(client, packet)
            case Stage.ENDING:
                pass
        return client.stage is not Stage.ENDING

    def _greet(self, client: Client, packet: bytes) -> None:
        greeting = decode_connect_request(packet)
        service, settings = self._service, self._turn.settings
        if service is None:
            self._hang_up(client)
            return
        client.greeting = greeting
        admission = admit(
            greeting,
            last_zxid=self._history.tree.last_zxid,
            least_ms=settings.least_timeout_ms,
            most_ms=settings.most_timeout_ms,
            only_reads=service.only_reads,
        )
        match admission:
            case Begin(timeout_ms):
                session = self.ids.take()
                self._open(client, session, timeout_ms)
                body = encode(CreateSessionRequest(timeout_ms))
                service.submit(Wish(session, 0, OpCode.CREATE_SESSION, body))
            case ResumeSession(session, timeout_ms):
                self._open(client, session, timeout_ms)
                service.revalidate(session, timeout_ms)
            case Gone():
                self._send(client, encode_connect_response(session_gone(greeting)))
                self._hang_up(client)
            case TurnAway(reason):
                self._refuse(client, reason)

    def _open(self, client: Client, session: int, timeout_ms: int) -> None:
        client.stage = Stage.OPENING
        del self._fresh[client.connection]
        client.session = session
        client.timeout_ms = timeout_ms
        if (older := self._by_session.get(session)) is not None:
            self._hang_up(older)
        self._by_session[session] = client

    def opened(self, session: int, *, valid: bool, proposed: int = 0) -> None:
        """The session is alive, and this server's, or it is gone."""
        client = self._by_session.get(session)
        service = self._service
        if client is None or service is None or client.stage is not Stage.OPENING:
            return
        assert client.greeting is not None, "who opens a session has greeted"
        if not valid:
            self._send(client, encode_connect_response(session_gone(client.greeting)))
            self._hang_up(client)
            return
        client.stage = Stage.OPEN
        client.begun_after = max(proposed, service.proposed)
        response = session_open(
            client.greeting, session, client.timeout_ms, only_reads=service.only_reads
        )
        self._send(client, encode_connect_response(response))
        if client.early:
            self._impatient.append(client)

    def settle(self) -> None:
        """At the end of a step: what was asked before its session was open, or a sync was done.

        Not in the middle of one: a request would be overtaken by what the step has yet to apply.
        """
        impatient, self._impatient = self._impatient, []
        for client in impatient:
            try:
                while client.early and client.stage is Stage.OPEN and not client.awaits_sync:
                    self._request(client, client.early.popleft())
            except Malformed as error:
                self._refuse(client, str(error))
            self._throttle(client)

    # Requests.

    def _request(self, client: Client, packet: bytes) -> None:
        service = self._service
        assert service is not None, "clients are cut off when the service ends"
        header, body = split_request(packet)
        xid, op = header.xid, header.type
        service.touch(client.session, client.timeout_ms)
        if op in WRITES:
            asked = self._ask(client, xid, op, Awaits.TXN)
            if not service.only_reads:
                service.submit(Wish(client.session, xid, op, body, self._ids_of(client)))
            elif op == OpCode.CLOSE_SESSION:
                self._decide(asked, ErrorCode.OK)
                self._hang_up(client)
            else:
                self._decide(asked, ErrorCode.NOT_READ_ONLY)
        elif op in READS:
            # A ping's answer has its own xid, whatever the client's was.
            self._read(client, Xid.PING if op == OpCode.PING else xid, op, body)
        elif op == OpCode.SYNC:
            self._sync(client, service, xid, body)
        elif op == OpCode.AUTH:
            self._authenticate(client, xid, body)
        elif op == OpCode.SASL:
            self._send(client, reply_packet(xid, Answer(0, ErrorCode.AUTH_FAILED)))
        else:
            self._decide(self._ask(client, xid, op, Awaits.TXN), ErrorCode.UNIMPLEMENTED)
            if client.stage is Stage.OPEN:
                self._hang_up(client)
        self._throttle(client)

    def _ask(self, client: Client, xid: int, op: int, awaits: Awaits) -> Asked:
        asked = Asked(client, xid, op, awaits, self._turn.now.ms)
        client.asked.append(asked)
        return asked

    def _decide(self, asked: Asked, code: ErrorCode) -> None:
        """It needs nobody's agreement after all."""
        asked.awaits = Awaits.NOTHING
        asked.answer = Answer(self._history.tree.last_zxid, code)
        self._answer_all(asked.client)

    def _read(self, client: Client, xid: int, op: int, body: bytes) -> None:
        asked = self._ask(client, xid, op, Awaits.NOTHING)
        try:
            asked.request = decode_request(op, body)
        except Malformed:
            asked.answer = Answer(self._history.tree.last_zxid, ErrorCode.MARSHALLING_ERROR)
        self._answer_all(client)

    def _sync(self, client: Client, service: Service, xid: int, body: bytes) -> None:
        asked = self._ask(client, xid, OpCode.SYNC, Awaits.SYNC)
        try:
            request = decode_request(OpCode.SYNC, body)
        except Malformed:
            self._decide(asked, ErrorCode.MARSHALLING_ERROR)
            return
        if service.only_reads:
            self._decide(asked, ErrorCode.NOT_READ_ONLY)
            return
        asked.request = request
        service.sync(asked)

    def _authenticate(self, client: Client, xid: int, body: bytes) -> None:
        request = decode_request(OpCode.AUTH, body)
        assert isinstance(request, AuthRequest), "the type says so"
        digest = self._turn.settings.super_digest
        try:
            ids = authenticate(
                request.scheme or "", request.auth, address=client.host, super_digest=digest
            )
        except Refused as refused:
            self._send(client, reply_packet(xid, Answer(0, refused.code)))
            self._refuse(client, f"authentication by {request.scheme!r} failed")
            return
        client.ids = tuple(dict.fromkeys((*client.ids, *ids)))
        # It overtakes what was asked before it, so it tells of no zxid.
        self._send(client, reply_packet(xid, Answer(0)))

    def _throttle(self, client: Client) -> None:
        crowded = len(client.asked) + len(client.early) >= MOST_ASKED
        if client.held != crowded and client.stage in (Stage.OPEN, Stage.OPENING):
            client.held = crowded
            self._turn.add(Hold(client.connection) if crowded else Resume(client.connection))

    def _ids_of(self, client: Client) -> tuple[Id, ...]:
        return client.ids if self._turn.settings.checks_acl else (*client.ids, SUPER)

    def _ids_at(self, connection: int) -> tuple[Id, ...]:
        client = self.by_connection.get(connection)
        return () if client is None else self._ids_of(client)

    # Answers.

    def applied(self, applied: Applied) -> None:
        """A txn has been applied: tell who watches, then whoever asked for it."""
        for told in self.watches.fire(applied.changes, self._ids_at):
            if (watcher := self.by_connection.get(told.connection)) is not None:
                self._send(watcher, event_packet(told.event, applied.zxid))
        client = self._by_session.get(applied.session)
        if client is None:
            return
        if client.stage is Stage.OPENING:
            if applied.type == OpCode.CREATE_SESSION:
                self.opened(applied.session, valid=True)
            elif applied.type == OpCode.CLOSE_SESSION:
                self.opened(applied.session, valid=False)
            return
        head = client.asked[0] if client.asked else None
        if (
            head is not None
            and head.awaits is Awaits.TXN
            and head.xid == applied.cxid
            # Its session may have asked something else under this number through another server.
            and applied.type in (head.op, OpCode.ERROR)
            and applied.zxid > client.begun_after
        ):
            answer = answer_write(applied)
            if answer is None:
                self._hang_up(client)
                return
            head.awaits = Awaits.NOTHING
            head.answer = answer
            self._answer_all(client)
            self._throttle(client)
        if applied.type == OpCode.CLOSE_SESSION and client.stage is not Stage.ENDING:
            self._hang_up(client)

    def synced(self, asked: Asked) -> None:
        """All that was committed when this sync came is applied."""
        if asked.client.stage is not Stage.OPEN:
            return
        assert isinstance(asked.request, SyncRequest), "nothing else waits for a sync"
        asked.awaits = Awaits.NOTHING
        # The zxid is put in when its turn comes.
        asked.answer = Answer(-1, response=SyncResponse(asked.request.path))
        self._answer_all(asked.client)
        self._throttle(asked.client)
        if asked.client.early:
            self._impatient.append(asked.client)

    def _answer_all(self, client: Client) -> None:
        """Everything at the head of the queue that waits for nothing else."""
        while client.asked and client.asked[0].awaits is Awaits.NOTHING:
            asked = client.asked.popleft()
            answer = asked.answer
            if answer is None:
                assert asked.request is not None, "a read that was not refused"
                ids = self._ids_of(client)
                reader = Reader(client.connection, client.session, ids)
                answer = answer_read(self._history.tree, self.watches, asked.request, reader)
                for event in answer.events:
                    self._send(client, event_packet(event))
            elif answer.zxid < 0:
                answer = Answer(self._history.tree.last_zxid, response=answer.response)
            self._send(client, reply_packet(asked.xid, answer))
            now_ms = self._turn.now.ms
            client.traffic.answered(
                asked.op,
                asked.xid,
                answer.zxid,
                now_ms=now_ms,
                latency_ms=now_ms - asked.since_ms,
                update=asked.op in WRITES,
            )
