"""When may a peer be dialled for votes, and what waits for it?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from target_node.protocol.ensemble import Address
from target_node.wire.election import Notification
from target_node.wire.frames import ELECTION_LIMIT, Frames

FIRST_PAUSE_MS: Final = 100  # between two dials of our own accord
MOST_PAUSE_MS: Final = 1000
DIAL_MS: Final = 5000  # for a dial to succeed


@dataclass(slots=True)
class Peer:
    """The link to it if there is one, else the dial if there is one; both are connections."""

    link: int | None = None
    frames: Frames | None = None  # of the link
    dial: int | None = None
    dial_deadline_ms: int = 0
    rest_ms: int = 0  # no dial of our own accord before this
    unsent: Notification | None = None
    address: Address | None = None  # as it announced it
    _pause_ms: int = FIRST_PAUSE_MS

    @property
    def is_idle(self) -> bool:
        """There is no connection."""
        return self.link is None and self.dial is None

    def dialled(self, now_ms: int, connection: int) -> None:
        """If it fails, the next must wait."""
        self.dial = connection
        self.dial_deadline_ms = now_ms + DIAL_MS
        self.rest_ms = now_ms + self._pause_ms
        self._pause_ms = min(2 * self._pause_ms, MOST_PAUSE_MS)

    def told(self, now_ms: int) -> None:
        """It knows that we want it to dial, which takes the longer the slower the network is."""
        self.rest_ms = now_ms + self._pause_ms

    def found(self) -> None:
        """It is alive: begin with short pauses again."""
        self._pause_ms = FIRST_PAUSE_MS

    def linked(self, now_ms: int, connection: int) -> None:
        """No other connection is left."""
        self.link, self.frames = connection, Frames(ELECTION_LIMIT)
        self.found()
        self.rest_ms = now_ms + FIRST_PAUSE_MS

    def lost(self, connection: int) -> None:
        """This link or dial is no more."""
        if self.link == connection:
            self.link = self.frames = None
        elif self.dial == connection:
            self.dial = None
