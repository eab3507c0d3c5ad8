"""How does a server lead: its learners' links, its epoch, and what it proposes?

Until a quorum holds its history it only prospects; then it is established, serves clients, and its
`reign` (in `reigning`) orders what they and the learners' clients ask for.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from dataclasses import dataclass, replace
from typing import Final, TypeVar
from zlib import crc32

from target_node.durable.operations import (
    AcceptEpoch,
    Append,
    Appended,
    Completion,
    EnterEpoch,
    EpochAccepted,
    EpochEntered,
    ReadAfter,
    TxnsRead,
)
from target_node.durable.scan import Txn
from target_node.protocol import broadcast as bc
from target_node.protocol import discovery as dc
from target_node.protocol.election import Settled
from target_node.protocol.ensemble import Ensemble
from target_node.protocol.events import Begin, Close, Dismiss, GiveUp, Received, Send, WakeAt, Woken
from target_node.protocol.membership import Members, Passage
from target_node.protocol.plan import Diff, Plan, Snap, Stretch, Trunc, plan
from target_node.server.client import Asked
from target_node.server.events import HangUp, Stream
from target_node.server.history import members_in
from target_node.server.links import SIGNATURE, Image, QuorumLink
from target_node.server.reconfigurer import Reconfigurer
from target_node.server.requests import WRITES
from target_node.server.role import Place
from target_node.server.service import Wish
from target_node.state.image import write_image
from target_node.state.prep import Prep, Prepared
from target_node.state.sessions import Sessions
from target_node.state.writes import INTERNAL_SESSION, Asker
from target_node.wire.client import Request, decode_request
from target_node.wire.codes import ErrorCode, OpCode, PacketType
from target_node.wire.jute import Malformed
from target_node.wire.payloads import (
    Revalidated,
    decode_forwarded,
    decode_learner_info,
    decode_revalidate,
    decode_touches,
    encode_config,
    encode_payload,
)
from target_node.wire.quorum import QuorumPacket
from target_node.wire.record import encode
from target_node.wire.requests import CloseSessionRequest, DeleteContainerRequest
from target_node.wire.txn import TxnBody, TxnHeader, encode_txn

_Effect = TypeVar("_Effect")
MOST_LOG_BYTES: Final = 16 << 20  # of the log that is worth reading for a learner; else a snapshot


@dataclass(frozen=True, slots=True)
class _Question:
    """Whether a session is alive, and `owner`'s then; a learner asks over its connection."""

    session: int
    timeout_ms: int
    owner: int
    connection: int | None = None


