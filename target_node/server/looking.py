"""What does a server do while it has no leader?

It votes. Who dials its quorum port meanwhile is kept: perhaps it has heard before us that we lead.
"""

from __future__ import annotations

from collections.abc import Callable

from target_node.durable.operations import Completion
from target_node.protocol.election import Look
from target_node.server.events import HangUp
from target_node.server.links import QuorumLink
from target_node.server.role import Place


class Looking:
    """Begins its round when the disk owes nothing: what it owes is part of our vote."""

    name = "looking"

    def __init__(self, place: Place) -> None:
        self._place = place
        self._links: dict[int, QuorumLink] = {}
        self._votes = False

    def begin(self) -> None:
        """Vote, or wait for the disk."""
        if not self._votes and not self._place.turn.owed:
            self._votes = True
            standing = self._place.standing
            self._place.turn.note("looking", zxid=standing.last_zxid, epoch=standing.current_epoch)
            self._place.elect(Look(standing.last_zxid, standing.current_epoch))

    def linked(self, link: QuorumLink) -> None:
        """Kept, unread."""
        self._links[link.connection] = link

    def connected(self, connection: int) -> None:
        """We dial nobody."""

    def came(self, connection: int, data: bytes) -> None:
        """Kept, unread."""
        if (link := self._links.get(connection)) is not None:
            link.feed(data, self._place.turn.now.ms)

    def ended(self, connection: int) -> None:
        """It did not wait."""
        self._links.pop(connection, None)

    def done(self, completion: Completion) -> None:
        """What the last role asked for."""
        self.begin()

    def woken(self, who: str) -> None:
        """We ask for no alarm."""

    def take_links(self, hand_on: Callable[[QuorumLink], None]) -> None:
        """To the role that comes next."""
        for link in self._links.values():
            hand_on(link)
        self._links = {}

    def end(self) -> None:
        """Who was not handed on dialled in vain."""
        for connection in self._links:
            self._place.turn.add(HangUp(connection))
