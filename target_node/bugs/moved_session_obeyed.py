"""A request counts through whichever server it comes, also one that its session has left."""

from __future__ import annotations

from typing import Final

from target_node.bugs.bug import Bug, Override
from target_node.state.sessions import Sessions

_check_owner: Final = Sessions.check_owner


def _check_nobody(self: Sessions, session: int, owner: int) -> None:
    known = self.owner_of(session)
    _check_owner(self, session, owner if known is None else known)


BUG: Final = Bug(
    "moved-session-obeyed",
    "what a client asks is done in the order in which it asks",
    "ZOOKEEPER-710",
    ("lifetimes",),
    (Override(Sessions, "check_owner", _check_nobody),),
)
