"""A whole ensemble of the protocol's machines over a network, disks and clocks that a seed decides.

What followers do with what they are sent is the shortest that is right; leaders are the real ones.
Whatever breaks a property of the ZAB paper is an AssertionError in the step that breaks it.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from heapq import heappop, heappush

from target_node.durable.operations import (
    AcceptEpoch,
    Append,
    Appended,
    EnterEpoch,
    EpochAccepted,
    EpochEntered,
)
from target_node.durable.scan import Txn
from target_node.protocol import broadcast as bc
from target_node.protocol import discovery as dc
from target_node.protocol import election as el
from target_node.protocol import promise as pr
from target_node.protocol.ensemble import Ensemble
from target_node.protocol.events import Begin, Close, Dismiss, GiveUp, Received, Send, WakeAt, Woken
from target_node.protocol.plan import Diff, Plan, Snap, Stretch, Trunc, plan
from target_node.wire.codes import PacketType, ServerState
from target_node.wire.quorum import QuorumPacket

LIMIT_MS = 5000


@dataclass
class History:
    """In place of DIFF, TRUNC, SNAP and what follows them."""

    plan: Plan
    snapshot: tuple[Txn, ...]


Message = QuorumPacket | History


@dataclass
class Link:
    """One connection of a learner; each end learns by itself that it is broken."""

    leader: int
    learner: int
    number: int
    ends: set[int] = field(default_factory=set)
    busy_until: dict[int, int] = field(default_factory=dict)


def zxid_of_last(txns: list[Txn]) -> int:
    return txns[-1].zxid if txns else 0


class Server:
    """`log` is what the disk was asked to keep, `disk_log` what it has kept."""

    def __init__(self, realm: Realm, sid: int) -> None:
        self.realm = realm
        self.sid = sid
        self.accepted = self.current = 0
        self.disk_log: list[Txn] = []
        self.life = 0
        self.up = False

    def start(self) -> None:
        self.up = True
        self.life += 1
        self.owed = 0
        self.disk_ms = 0
        self.log = list(self.disk_log)
        self.election = el.Election(self.sid, self.realm.ensemble)
        self.idle()
        self.look()

    def idle(self) -> None:
        """Neither leads nor follows."""
        self.prospect: dc.ProspectiveLeader | None = None
        self.reign: bc.Broadcast | None = None
        self.follower: pr.ProspectiveFollower | None = None
        self.link: Link | None = None
        self.links: dict[int, Link] = {}
        self.history: list[Txn] = []
        self.applied = 0
        self.held: list[Txn] | None = []
        self.term = (self.life, self.realm.count())

    def crash(self) -> None:
        self.up = False
        self.life += 1
        self.realm.leave(self)
        self.idle()

    def look(self) -> None:
        """What our disk owes may change what we are: wait for it, then vote."""
        self.realm.leave(self)
        self.idle()
        term = self.term

        def vote() -> None:
            if self.term != term:
                return
            if self.owed:
                self.realm.after(5, vote)
            else:
                self.log = list(self.disk_log)  # a sync that broke off is in memory only
                self.elect(el.Look(zxid_of_last(self.log), self.current))

        vote()

    def disk(self, operation: Callable[[], None], done: Callable[[], None]) -> None:
        """In order, each after a while; lost by a crash before it is done."""
        life, term = self.life, self.term
        self.owed += 1
        self.disk_ms = max(self.disk_ms, self.realm.now) + self.realm.drawn.randint(0, 20)

        def perform() -> None:
            if self.life == life:
                self.owed -= 1
                operation()
                if self.term == term:
                    done()

        self.realm.at(self.disk_ms, perform)

    def alarm(self, time_ms: int, wake: Callable[[], None]) -> None:
        term = self.term
        self.realm.at(time_ms, lambda: wake() if self.term == term and self.up else None)

    # Election.

    def elect(self, event: el.Event) -> None:
        if not self.up:
            return
        for effect in self.election.step(self.realm.now, event):
            match effect:
                case el.Tell(sid, notification):
                    heard = el.Heard(self.sid, notification)
                    self.realm.gossip(self.sid, sid, heard)
                case WakeAt(time_ms):
                    self.alarm(time_ms, lambda: self.elect(Woken()))
                case el.Elected(vote, state):
                    self.serve(vote.leader, state)

    def standing(self) -> pr.Standing:
        return pr.Standing(self.accepted, self.current, zxid_of_last(self.log))

    def serve(self, leader: int, state: ServerState) -> None:
        if state is ServerState.LEADING:
            self.history = list(self.log)
            ensemble = self.realm.ensemble
            self.prospect = dc.ProspectiveLeader(
                self.sid, ensemble, self.standing(), limit_ms=LIMIT_MS
            )
            self.lead(Begin())
        else:
            self.dial(leader, 5)

    def dial(self, leader: int, tries: int) -> None:
        other = self.realm.servers[leader]
        if self.realm.connected(self.sid, leader) and other.up and other.prospect:
            self.link = Link(leader, self.sid, self.realm.count(), {self.sid, leader})
            self.realm.links.append(self.link)
            if leader_end := other.links.get(self.sid):
                other.lose(leader_end)
            other.links[self.sid] = self.link
            observes = not self.realm.ensemble.is_voter(self.sid)
            self.follower = pr.ProspectiveFollower(
                self.sid, leader, self.standing(), limit_ms=LIMIT_MS, observes=observes
            )
            self.promise(Begin())
        elif tries:
            self.alarm(self.realm.now + 100, lambda: self.dial(leader, tries - 1))
        else:
            self.look()

    def lose(self, link: Link) -> None:
        """This end learns that the link is broken."""
        link.ends.discard(self.sid)
        if self.link is link:
            self.look()
        elif self.links.get(link.learner) is link:
            del self.links[link.learner]
            assert self.prospect is not None
            self.lead(Dismiss(link.learner))
            self.rule(Dismiss(link.learner))

    # Leading.

    def send(self, sid: int, message: Message) -> None:
        if sid in self.links:
            self.realm.send(self.links[sid], self.sid, message)

    def lead(self, event: dc.LeaderEvent) -> None:
        prospect = self.prospect
        assert prospect
        for effect in prospect.step(self.realm.now, event):
            match effect:
                case AcceptEpoch(epoch):
                    self.keep_accepted(epoch, lambda: self.lead(EpochAccepted(prospect.epoch)))
                case EnterEpoch(epoch):
                    self.reign = bc.Broadcast(self.sid, self.realm.ensemble, epoch)
                    self.keep_current(epoch, lambda: self.lead(EpochEntered(prospect.epoch)))
                case Send(sid, packet):
                    self.send(sid, packet)
                    if packet.type == PacketType.UPTODATE:
                        self.rule(bc.Include(sid))
                case dc.Synchronise(sid, last):
                    self.synchronise(sid, last)
                case dc.Established(epoch):
                    self.realm.establish(self, epoch)
                    self.elect(el.Settled(epoch))
                    self.rule(Begin())
                case Close(sid, _):
                    self.realm.break_link(self.links[sid])
                case GiveUp():
                    self.look()
                    return
                case WakeAt(time_ms):
                    self.alarm(time_ms, lambda: self.lead(Woken()))

    def synchronise(self, sid: int, last: int) -> None:
        assert self.prospect
        assert self.reign
        done = zxid_of_last(self.history)
        if self.prospect.phase is dc.Phase.ESTABLISHED:
            done = max(done, self.prospect.new_leader_zxid)
        start = self.realm.drawn.randint(0, len(self.history))
        txns = tuple(self.history[start:])
        after = zxid_of_last(self.history[:start]) if txns else done
        whole = Stretch(0, done, tuple(self.history))
        disk = [whole] if self.realm.drawn.randrange(2) else []
        decided = plan(last, Stretch(after, done, txns), disk, done)
        self.realm.plans[type(decided).__name__] += 1
        self.send(sid, History(decided, tuple(self.history)))
        self.rule(bc.Admit(sid, observes=not self.realm.ensemble.is_voter(sid)))
        self.send(sid, QuorumPacket(PacketType.NEWLEADER, self.prospect.new_leader_zxid))

    def rule(self, event: bc.Event) -> None:
        if not self.reign:
            return
        for effect in self.reign.step(self.realm.now, event):
            match effect:
                case Append():
                    self.append(self.reign.outstanding[-1])
                case Send(sid, packet):
                    self.send(sid, packet)
                case bc.Commit(txn):
                    self.history.append(txn)
                    self.realm.commit(self, txn)
                case bc.Synced(token):
                    self.realm.synced(self, token)
                case bc.Activate():
                    raise AssertionError("nobody asked for a change of members")
                case GiveUp():
                    self.look()
                    return
                case WakeAt(time_ms):
                    self.alarm(time_ms, lambda: self.rule(Woken()))

    def append(self, txn: Txn) -> None:
        self.log.append(txn)
        self.disk(lambda: self.disk_log.append(txn), lambda: self.rule(Appended(txn.zxid)))

    def keep_accepted(self, epoch: int, done: Callable[[], None]) -> None:
        def keep() -> None:
            assert epoch >= self.accepted, "a promise was taken back"
            self.accepted = epoch

        self.disk(keep, done)

    def keep_current(self, epoch: int, done: Callable[[], None]) -> None:
        def keep() -> None:
            assert self.current <= epoch <= self.accepted, "an epoch went back"
            self.current = epoch

        self.disk(keep, done)

    # Following.

    def promise(self, event: pr.FollowerEvent) -> None:
        assert self.follower
        for effect in self.follower.step(self.realm.now, event):
            match effect:
                case AcceptEpoch(epoch):
                    self.keep_accepted(epoch, lambda e=epoch: self.promise(EpochAccepted(e)))  # type: ignore[misc]
                case Send(_, packet):
                    assert self.link
                    self.realm.send(self.link, self.sid, packet)
                case pr.Promised():
                    pass
                case GiveUp():
                    self.look()
                    return
                case WakeAt(time_ms):
                    self.alarm(time_ms, lambda: self.promise(Woken()))

    def receive(self, link: Link, sender: int, message: Message) -> None:
        if self.links.get(sender) is link:
            assert isinstance(message, QuorumPacket)
            assert self.prospect
            kind = message.type
            if kind in (PacketType.ACK, PacketType.PING):
                self.rule(Received(sender, message))
            if self.prospect is not None and kind != PacketType.PING:
                self.lead(Received(sender, message))
        elif self.link is link:
            if isinstance(message, History):
                self.adopt(message)
            elif message.type == PacketType.LEADERINFO:
                self.promise(Received(sender, message))
            else:
                self.follow(link, message)

    def adopt(self, sent: History) -> None:
        match sent.plan:
            case Diff(_, txns):
                self.log = self.log + list(txns)
            case Trunc(zxid, txns):
                assert zxid in [txn.zxid for txn in self.log], "truncated to what it has not"
                self.log = [txn for txn in self.log if txn.zxid <= zxid] + list(txns)
            case Snap():
                self.log = list(sent.snapshot)
        assert self.log == list(sent.snapshot), "not the leader's history"
        self.history = list(self.log)

    def follow(self, link: Link, packet: QuorumPacket) -> None:
        zxid = packet.zxid

        def ack() -> None:
            self.realm.send(link, self.sid, QuorumPacket(PacketType.ACK, zxid))

        match packet.type:
            case PacketType.NEWLEADER:
                epoch, log = zxid >> 32, list(self.log)
                # History before epoch, epoch before ack: one operation here.
                self.disk(lambda: self.disk_log.__setitem__(slice(None), log), lambda: None)
                self.keep_current(epoch, ack)
                held, self.held = self.held or [], None
                for txn in held:
                    self.log_proposal(link, txn)
            case PacketType.PROPOSAL:
                txn = Txn(zxid, packet.data or b"")
                if self.held is not None:
                    self.held.append(txn)
                else:
                    self.log_proposal(link, txn)
            case PacketType.COMMIT:
                txn = self.log[len(self.history)]
                assert txn.zxid == zxid, "a commit of another than the oldest"
                self.history.append(txn)
            case PacketType.INFORM:
                txn = Txn(zxid, packet.data or b"")
                self.log.append(txn)
                self.history.append(txn)
                self.disk(lambda: self.disk_log.append(txn), lambda: None)
            case PacketType.UPTODATE:
                self.elect(el.Settled(zxid >> 32))
            case PacketType.PING:
                self.realm.send(link, self.sid, packet)
            case _:
                raise AssertionError(packet)

    def log_proposal(self, link: Link, txn: Txn) -> None:
        self.log.append(txn)
        packet = QuorumPacket(PacketType.ACK, txn.zxid)
        self.disk(
            lambda: self.disk_log.append(txn), lambda: self.realm.send(link, self.sid, packet)
        )


class Realm:
    """The world; `calm` from some time on: no more faults, links are reliable."""

    def __init__(self, seed: int, ensemble: Ensemble) -> None:
        self.drawn = random.Random(seed)
        self.ensemble = ensemble
        self.now = 0
        self.calm = False
        self.cuts: set[tuple[int, int]] = set()
        self.links: list[Link] = []
        self.leaders: dict[int, int] = {}  # by epoch
        self.committed: list[Txn] = []
        self.asked: dict[int, int] = {}  # how much was committed when a sync was
        self.answered = 0
        self.plans = {"Diff": 0, "Trunc": 0, "Snap": 0}
        self._queue: list[tuple[int, int, Callable[[], None]]] = []
        self._count = 0
        self._gossip_ms: dict[tuple[int, int], int] = {}
        self.servers = {server.sid: Server(self, server.sid) for server in ensemble.servers}

    def count(self) -> int:
        self._count += 1
        return self._count

    def at(self, time_ms: int, act: Callable[[], None]) -> None:
        heappush(self._queue, (max(time_ms, self.now), self.count(), act))

    def after(self, delay_ms: int, act: Callable[[], None]) -> None:
        self.at(self.now + delay_ms, act)

    def run(self, until_ms: int) -> None:
        while self._queue and self._queue[0][0] <= until_ms:
            self.now, _, act = heappop(self._queue)
            act()
        self.now = until_ms

    # The network.

    def connected(self, a: int, b: int) -> bool:
        return (a, b) not in self.cuts and (b, a) not in self.cuts

    def delay(self) -> int:
        return self.drawn.choice([1, 1, 2, 5, 20] if self.calm else [1, 2, 10, 50, 400])

    def gossip(self, sender: int, receiver: int, heard: el.Heard) -> None:
        """In order; now and then lost, or twice."""
        if (sender, receiver) in self.cuts or (not self.calm and self.drawn.randrange(8) == 0):
            return
        for _ in range(1 if self.calm or self.drawn.randrange(8) else 2):
            arrival = max(self._gossip_ms.get((sender, receiver), 0), self.now + self.delay())
            self._gossip_ms[sender, receiver] = arrival
            self.at(arrival, lambda: self.servers[receiver].elect(heard))

    def send(self, link: Link, sender: int, message: Message) -> None:
        receiver = link.learner if sender == link.leader else link.leader
        if sender not in link.ends:
            return
        arrival = max(link.busy_until.get(receiver, 0), self.now + self.delay())
        link.busy_until[receiver] = arrival

        def arrive() -> None:
            if receiver not in link.ends or link not in self.links:
                return
            if self.connected(sender, receiver):
                self.servers[receiver].receive(link, sender, message)
            else:
                self.break_link(link)  # what is lost on the way is never made up for

        self.at(arrival, arrive)

    def break_link(self, link: Link) -> None:
        """Each end notices by itself, some time or other; nothing arrives any more."""
        if link not in self.links:
            return
        self.links.remove(link)
        for sid in sorted(link.ends):
            self.after(self.drawn.randint(1, 300), lambda s=sid: self.notice(link, s))  # type: ignore[misc]

    def notice(self, link: Link, sid: int) -> None:
        if sid in link.ends and self.servers[sid].up:
            self.servers[sid].lose(link)

    def leave(self, server: Server) -> None:
        for link in [link for link in self.links if server.sid in link.ends]:
            if server.sid in (link.leader, link.learner):
                link.ends.discard(server.sid)
                self.break_link(link)

    # What must be true.

    def establish(self, server: Server, epoch: int) -> None:
        assert epoch not in self.leaders, "two leaders of one epoch"
        assert epoch > max(self.leaders, default=0) or self.leaders, "no epoch"
        self.leaders[epoch] = server.sid
        older = [txn for txn in self.committed if txn.zxid >> 32 < epoch]
        assert server.history[: len(older)] == older, "a leader without what was committed"

    def commit(self, server: Server, txn: Txn) -> None:
        count = len(server.history)
        held = [s.sid for s in self.servers.values() if txn in s.disk_log[-100:]]
        assert self.ensemble.is_quorum(held), "committed without a quorum's disks"
        self.committed += server.history[len(self.committed) :]
        assert self.committed[count - 1] == txn, "histories have parted"

    def sync(self, server: Server) -> None:
        token = self.count()
        self.asked[token] = len(self.committed)
        server.rule(bc.Sync(token))

    def synced(self, server: Server, token: object) -> None:
        assert isinstance(token, int)
        assert len(server.history) >= self.asked[token], "a sync at one that was deposed"
        self.answered += 1

    def propose(self) -> None:
        """Everyone who is established, or thinks so, is asked for something."""
        for server in self.servers.values():
            prospect, reign = server.prospect, server.reign
            if server.up and prospect and prospect.phase is dc.Phase.ESTABLISHED and reign:
                if self.drawn.randrange(3) == 0:
                    self.sync(server)
                if server.reign:
                    payload = b"%d" % self.count()
                    server.rule(bc.Propose(Txn(reign.next_zxid, payload)))
