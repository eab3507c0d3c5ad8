"""How does a server follow, or observe: its link, what comes over it, and its clients' wishes?"""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable
from typing import Final

from target_node.durable.operations import (
    AcceptEpoch,
    Append,
    Appended,
    Completion,
    EnterEpoch,
    EpochAccepted,
    EpochEntered,
    InstallSnapshot,
    Truncate,
    Truncated,
    TruncateRefused,
)
from target_node.protocol import learner as ln
from target_node.protocol import promise as pr
from target_node.protocol.broadcast import Commit
from target_node.protocol.election import Settled
from target_node.protocol.ensemble import Server, parse_ensemble
from target_node.protocol.events import Begin, GiveUp, Received, Send, WakeAt, Woken
from target_node.server.client import Asked
from target_node.server.events import Dial, HangUp, Port
from target_node.server.links import Image, QuorumLink
from target_node.server.role import Place
from target_node.server.service import Wish
from target_node.state.image import write_image
from target_node.state.paths import CONFIG
from target_node.state.sessions import Heard
from target_node.state.tree import Tree
from target_node.wire.client import encode_body
from target_node.wire.codes import OpCode, PacketType
from target_node.wire.jute import Malformed
from target_node.wire.payloads import (
    ForwardedRequest,
    Revalidate,
    decode_activation,
    decode_config,
    decode_revalidated,
    encode_payload,
    encode_touches,
)
from target_node.wire.quorum import QuorumPacket
from target_node.wire.record import encode
from target_node.wire.txn import TxnBody, TxnHeader, decode_txn

TXNS: Final = (PacketType.PROPOSAL, PacketType.INFORM, PacketType.INFORMANDACTIVATE)
TRIES: Final = 5  # to dial a leader that may not know yet that it leads
PAUSE_MS: Final = 100


