"""A learner calls a session alive if it is in its own tree, and does not wait for its leader."""

from __future__ import annotations

from typing import Final

from target_node.bugs.bug import Bug, Override
from target_node.server.learning import Learning

_revalidate: Final = Learning.revalidate


def _look_it_up(self: Learning, session: int, timeout_ms: int) -> None:
    _revalidate(self, session, timeout_ms)
    alive = session in self._place.history.tree.sessions
    self._place.clients.opened(session, valid=alive, proposed=self.proposed)


BUG: Final = Bug(
    "session-revalidated-locally",
    "a client is told that its session lives only while it does",
    "a classic",
    ("tenures",),
    (Override(Learning, "revalidate", _look_it_up),),
)
