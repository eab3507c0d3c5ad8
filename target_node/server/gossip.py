"""Over which connections do votes travel?

Every two servers have one link for their elections. Who dials says who it is, and only what the
larger sid has dialled becomes a link: a smaller one announces itself, hangs up and is dialled back.
So two that dial at once end with one link, and both with the same.

Rules of this file:
1. What waits unsent for a peer is its newest notification. It is the only reason to dial of our own
   accord, at pauses that double: a peer that is down costs a dial a second.
2. A smaller peer announces itself because it has no link. If we have one, it is dead and makes way,
   unless it is so young that the two have crossed: if not, the peer will announce itself again.
3. A larger peer's new link replaces the old one, which is dead to it.
4. Who is no member may be about to become one, or to observe. There is room for a few of them. We
   dial back where they say they are, once for each time they say so.
5. What was written and lost is not said again here: `Linked` tells the election, which knows what
   is true by then. A packet that is no notification is dropped, one without an end ends the link.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from target_node.protocol.election import Heard, Linked, Tell
from target_node.protocol.events import WakeAt, Woken
from target_node.protocol.membership import Members
from target_node.server.arrivals import Announcement, Arrivals, announcement
from target_node.server.events import (
    Accepted,
    Connected,
    Data,
    Detail,
    Dial,
    Ended,
    HangUp,
    Note,
    Port,
    Write,
)
from target_node.server.peer import Peer
from target_node.wire.election import decode_notification, encode_notification
from target_node.wire.frames import frame
from target_node.wire.jute import Malformed

MOST_STRANGERS: Final = 32  # links to servers that are no members

Event = Tell | Accepted | Connected | Data | Ended | Woken
Effect = Dial | Write | HangUp | WakeAt | Note | Heard | Linked


class ElectionLinks:
    """One server's links to all others. `next_connection` gives the numbers of what it dials."""

    __slots__ = (
        "_address",
        "_arrivals",
        "_effects",
        "_next_connection",
        "_peers",
        "_sids",
        "_wake_ms",
        "ensemble",
        "me",
    )

    def __init__(self, me: int, ensemble: Members, next_connection: Callable[[], int]) -> None:
        self.me = me
        self.ensemble = ensemble
        if (server := ensemble.server(me)) is None:
            raise ValueError(f"where server {me} takes votes is not known")
        self._address = server.election  # of ours, where the others find us
        self._next_connection = next_connection
        self._peers: dict[int, Peer] = {}
        self._sids: dict[int, int] = {}  # of the peers, by connections that are links or dials
        self._arrivals = Arrivals()
        self._wake_ms: int | None = None  # what was asked for last
        self._effects: list[Effect] = []

    def step(self, now_ms: int, event: Event) -> tuple[Effect, ...]:
        """What to do about it. Of connections that are given up nothing more is heard."""
        match event:
            case Tell():
                self._tell(event)
            case Accepted(connection, _, host):
                self._arrivals.add(now_ms, connection, host)
            case Connected(connection):
                self._connected(now_ms, connection)
            case Data(connection, data):
                self._receive(now_ms, connection, data)
            case Ended(connection):
                self._arrivals.remove(connection)
                self._forget(connection)
            case Woken():
                self._wake_ms = None
                self._wake(now_ms)
        for sid, peer in self._peers.items():
            if now_ms >= peer.rest_ms and self._wants_dial(sid, peer):
                self._dial(now_ms, sid, peer)
        if (wake_ms := self._next_wake_ms()) is not None and wake_ms != self._wake_ms:
            self._wake_ms = wake_ms
            self._effects.append(WakeAt(wake_ms))
        effects, self._effects = tuple(self._effects), []
        return effects

    def _tell(self, tell: Tell) -> None:
        assert tell.sid != self.me, "to ourselves"
        if tell.sid not in self._peers and self.ensemble.server(tell.sid) is None:
            return  # it has gone, and will announce itself if it comes back
        peer = self._peers.setdefault(tell.sid, Peer())
        if peer.link is not None:
            self._effects.append(Write(peer.link, frame(encode_notification(tell.notification))))
        else:
            peer.unsent = tell.notification

    def _wants_dial(self, sid: int, peer: Peer) -> bool:
        return peer.is_idle and peer.unsent is not None and self.ensemble.server(sid) is not None

    def _dial(self, now_ms: int, sid: int, peer: Peer) -> None:
        server = self.ensemble.server(sid)
        # A member may be configured to listen on all addresses, and then announce 0.0.0.0: our own
        # membership knows better.
        address = server.election if server else peer.address
        assert address is not None, "neither a member nor announced"
        connection = self._next_connection()
        peer.dialled(now_ms, connection)
        self._sids[connection] = sid
        self._effects.append(Dial(connection, Port.ELECTION, sid, address))

    def _connected(self, now_ms: int, connection: int) -> None:
        if (sid := self._sids.get(connection)) is None:
            return
        peer = self._peers[sid]
        if (server := self.ensemble.server(self.me)) is not None:
            self._address = server.election
        self._effects.append(Write(connection, announcement(self.me, self._address)))
        if sid < self.me:
            peer.lost(connection)
            self._come_up(now_ms, sid, peer, connection)
        else:
            peer.told(now_ms)
            self._hang_up(connection)

    def _come_up(self, now_ms: int, sid: int, peer: Peer, connection: int) -> None:
        self._drop(peer)
        self._sids[connection] = sid
        peer.linked(now_ms, connection)
        if peer.unsent is not None:
            self._effects.append(Write(connection, frame(encode_notification(peer.unsent))))
            peer.unsent = None
        self._effects.append(Linked(sid))

    def _receive(self, now_ms: int, connection: int, data: bytes) -> None:
        if connection in self._arrivals:
            try:
                if (said := self._arrivals.receive(connection, data)) is not None:
                    self._announced(now_ms, connection, said)
            except Malformed as error:
                self._refuse(connection, str(error))
        elif (sid := self._sids.get(connection)) is not None:
            self._hear(connection, sid, data)

    def _announced(self, now_ms: int, connection: int, said: Announcement) -> None:
        sid = said.sid
        if (objection := self._objection(sid)) is not None:
            self._refuse(connection, objection)
            return
        self._arrivals.remove(connection)
        peer = self._peers.setdefault(sid, Peer())
        peer.address = said.address
        if sid > self.me:
            self._come_up(now_ms, sid, peer, connection)
            self._hear(connection, sid, said.rest)
            return
        self._effects.append(HangUp(connection))
        crossed = peer.link is not None and now_ms < peer.rest_ms
        if peer.dial is None and not crossed:
            self._drop(peer)
            peer.found()
            self._dial(now_ms, sid, peer)

    def _objection(self, sid: int) -> str | None:
        if sid == self.me:
            return "it has our own sid"
        if sid < 0:
            return f"no server has sid {sid}"
        if self.ensemble.server(sid) is None:
            strangers = {s for s in self._sids.values() if self.ensemble.server(s) is None}
            if len(strangers - {sid}) >= MOST_STRANGERS:
                return "too many who are no members"
        return None

    def _hear(self, connection: int, sid: int, data: bytes) -> None:
        peer = self._peers[sid]
        if peer.frames is None or peer.link != connection:
            return
        try:
            for packet in peer.frames.feed(data):
                try:
                    self._effects.append(Heard(sid, decode_notification(packet)))
                except Malformed as error:
                    self._note("vote_dropped", sid=sid, reason=str(error))
        except Malformed as error:
            self._note("link_refused", sid=sid, reason=str(error))
            self._hang_up(connection)

    def _refuse(self, connection: int, reason: str) -> None:
        """One that has not said who it is, or nothing that we could believe."""
        self._note("link_refused", host=self._arrivals.remove(connection), reason=reason)
        self._effects.append(HangUp(connection))

    def _note(self, event: str, **detail: Detail) -> None:
        self._effects.append(Note(event, detail))

    def _drop(self, peer: Peer) -> None:
        """There is to be a new link."""
        for old in (peer.link, peer.dial):
            if old is not None:
                self._effects.append(HangUp(old))
                del self._sids[old]
                peer.lost(old)

    def _hang_up(self, connection: int) -> None:
        self._effects.append(HangUp(connection))
        self._forget(connection)

    def _forget(self, connection: int) -> None:
        """This link or dial is no more."""
        if (sid := self._sids.pop(connection, None)) is None:
            return
        peer = self._peers[sid]
        peer.lost(connection)
        if peer.is_idle and self.ensemble.server(sid) is None:
            del self._peers[sid]

    def _wake(self, now_ms: int) -> None:
        for connection in self._arrivals.overdue(now_ms):
            self._refuse(connection, "it does not say who it is")
        for peer in list(self._peers.values()):
            if peer.dial is not None and now_ms >= peer.dial_deadline_ms:
                self._hang_up(peer.dial)

    def _next_wake_ms(self) -> int | None:
        deadline_ms = self._arrivals.next_deadline_ms()
        times = [] if deadline_ms is None else [deadline_ms]
        for sid, peer in self._peers.items():
            if peer.dial is not None:
                times.append(peer.dial_deadline_ms)
            elif self._wants_dial(sid, peer):
                times.append(peer.rest_ms)
        return min(times, default=None)