class Leading:
    """One server while it leads, or tries to."""

    name = "leader"
    only_reads = False

    def __init__(self, place: Place) -> None:
        self._place = place
        self._turn = place.turn
        settings = place.turn.settings
        self._prospect = dc.ProspectiveLeader(
            place.me, place.ensemble, place.standing, limit_ms=settings.init_ms
        )
        self._reign: bc.Broadcast | None = None
        self._links: dict[int, QuorumLink] = {}  # by connection
        self._learners: dict[int, QuorumLink] = {}  # by sid
        self._observers: dict[int, None] = {}
        self._serving: dict[int, None] = {}  # learners that were sent UPTODATE
        self._reading: dict[int, list[QuorumLink]] = {}  # who waits for the log behind this zxid
        self._decoded: dict[int, tuple[TxnHeader, TxnBody]] = {}
        self._sessions = Sessions(settings.tick_ms, {}, 0)
        self._prep = Prep(place.history.tree, self._sessions)
        self._over = False
        self.established_ms = 0

    # Links.

    def begin(self) -> None:
        """Who has dialled already is handed on by `linked`."""
        self._turn.alarm("silent", self._turn.now.ms + self._turn.settings.tick_ms)
        self._step_prospect(Begin())

    @property
    def serving(self) -> tuple[int, ...]:
        """The learners that are synchronised."""
        return tuple(self._serving)

    @property
    def observers(self) -> tuple[int, ...]:
        """Those of them that only observe."""
        return tuple(sid for sid in self._serving if sid in self._observers)

    @property
    def pending_syncs(self) -> int:
        """How many wait for a quorum's word."""
        return self._reign.pending_syncs if self._reign is not None else 0

    def linked(self, link: QuorumLink) -> None:
        """A learner, unless it says something else."""
        self._links[link.connection] = link
        self._take(link)

    def connected(self, connection: int) -> None:
        """We dial nobody."""

    def came(self, connection: int, data: bytes) -> None:
        """Packets of a learner."""
        if (link := self._links.get(connection)) is not None:
            link.feed(data, self._turn.now.ms)
            self._take(link)

    def ended(self, connection: int) -> None:
        """Forget it; whether a quorum is left is seen in time."""
        link = self._links.pop(connection, None)
        if link is not None and link.sid is not None and self._learners.get(link.sid) is link:
            self._turn.note("learner_gone", learner=link.sid)
            self._dismiss(link.sid)

    def end(self) -> None:
        """What we proposed and nobody committed stays in our log."""
        self._over = True
        for connection in self._links:
            self._turn.add(HangUp(connection))
        self._links.clear()
        self._learners.clear()
        for who in ("prospect", "reign", "silent", "expiry", "containers"):
            self._turn.silence(who)
        if self._reign is not None:
            self._place.history.break_off(self._reign.outstanding)

    def _take(self, link: QuorumLink) -> None:
        try:
            while link.connection in self._links and (packet := link.take()) is not None:
                assert not isinstance(packet, Image), "a leader awaits no tree"
                self._packet(link, packet)
        except Malformed as error:
            self._close(link, str(error))

    def _close(self, link: QuorumLink, reason: str) -> None:
        self._turn.note("learner_closed", learner=link.sid, reason=reason)
        self._turn.add(HangUp(link.connection))
        self.ended(link.connection)

    def _dismiss(self, sid: int) -> None:
        del self._learners[sid]
        self._serving.pop(sid, None)
        self._step_prospect(Dismiss(sid))
        self._step_reign(Dismiss(sid))

    def _introduce(self, link: QuorumLink, packet: QuorumPacket) -> None:
        """Whoever was known by this sid before has come back over another link."""
        if packet.type not in (PacketType.FOLLOWERINFO, PacketType.OBSERVERINFO):
            raise Malformed(f"packet {packet.type} of a stranger", 0)
        sid = decode_learner_info(packet.data).sid
        if sid == self._place.me:
            raise Malformed("a learner with our own sid", 0)
        if (older := self._learners.get(sid)) is not None:
            self._close(older, "it has come back over another link")
        link.sid = sid
        self._learners[sid] = link
        self._observers.pop(sid, None)
        if packet.type == PacketType.OBSERVERINFO:
            self._observers[sid] = None

    def _packet(self, link: QuorumLink, packet: QuorumPacket) -> None:
        if link.sid is None:
            self._introduce(link, packet)
        sid = link.sid
        assert sid is not None, "it was introduced"
        received = Received(sid, packet)
        match packet.type:
            case PacketType.ACK:
                self._step_reign(received)
                self._step_prospect(received)
            case PacketType.PING:
                self._sessions.touch_all(decode_touches(packet.data), self._turn.now.ms)
                self._step_reign(received)
            case PacketType.REQUEST if sid in self._serving:
                self._forwarded(sid, link, packet)
            case PacketType.REVALIDATE if sid in self._serving:
                asked = decode_revalidate(packet.data)
                self._revalidate(_Question(asked.session, asked.timeout_ms, sid, link.connection))
            case PacketType.REQUEST | PacketType.REVALIDATE:
                self._close(link, "it asks before it is synchronised")
            case _:
                self._step_prospect(received)

    def _send(self, sid: int, packet: QuorumPacket) -> None:
        if (link := self._learners.get(sid)) is not None:
            self._turn.write(link.connection, encode(packet))

    # The protocol.

    def woken(self, who: str) -> None:
        """Ours are "prospect", "reign", "silent", "expiry" and "containers"."""
        match who:
            case "prospect":
                self._step_prospect(Woken())
            case "reign":
                self._step_reign(Woken())
            case "silent":
                self._close_silent()
            case "expiry":
                self._expire()
            case "containers":
                self._delete_overdue()
            case _:
                raise AssertionError(f"{who} is no alarm of a leader")

    def done(self, completion: Completion) -> None:
        """Each is somebody's."""
        match completion:
            case EpochAccepted() | EpochEntered():
                self._step_prospect(completion)
            case Appended():
                self._step_reign(completion)
            case TxnsRead(zxid, txns):
                for link in self._reading.pop(zxid, []):
                    if link.sid is not None and self._learners.get(link.sid) is link:
                        self._synchronise(link.sid, zxid, txns or ())
            case _:
                pass

    def _step_prospect(self, event: dc.LeaderEvent) -> None:
        for effect in self._while_leading(self._prospect.step(self._turn.now.ms, event)):
            match effect:
                case AcceptEpoch(epoch):
                    self._place.accepted_epoch = epoch
                    self._turn.perform(effect)
                case EnterEpoch(epoch):
                    self._enter(epoch)
                    self._turn.perform(effect)
                case Send(sid, packet):
                    self._send(sid, packet)
                    if packet.type == PacketType.UPTODATE:
                        self._turn.note("up_to_date", learner=sid)
                        self._serving[sid] = None
                        self._step_reign(bc.Include(sid))
                case dc.Synchronise(sid, last_zxid):
                    self._find_history(sid, last_zxid)
                case dc.Established(epoch):
                    self._establish(epoch)
                case Close(sid, reason):
                    if (link := self._learners.get(sid)) is not None:
                        self._close(link, reason)
                case GiveUp(reason):
                    self._place.leave(reason)
                case WakeAt(time_ms):
                    self._turn.alarm("prospect", time_ms)

    def _activate_first(self, epoch: int) -> None:
        """A change of members that the log ends with is committed by now, as all of it is."""
        place, zxid = self._place, self._prospect.new_leader_zxid
        members = self._first_members(zxid)
        place.adopt(members)
        self._prospect.ensemble = members
        if self._reign is not None:
            self._reign.ensemble = members

    def _first_members(self, new_leader_zxid: int) -> Ensemble:
        """Whose epoch this is; nobody has given them a version before the first one.

        Where they cannot change, they have none.
        """
        ensemble, settings = self._place.ensemble, self._turn.settings
        first = ensemble.proposed if isinstance(ensemble, Passage) else ensemble
        if first.version == 0 and settings.reconfigurable and not settings.alone:
            return replace(first, version=new_leader_zxid)
        return first

    def _while_leading(self, effects: tuple[_Effect, ...]) -> Iterator[_Effect]:
        """Whatever ends our lead, what was to be done behind that is void."""
        for effect in effects:
            if self._over:
                return
            yield effect

    def _enter(self, epoch: int) -> None:
        """A quorum has promised: our history is what this epoch begins with, all of our log."""
        self._turn.note("entering", epoch=epoch, zxid=self._place.history.last_zxid)
        self._place.current_epoch = epoch
        self._place.history.absorb()
        self._place.due_zxid = self._place.history.last_zxid
        self._place.begin_with("log")
        settings = self._turn.settings
        terms = bc.Terms(settings.tick_ms // 2, settings.sync_ms)
        self._reign = bc.Broadcast(self._place.me, self._place.ensemble, epoch, terms)

    def _establish(self, epoch: int) -> None:
        place, now_ms = self._place, self._turn.now.ms
        self.established_ms = now_ms
        place.history.confirmed = True
        place.wants_all = False
        tree, settings = place.history.tree, self._turn.settings
        self._sessions = Sessions(settings.tick_ms, tree.sessions, now_ms)
        self._prep = Prep(tree, self._sessions, Reconfigurer(self, place))
        self._activate_first(epoch)
        self._turn.note(
            "established",
            epoch=epoch,
            zxid=tree.last_zxid,
            acks=self._prospect.acked,
            voters=place.ensemble.voters,
            weights=tuple(map(place.ensemble.weight, place.ensemble.voters)),
        )
        place.elect(Settled(epoch))
        self._turn.alarm("expiry", now_ms + settings.tick_ms)
        self._turn.alarm("containers", now_ms + settings.container_check_ms)
        self._step_reign(Begin())
        place.clients.serve(self)
        if place.ensemble.weight(place.me) == 0:
            place.leave("the ensemble wants another leader")

    def _step_reign(self, event: bc.Event) -> None:
        if self._reign is None:
            return
        for effect in self._while_leading(self._reign.step(self._turn.now.ms, event)):
            match effect:
                case Append():
                    self._turn.perform(effect)
                case Send(sid, packet):
                    self._send(sid, packet)
                case bc.Commit(txn, acks):
                    self._turn.trace("committed", zxid=txn.zxid, acks=acks)
                    self._commit(txn)
                case bc.Activate(members, leader):
                    self._activate(members, leader)
                case bc.Synced(token):
                    self._synced(token)
                case GiveUp(reason):
                    self._place.leave(reason)
                case WakeAt(time_ms):
                    self._turn.alarm("reign", time_ms)

    def _close_silent(self) -> None:
        now_ms, settings = self._turn.now.ms, self._turn.settings
        for link in list(self._links.values()):
            limit_ms = settings.sync_ms if link.sid in self._serving else settings.init_ms
            if now_ms - link.heard_ms > limit_ms:
                self._close(link, "silent")
        self._turn.alarm("silent", now_ms + settings.tick_ms)

    def _activate(self, members: Ensemble, leader: int) -> None:
        self._place.adopt(members)
        self._prospect.ensemble = members
        if leader != self._place.me:
            self._place.leave(f"the new members are led by {leader}")

    # Synchronization.

    def _find_history(self, sid: int, last_zxid: int) -> None:
        """What we have in memory may be enough; else the disk may have more, or the tree goes."""
        if last_zxid >= self._recent().after or last_zxid == 0:
            self._synchronise(sid, last_zxid, ())
            return
        waiting = self._reading.setdefault(last_zxid, [])
        waiting.append(self._learners[sid])
        if len(waiting) == 1:
            self._turn.perform(ReadAfter(last_zxid, MOST_LOG_BYTES))

    def _recent(self) -> Stretch:
        history = self._place.history
        until = history.tree.last_zxid
        if self._prospect.phase is dc.Phase.ESTABLISHED:
            until = max(until, self._prospect.new_leader_zxid)
        return history.recent(until)

    def _synchronise(self, sid: int, last_zxid: int, logged: tuple[Txn, ...]) -> None:
        recent = self._recent()
        # What is logged and not committed goes to the learner as proposals of now.
        known = tuple(txn for txn in logged if txn.zxid <= recent.until)
        stretches = [Stretch(last_zxid, known[-1].zxid, known)] if known else []
        decided = plan(last_zxid, recent, stretches, recent.until)
        self._turn.note(
            "synchronising",
            learner=sid,
            by=type(decided).__name__.upper(),
            learner_zxid=last_zxid,
            zxid=decided.zxid,
        )
        self._send_history(sid, decided)
        self._step_reign(bc.Admit(sid, observes=sid in self._observers))
        zxid = self._prospect.new_leader_zxid
        config = encode_config(str(self._first_members(zxid)))
        self._send(sid, QuorumPacket(PacketType.NEWLEADER, zxid, config))

    def _send_history(self, sid: int, decided: Plan) -> None:
        match decided:
            case Diff(zxid):
                self._send(sid, QuorumPacket(PacketType.DIFF, zxid))
            case Trunc(zxid):
                self._send(sid, QuorumPacket(PacketType.TRUNC, zxid))
            case Snap(zxid):
                self._send(sid, QuorumPacket(PacketType.SNAP, zxid))
                connection = self._learners[sid].connection
                self._turn.add(Stream(connection, write_image(self._place.history.tree)))
                self._turn.write(connection, SIGNATURE)
                return
        for txn in decided.txns:
            self._send(sid, QuorumPacket(PacketType.PROPOSAL, txn.zxid, txn.payload))
            self._send(sid, QuorumPacket(PacketType.COMMIT, txn.zxid))

    # What clients want, ours and the learners'.

    @property
    def members(self) -> Members:
        """Of now, and of a change that is under way."""
        return self._place.ensemble if self._reign is None else self._reign.ensemble

    @property
    def in_step(self) -> tuple[int, ...]:
        """Who holds our history and acks what we propose, we among them."""
        return (self._place.me, *(sid for sid in self._serving if sid not in self._observers))

    @property
    def proposed(self) -> int:
        """The last zxid that is taken."""
        return self._reign.proposed if self._reign is not None else 0

    def submit(self, wish: Wish) -> None:
        """Of a client of ours."""
        self._ask(wish, self._place.me)

    def sync(self, token: Hashable) -> None:
        """Of a client of ours."""
        self._step_reign(bc.Sync(token))

    def revalidate(self, session: int, timeout_ms: int) -> None:
        """We are who knows; of one that is being closed its client hears when that is done."""
        self._revalidate(_Question(session, timeout_ms, self._place.me))

    def _revalidate(self, asked: _Question, *, sure: bool = False) -> None:
        session, now_ms = asked.session, self._turn.now.ms
        valid = self._sessions.revalidate(session, asked.timeout_ms, asked.owner, now_ms)
        if valid is False and not sure:
            # It may have begun with another leader, who leads now: let a quorum say first that we
            # still do. A client that is told that its session is gone gives up its nodes.
            self._step_reign(bc.Sync(asked))
        elif valid is not None and asked.connection is None:
            self._place.clients.opened(session, valid=valid)
        elif valid is not None and asked.connection in self._links:
            data = encode_payload(Revalidated(session, valid))
            packet = QuorumPacket(PacketType.REVALIDATE, self.proposed, data)
            self._turn.write(asked.connection, encode(packet))

    def touch(self, session: int, timeout_ms: int) -> None:
        """It was heard."""
        self._sessions.touch(session, timeout_ms, self._turn.now.ms)

    def _forwarded(self, sid: int, link: QuorumLink, packet: QuorumPacket) -> None:
        asked = decode_forwarded(packet.data)
        if asked.type == OpCode.SYNC:
            self._step_reign(bc.Sync(link))
        elif asked.type in WRITES or asked.type == OpCode.CREATE_SESSION:
            ids = tuple(packet.authinfo or ())
            self._ask(Wish(asked.session, asked.cxid, asked.type, asked.body, ids), sid)
        else:
            self._close(link, f"it forwards a request of type {asked.type}")

    def _synced(self, token: Hashable) -> None:
        if isinstance(token, Asked):
            self._place.clients.synced(token)
        elif isinstance(token, _Question):
            self._revalidate(token, sure=True)
        elif isinstance(token, QuorumLink) and token.connection in self._links:
            self._turn.write(token.connection, encode(QuorumPacket(PacketType.SYNC, 0)))

    def _ask(self, wish: Wish, owner: int) -> None:
        asker = Asker(wish.session, wish.cxid, owner, wish.ids)
        try:
            request = decode_request(wish.op, wish.body)
        except Malformed:
            self._refuse(asker, ErrorCode.MARSHALLING_ERROR)
        else:
            self._request(request, asker)

    def _refuse(self, asker: Asker, code: ErrorCode) -> None:
        if self._reign is not None:
            zxid, wall_ms = self._reign.next_zxid, self._turn.now.wall_ms
            self._propose((self._prep.refuse(zxid, asker, code, wall_ms),))

    def _request(self, request: Request, asker: Asker) -> None:
        if self._reign is not None:
            zxid, now = self._reign.next_zxid, self._turn.now
            self._propose(self._prep.prepare(zxid, request, asker, now.ms, now.wall_ms))

    def _propose(self, prepared: tuple[Prepared, ...]) -> None:
        established = self._prospect.phase is dc.Phase.ESTABLISHED
        assert established, "proposed before a quorum has joined the epoch"
        for one in prepared:
            zxid = one.header.zxid
            txn = Txn(zxid, encode_txn(one.header, one.body))
            self._decoded[zxid] = (one.header, one.body)
            if self._turn.settings.traces:
                self._turn.note("proposed", zxid=zxid, txn=crc32(txn.payload))
            self._step_reign(bc.Propose(txn, members_in(one.header, one.body)))

    def _commit(self, txn: Txn) -> None:
        header, body = self._decoded.pop(txn.zxid)
        self._place.commit(txn, header, body)
        self._prep.applied(txn.zxid)
        if header.type == OpCode.CLOSE_SESSION:
            self._sessions.remove(header.session)

    def _expire(self) -> None:
        now_ms = self._turn.now.ms
        for session in self._sessions.expire(now_ms):
            self._turn.note("session_expired", session=session)
            self._request(CloseSessionRequest(), Asker(session, 0, self._place.me))
        self._turn.alarm("expiry", now_ms + self._turn.settings.tick_ms)

    def _delete_overdue(self) -> None:
        now = self._turn.now
        for path in self._place.history.tree.overdue(now.wall_ms):
            asker = Asker(INTERNAL_SESSION, 0, self._place.me)
            self._request(DeleteContainerRequest(path), asker)
        self._turn.alarm("containers", now.ms + self._turn.settings.container_check_ms)
