"""What does a server do while it has no leader?

It votes. Who dials its quorum port meanwhile is kept: perhaps it has heard before us that we lead.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from target_node.durable.operations import Completion
from target_node.protocol.election import Look
from target_node.server.events import HangUp
from target_node.server.links import QuorumLink
from target_node.server.reading import Reading
from target_node.server.role import Place

MOST_UNREAD: Final = 1 << 16  # bytes of whoever has dialled us
LONELY_MS: Final = 2000  # without a leader, before we serve those who only read


class Looking:
    """Begins its round when the disk owes nothing: what it owes is part of our vote."""

    name = "looking"

    def __init__(self, place: Place) -> None:
        self._place = place
        self._links: dict[int, QuorumLink] = {}
        self._votes = False
        self._alarmed = False

    def begin(self) -> None:
        """Vote, or wait for the disk."""
        settings, now_ms = self._place.turn.settings, self._place.turn.now.ms
        if settings.read_only and not self._alarmed:
            self._alarmed = True
            self._place.turn.alarm("read_only", now_ms + max(LONELY_MS, settings.tick_ms))
        if not self._votes and not self._place.turn.owed:
            self._votes = True
            standing, history = self._place.standing, self._place.history
            assert history.last_zxid == self._place.durable_zxid, "a vote tells what is on disk"
            self._place.turn.note("looking", zxid=standing.last_zxid, epoch=standing.current_epoch)
            self._place.elect(Look(standing.last_zxid, standing.current_epoch))

    def begin_anew(self) -> None:
        """Other members vote than we thought."""
        if self._votes:
            self._votes = False
            self.begin()

    def linked(self, link: QuorumLink) -> None:
        """Kept, unread."""
        self._links[link.connection] = link

    def connected(self, connection: int) -> None:
        """We dial nobody."""

    def came(self, connection: int, data: bytes) -> None:
        """Kept, unread."""
        if (link := self._links.get(connection)) is not None:
            link.feed(data, self._place.turn.now.ms)
            if link.buffered > MOST_UNREAD:
                # A learner says little before it is answered.
                del self._links[connection]
                self._place.turn.add(HangUp(connection))

    def ended(self, connection: int) -> None:
        """It did not wait."""
        self._links.pop(connection, None)

    def done(self, completion: Completion) -> None:
        """What the last role asked for."""
        self.begin()

    def woken(self, who: str) -> None:
        """Ours is "read_only": nobody has been found for a while."""
        place = self._place
        if place.history.confirmed:
            place.turn.note("serving", role="read-only", zxid=place.history.tree.last_zxid)
            place.clients.serve(Reading(place.clients, place.history))
        else:
            place.turn.note("not_serving", reason="some of what we hold may not be committed")

    def take_links(self, hand_on: Callable[[QuorumLink], None]) -> None:
        """To the role that comes next."""
        for link in self._links.values():
            hand_on(link)
        self._links = {}

    def end(self) -> None:
        """Who was not handed on dialled in vain."""
        self._place.turn.silence("read_only")
        self._place.clients.close_all()
        for connection in self._links:
            self._place.turn.add(HangUp(connection))