class Learning:
    """One server while it follows one leader."""

    only_reads = False

    def __init__(self, place: Place, leader: Server, *, observes: bool) -> None:
        self.name = "observer" if observes else "follower"
        self.leader = leader
        self._place = place
        self._turn = place.turn
        self._observes = observes
        self._link: QuorumLink | None = None
        self._dialled = 0  # the connection
        self._tries = 0
        self._standing = place.standing
        self._promise: pr.ProspectiveFollower | None = None
        self._learner: ln.Learner | None = None
        self._decoded: dict[int, tuple[TxnHeader, TxnBody | None]] = {}
        self._heard = Heard()
        self._syncs: deque[Asked] = deque()  # that the leader has not answered
        self._config = ""  # the members, as NEWLEADER told them
        self._anew = False  # the history that comes takes the place of all that we have
        self._over = False

    # The link.

    def begin(self) -> None:
        """Dial."""
        self._tries += 1
        self._dialled = self._turn.next_connection()
        self._turn.add(Dial(self._dialled, Port.QUORUM, self.leader.sid, self.leader.quorum))

    def linked(self, link: QuorumLink) -> None:
        """We lead nobody."""
        self._turn.add(HangUp(link.connection))

    def connected(self, connection: int) -> None:
        """Introduce ourselves."""
        self._link = QuorumLink(connection, self._turn.now.ms, self.leader.sid)
        self._promise = pr.ProspectiveFollower(
            self._place.me,
            self.leader.sid,
            self._standing,
            limit_ms=self._turn.settings.init_ms,
            observes=self._observes,
            wants_all=self._place.wants_all,
        )
        self._step_promise(Begin())

    def ended(self, connection: int) -> None:
        """Before the leader's first word it may just not be ready."""
        if connection != self._dialled:
            return
        heard = self._learner is not None or self._place.accepted_epoch != (
            self._standing.accepted_epoch
        )
        if heard or self._tries >= TRIES:
            self._place.leave("the link to the leader is gone")
            return
        self._link = self._promise = None
        self._turn.silence("promise")
        self._turn.alarm("dial", self._turn.now.ms + PAUSE_MS)

    def came(self, connection: int, data: bytes) -> None:
        """Packets, or the leader's tree."""
        link = self._link
        if link is None or connection != link.connection:
            return
        link.feed(data, self._turn.now.ms)
        if self._learner is not None:
            self._learner.heard(self._turn.now.ms)
        try:
            while self._link is link and (came := link.take()) is not None:
                if isinstance(came, Image):
                    self._install(came)
                else:
                    self._packet(came)
        except Malformed as error:
            self._give_up(f"the leader sent nonsense: {error}", breach=True)

    def _give_up(self, reason: str, *, breach: bool) -> None:
        if breach:
            self._turn.note("breach", leader=self.leader.sid, what=reason)
        self._place.leave(reason)

    def end(self) -> None:
        """What we logged and nobody committed stays in our log."""
        self._over = True
        self._turn.add(HangUp(self._dialled))
        self._link = None
        for who in ("dial", "promise", "learner"):
            self._turn.silence(who)
        if self._learner is not None:
            self._place.history.break_off(self._learner.pending)

    def _packet(self, packet: QuorumPacket) -> None:
        txn = packet.data
        if packet.type == PacketType.INFORMANDACTIVATE:
            _, txn = decode_activation(packet.data)
        if packet.type in TXNS and txn is not None:
            header, body, _ = decode_txn(txn)
            self._decoded[header.zxid] = (header, body)
        received = Received(self.leader.sid, packet)
        if self._learner is not None:
            self._step_learner(received)
        elif self._promise is not None:
            self._step_promise(received)

    def _send(self, packet: QuorumPacket) -> None:
        if self._link is not None:
            self._turn.write(self._link.connection, encode(packet))

    # The protocol.

    def woken(self, who: str) -> None:
        """Ours are "dial", "promise" and "learner"."""
        match who:
            case "dial":
                self.begin()
            case "promise":
                self._step_promise(Woken())
            case "learner":
                self._step_learner(Woken())
            case _:
                raise AssertionError(f"{who} is no alarm of a learner")

    def done(self, completion: Completion) -> None:
        """Each is somebody's."""
        match completion:
            case EpochAccepted():
                self._step_promise(completion)
            case Truncated():
                self._place.history.absorb()
                self._place.begin_with("log")
                self._step_learner(completion)
            case Appended() | EpochEntered() | TruncateRefused():
                self._step_learner(completion)
            case _:
                pass

    def _step_promise(self, event: pr.FollowerEvent) -> None:
        if self._promise is None or self._link is None:
            return
        for effect in self._promise.step(self._turn.now.ms, event):
            match effect:
                case AcceptEpoch(epoch):
                    self._place.accepted_epoch = epoch
                    self._turn.perform(effect)
                case Send(_, packet):
                    self._send(packet)
                case pr.Promised(epoch, counts):
                    leader = self.leader.sid
                    self._turn.note("promised", leader=leader, epoch=epoch, counts=counts)
                    self._turn.silence("promise")
                    self._promise = None
                    self._learn(epoch)
                case GiveUp(reason, breach):
                    self._give_up(reason, breach=breach)
                case WakeAt(time_ms):
                    self._turn.alarm("promise", time_ms)

    def _learn(self, epoch: int) -> None:
        settings = self._turn.settings
        self._learner = ln.Learner(
            self.leader.sid,
            epoch,
            0 if self._place.wants_all else self._standing.last_zxid,
            init_ms=settings.init_ms,
            sync_ms=settings.sync_ms,
            observes=self._observes,
        )
        self._step_learner(Begin())

    def _step_learner(self, event: ln.Event) -> None:
        if self._learner is None:
            return
        for effect in self._learner.step(self._turn.now.ms, event):
            if self._is_over():
                return
            match effect:
                case Append():
                    if not self._anew:
                        self._turn.perform(effect)
                case EnterEpoch(epoch):
                    self._place.current_epoch = epoch
                    self._turn.perform(effect)
                case Send(_, packet):
                    self._send(packet)
                case Commit(txn):
                    header, body = self._decoded.pop(txn.zxid)
                    self._place.commit(txn, header, body)
                case ln.Pass(packet):
                    self._serve_sessions(packet)
                case GiveUp(reason, breach):
                    self._give_up(reason, breach=breach)
                case WakeAt(time_ms):
                    self._turn.alarm("learner", time_ms)
                case _:
                    self._synchronise(effect)

    def _is_over(self) -> bool:
        """Whatever ends our following, what was to be done behind that is void."""
        return self._over

    def _synchronise(
        self,
        effect: Truncate
        | ln.Confirm
        | ln.AwaitSnapshot
        | ln.Unreached
        | ln.Joined
        | ln.Serve
        | ln.Activate,
    ) -> None:
        place = self._place
        match effect:
            case ln.Confirm():
                self._turn.note("synchronising", leader=self.leader.sid, by="DIFF")
                if place.wants_all:
                    # We told that we have nothing, and are sent all.
                    self._anew = True
                    place.history.replace(Tree())
                place.history.absorb()
                place.begin_with("log")
            case Truncate(zxid):
                self._turn.note("synchronising", leader=self.leader.sid, by="TRUNC", zxid=zxid)
                place.cut(zxid)
                self._turn.perform(effect)
            case ln.AwaitSnapshot(zxid):
                self._turn.note("synchronising", leader=self.leader.sid, by="SNAP", zxid=zxid)
                assert self._link is not None, "the packet came over it"
                self._link.await_image(zxid)
            case ln.Unreached():
                place.wants_all = True
            case ln.Activate(leader):
                self._activate(leader)
            case ln.Joined(zxid, config):
                place.wants_all = False
                if self._anew:
                    self._replace_all()
                place.due_zxid = place.history.tree.last_zxid
                self._config = decode_config(config)
                self._turn.note(
                    "joined",
                    leader=self.leader.sid,
                    zxid=zxid,
                    last_zxid=place.history.tree.last_zxid,
                )
            case ln.Serve(epoch):
                place.history.confirmed = True
                if self._config:
                    self._adopt(self._config)
                if self._is_over():
                    return
                self._turn.note("serving", role=self.name, epoch=epoch, leader=self.leader.sid)
                place.elect(Settled(epoch))
                place.clients.serve(self)

    def _adopt(self, text: str) -> None:
        """These are the members; what we are among them may have changed."""
        try:
            members = parse_ensemble(text)
        except ValueError as error:
            raise Malformed(f"no membership: {error}", 0) from None
        self._place.adopt(members)
        me = members.server(self._place.me)
        if me is not None and me.observes != self._observes:
            self._place.leave(f"we are a {me.role} from now on")

    def _activate(self, leader: int) -> None:
        self._config = ""  # what NEWLEADER told is older, even if we do not serve yet
        text = self._place.history.tree.node(CONFIG).data or b""
        self._adopt(decode_config(text))
        if leader != self.leader.sid and not self._is_over():
            self._place.leave(f"the new members are led by {leader}")

    def _replace_all(self) -> None:
        """The disk changes from one history to the other in one step: between, it had neither."""
        self._anew = False
        tree = self._place.history.tree
        self._turn.perform(InstallSnapshot(tree.last_zxid, tuple(write_image(tree))))

    def _install(self, image: Image) -> None:
        place = self._place
        place.cut(image.zxid)
        place.history.replace(image.tree)
        place.history.confirmed = False
        place.begin_with("snapshot")
        self._turn.perform(InstallSnapshot(image.zxid, (image.body,)))
        self._step_learner(ln.SnapshotCame(image.zxid))

    # What our clients want.

    @property
    def proposed(self) -> int:
        """Followers are told of a txn before it can be committed."""
        return self._learner.last_zxid if self._learner is not None else 0

    def submit(self, wish: Wish) -> None:
        """To the leader."""
        request = ForwardedRequest(wish.session, wish.cxid, wish.op, wish.body)
        self._send(QuorumPacket(PacketType.REQUEST, -1, encode_payload(request), wish.ids))

    def sync(self, token: Hashable) -> None:
        """The leader answers them in order."""
        assert isinstance(token, Asked), "only our own clients ask for one"
        self._syncs.append(token)
        assert token.request is not None, "it was read before it was asked for"
        body = encode_body(token.request)
        self.submit(Wish(token.client.session, token.xid, OpCode.SYNC, body))

    def revalidate(self, session: int, timeout_ms: int) -> None:
        """Only the leader knows who is alive."""
        data = encode_payload(Revalidate(session, timeout_ms))
        self._send(QuorumPacket(PacketType.REVALIDATE, -1, data))

    def touch(self, session: int, timeout_ms: int) -> None:
        """The leader hears of it when it asks."""
        self._heard.touch(session, timeout_ms)

    def _serve_sessions(self, packet: QuorumPacket) -> None:
        match packet.type:
            case PacketType.PING:
                data = encode_touches(self._heard.take())
                self._send(QuorumPacket(PacketType.PING, packet.zxid, data))
            case PacketType.REVALIDATE:
                answer = decode_revalidated(packet.data)
                self._place.clients.opened(answer.session, valid=answer.valid, proposed=packet.zxid)
            case PacketType.SYNC if self._syncs:
                self._place.clients.synced(self._syncs.popleft())
            case _:
                self._give_up("an answer to a sync that nobody asked for", breach=True)
