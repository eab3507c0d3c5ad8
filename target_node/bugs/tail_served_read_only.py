"""Without a leader, a server shows all that it has logged to those who only read."""

from __future__ import annotations

from typing import Final

from target_node.bugs.bug import Bug, Override
from target_node.server.looking import Looking

_woken: Final = Looking.woken


def _serve_all(self: Looking, who: str) -> None:
    self._place.history.absorb()
    self._place.history.confirmed = True
    _woken(self, who)


BUG: Final = Bug(
    "tail-served-read-only",
    "nobody is shown what may never be committed",
    "a classic",
    (),
    (Override(Looking, "woken", _serve_all),),
    unwatched="no client reads from a server without a quorum",
)
