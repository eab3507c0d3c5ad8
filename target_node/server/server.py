"""What does one server do about everything that happens to it?

`Server.step` is the whole node: it hands each event to whom it concerns and gives back what they
decided. The parts are in the modules beside it; what ties them together is here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from target_node.durable.operations import (
    Appended,
    Completion,
    EpochAccepted,
    EpochEntered,
    Purge,
    Purged,
    SnapshotInstalled,
    SnapshotTaken,
    TakeSnapshot,
    Truncated,
)
from target_node.durable.recovery import Recovered
from target_node.protocol import election as el
from target_node.protocol.ensemble import Ensemble, parse_ensemble
from target_node.protocol.events import WakeAt, Woken
from target_node.protocol.membership import Members, Passage
from target_node.server.clients import Clients
from target_node.server.events import (
    Accepted,
    Connected,
    Data,
    Dial,
    Done,
    Effect,
    Ended,
    Event,
    HangUp,
    Now,
    Port,
    Start,
)
from target_node.server.facts import VERSION
from target_node.server.gossip import ElectionLinks
from target_node.server.gossip import Event as GossipEvent
from target_node.server.history import History
from target_node.server.leading import Leading
from target_node.server.learning import Learning
from target_node.server.links import QuorumLink
from target_node.server.looking import Looking
from target_node.server.portrait import portray
from target_node.server.role import Place, Role
from target_node.server.settings import Settings
from target_node.server.turn import Turn
from target_node.server.words import answer_word, resets
from target_node.state.image import write_image
from target_node.state.paths import CONFIG
from target_node.state.session_ids import SessionIds
from target_node.wire.codes import ServerState


class Server:
    """One server, from the state that its disk held when it started."""

    def __init__(
        self,
        settings: Settings,
        recovered: Recovered,
        image: bytes | None,
        draw: Callable[[int], int],
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """`draw(n)` gives a number below n; `image` is the body of the recovered snapshot.

        `environment` is where it runs, for those who ask.
        """
        turn = Turn(settings)
        self.turn = turn
        self._draw = draw
        history = History(recovered, image, settings.keep_txns)
        ensemble = _members(settings, history)
        if not settings.alone:  # who is alone has no membership to tell
            history.tree.set_config(str(ensemble).encode(), ensemble.version)
        self._election = el.Election(settings.sid, ensemble, _pace(settings))
        # Where it takes votes it knows by itself, even if it is no member any more.
        self._gossip = ElectionLinks(settings.sid, settings.ensemble, turn.next_connection)
        self.clients = Clients(turn, history)
        self.place = Place(
            settings.sid,
            turn,
            history,
            self.clients,
            ensemble,
            recovered.accepted_epoch,
            recovered.current_epoch,
            recovered.last_zxid,
            leave=self._leave,
            elect=self._elect,
            adopt=self._adopt,
        )
        self.role: Role = Looking(self.place)
        self.environment = environment or {VERSION: "3.8.0-zab"}
        self.started_ms = 0
        self._begun = True
        self._ports: dict[int, Port] = {}
        self._elected: el.Elected | None = None
        self._snapshot_at = self._next_snapshot()  # so many txns applied
        self._snapshotting = False
        self._see_members()

    def step(self, now: Now, event: Event) -> tuple[Effect, ...]:
        """What to do about it."""
        self.turn.now = now
        match event:
            case Data():
                self._data(event)
            case Done(completion):
                self._done(completion)
            case Woken():
                self._wake()
            case Accepted():
                self._accept(event)
            case Connected(connection):
                if self._ports.get(connection) is Port.ELECTION:
                    self._step_gossip(event)
                else:
                    self.role.connected(connection)
            case Ended():
                self._ended(event)
            case Start():
                self.started_ms = now.ms
                self.clients.ids = SessionIds(self.place.me, now.wall_ms)
                self.turn.alarm("tick", now.ms + self.turn.settings.tick_ms)
                self._note_start()
                self.role.begin()
        self._change_roles()
        self.clients.settle()
        self._change_roles()
        self._snapshot()
        return self.turn.take()

    def _note_start(self) -> None:
        place = self.place
        self.turn.note(
            "started",
            zxid=place.history.last_zxid,
            accepted_epoch=place.accepted_epoch,
            current_epoch=place.current_epoch,
        )

    # Connections.

    def _accept(self, accepted: Accepted) -> None:
        connection = accepted.connection
        self._ports[connection] = accepted.port
        match accepted.port:
            case Port.CLIENT:
                self.clients.accepted(connection, accepted.host)
            case Port.ELECTION:
                self._step_gossip(accepted)
            case Port.QUORUM:
                self.role.linked(QuorumLink(connection, self.turn.now.ms))

    def _data(self, event: Data) -> None:
        connection, data = event.connection, event.data
        match self._ports.get(connection):
            case Port.CLIENT:
                if (word := self.clients.came(connection, data)) is not None:
                    self._answer_word(connection, word)
            case Port.ELECTION:
                self._step_gossip(event)
            case Port.QUORUM | None:
                self.role.came(connection, data)

    def _ended(self, event: Ended) -> None:
        connection = event.connection
        match self._ports.pop(connection, None):
            case Port.CLIENT:
                self.clients.ended(connection)
            case Port.ELECTION:
                self._step_gossip(event)
            case Port.QUORUM | None:
                self.role.ended(connection)

    def _answer_word(self, connection: int, word: str) -> None:
        facts, whitelist = portray(self), self.turn.settings.words
        self.turn.write(connection, answer_word(word, facts, whitelist).encode())
        for counted in resets(word, facts, whitelist):
            counted.reset()
        self.turn.add(HangUp(connection))

    # The disk.

    def _done(self, completion: Completion) -> None:
        self.turn.performed(completion)
        place = self.place
        match completion:
            case Appended(zxid):
                place.durable_zxid = zxid
                self.turn.trace("durable", zxid=zxid)
            case SnapshotTaken(zxid):
                self.turn.note("snapshot_taken", zxid=zxid)
                self._snapshotting = False
            case SnapshotInstalled(zxid):
                place.durable_zxid = zxid
                self.turn.note("snapshot_installed", zxid=zxid)
            case Truncated(zxid, left, image):
                # Also if whoever wanted it is our leader no more: it is what we have.
                place.durable_zxid = zxid
                place.history.load(left, image)
                self.turn.note("truncated", zxid=zxid)
            case EpochAccepted(epoch):
                self.turn.note("accepted_epoch", epoch=epoch)
            case EpochEntered(epoch):
                assert place.durable_zxid >= place.due_zxid, "an epoch is entered with its history"
                self.turn.note("current_epoch", epoch=epoch)
            case Purged(files) if files:
                self.turn.note("purged", files=len(files))
            case _:
                pass
        self.role.done(completion)

    def _next_snapshot(self) -> int:
        # Not at the same moment everywhere: an ensemble is as slow as its second slowest disk.
        half = max(1, self.turn.settings.snap_count // 2)
        return self.place.history.applied + half + self._draw(half) + 1

    def _snapshot(self) -> None:
        history = self.place.history
        if history.applied < self._snapshot_at or self._snapshotting or not history.confirmed:
            return
        self._snapshotting = True
        self._snapshot_at = self._next_snapshot()
        self.turn.perform(TakeSnapshot(history.tree.last_zxid, write_image(history.tree)))
        if self.turn.settings.purges:
            self.turn.perform(Purge(self.turn.settings.keep_snapshots))

    # Time.

    def _wake(self) -> None:
        self.turn.woken()
        for who in self.turn.take_due():
            match who:
                case "election":
                    self._elect(Woken())
                case "gossip":
                    self._step_gossip(Woken())
                case "clients":
                    self.clients.woken()
                case "tick":
                    self.clients.drop_silent()
                    self.turn.alarm("tick", self.turn.now.ms + self.turn.settings.tick_ms)
                case _:
                    self.role.woken(who)

    # The election, and what comes of it.

    def _elect(self, event: el.Event) -> None:
        for effect in self._election.step(self.turn.now.ms, event):
            match effect:
                case el.Tell():
                    self._step_gossip(effect)
                case WakeAt(time_ms):
                    self.turn.alarm("election", time_ms)
                case el.Elected():
                    self._elected = effect

    def _step_gossip(self, event: GossipEvent) -> None:
        for effect in self._gossip.step(self.turn.now.ms, event):
            match effect:
                case el.Heard(_, notification):
                    self._hear_of_members(notification.config)
                    self._elect(effect)
                case el.Linked():
                    self._elect(effect)
                case WakeAt(time_ms):
                    self.turn.alarm("gossip", time_ms)
                case Dial(connection):
                    self._ports[connection] = Port.ELECTION
                    self.turn.add(effect)
                case _:
                    self.turn.add(effect)

    def _leave(self, reason: str) -> None:
        """The role is over at once; what comes next begins at the end of this step."""
        assert not isinstance(self.role, Looking), "there is nobody to leave"
        self.turn.note("leaving", role=self.role.name, reason=reason)
        self.place.left()
        self.clients.close_all()
        self.role.end()
        self._see_members()
        self.role = Looking(self.place)
        self._begun = False

    # The members.

    def _adopt(self, members: Ensemble) -> None:
        tree = self.place.history.tree
        if members != self.place.ensemble:
            self.turn.note(
                "members",
                zxid=members.version,
                servers=_sids(members),
                voters=members.voters,
                weights=tuple(map(members.weight, members.voters)),
            )
            # A snapshot remembers them, as what is committed: our log alone does not tell which of
            # its txns are, and the old members may be gone when we start again.
            self._snapshot_at = 0
        if not self.turn.settings.alone:
            tree.set_config(str(members).encode(), members.version)
        self._elect_among(members)

    def _hear_of_members(self, config: str) -> None:
        """Who knows only members of long ago would wait for ever for the votes of some who left."""
        looking, known = self.role, self.place.ensemble
        if not isinstance(looking, Looking) or self._elected is not None or not config:
            return
        current = known.current if isinstance(known, Passage) else known
        try:
            members = parse_ensemble(config)
        except ValueError:
            return  # it is for the vote beside it to be believed or not
        if members.version > current.version:
            self._adopt(members)
            self._see_members()
            looking.begin_anew()

    def _see_members(self) -> None:
        """Our log may end with a change that may be committed or not: both must agree then."""
        history, ensemble = self.place.history, self.place.ensemble
        current = ensemble.current if isinstance(ensemble, Passage) else ensemble
        proposed = history.proposed_members()
        if proposed is None or proposed.version <= current.version:
            self._elect_among(current)
        else:
            self._elect_among(Passage(current, proposed))

    def _elect_among(self, members: Members) -> None:
        self.place.ensemble = self._election.ensemble = self._gossip.ensemble = members

    def _change_roles(self) -> None:
        while self._elected is not None or not self._begun:
            if self._elected is not None:
                elected, self._elected = self._elected, None
                self._become(elected)
            else:
                self._begun = True
                self.role.begin()

    def _become(self, elected: el.Elected) -> None:
        looking, leader = self.role, elected.vote.leader
        assert isinstance(looking, Looking), "elected while in a role"
        self.turn.note(
            "elected",
            leader=leader,
            state=elected.state.name.lower(),
            round=elected.vote.round,
            zxid=elected.vote.zxid,
            epoch=elected.vote.epoch,
        )
        if elected.state is ServerState.LEADING:
            self.role = Leading(self.place)
        else:
            server = self.place.ensemble.server(leader)
            assert server is not None, "a vote for a stranger does not count"
            # Who is no member yet follows without a vote, so that it may become one.
            me = self.place.ensemble.server(self.place.me)
            observes = me is not None and me.observes
            self.role = Learning(self.place, server, observes=observes)
        self._begun = True
        self.role.begin()
        looking.take_links(self.role.linked)
        looking.end()


def _members(settings: Settings, history: History) -> Ensemble:
    """As configured, unless the ensemble has changed since."""
    text = (history.tree.node(CONFIG).data or b"").decode()
    if text and (known := parse_ensemble(text)).version > settings.ensemble.version:
        return known
    return settings.ensemble


def _sids(members: Ensemble) -> tuple[int, ...]:
    return tuple(server.sid for server in members.servers)


def _pace(settings: Settings) -> el.Pace:
    """Who votes alone need not wait for a better vote."""
    alone = len(settings.ensemble.voters) == 1
    return el.Pace(finalize_ms=0) if alone else el.Pace()
