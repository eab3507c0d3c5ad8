"""What must a session offer that moves to other servers, watches, and asks ahead?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from workloads.session import Create, Delete, Refusal, Reply, SetData, ZooKeeperSession


@dataclass(frozen=True, slots=True)
class Event:
    """A watch has told of this; `zxid` is 0 where the server does not say of which change.

    `kind` is one of created, deleted, changed, children.
    """

    kind: str
    path: str
    zxid: int = 0


@dataclass(frozen=True, slots=True)
class Get:
    """What does this node hold?"""

    path: str


@dataclass(frozen=True, slots=True)
class Close:
    """Let the session end."""


Ahead: TypeAlias = Create | SetData | Delete | Get | Close
"""What can be asked before the answer to what was asked last."""


class RoamingSession(ZooKeeperSession, Protocol):
    """A session that knows the ways to all servers, and takes its watches with it."""

    @property
    def timeout_ms(self) -> int:
        """Of the session, as the service has decided it."""
        ...

    @property
    def servers(self) -> Sequence[str]:
        """All that it could go to."""
        ...

    def events(self) -> Sequence[Event]:
        """What watches have told since this was last asked, up to the last reply."""
        ...

    async def watch(self, path: str) -> Reply:
        """`get`, and a watch that tells of the next change."""
        ...

    async def watch_children(self, path: str) -> Reply:
        """`children`, and a watch that tells of the next one that comes or goes."""
        ...

    async def watch_for(self, path: str) -> Reply:
        """`exists`, and a watch that tells of the next change, be it that the node is made."""
        ...

    async def watch_always(self, path: str, *, below: bool = False) -> Reply:
        """A watch that tells of every change, also of nodes below, if that is wished for."""
        ...

    async def create_hidden(self, path: str) -> Reply:
        """Make a node that anybody may do anything with, but read."""
        ...

    async def check(self, path: str, version: int) -> Reply:
        """A check that is no part of a multi, which no server should take."""
        ...

    async def together(self, asked: Sequence[Ahead]) -> Sequence[Reply | Refusal]:
        """Send all of these before any is answered; a reply each, or why it was refused."""
        ...

    async def move(self, node: str) -> None:
        """Go on at this server. `NotDone` where that cannot be; the session may be over then."""
        ...

    async def haunt(self, step: Ahead) -> None:
        """Ask this over the connection that was left, and give the server time to do it."""
        ...
