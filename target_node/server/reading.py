"""What does a server without a quorum do for clients that only want to read?

It shows its tree as of the last txn that it knows to be committed: stale, but never early. Sessions
that begin here are known here only, and end when the server finds a leader.
"""

from __future__ import annotations

from collections.abc import Hashable

from target_node.server.clients import Clients
from target_node.server.history import History
from target_node.server.service import Wish
from target_node.wire.codes import OpCode


class Reading:
    """The service of a server that looks for a leader."""

    only_reads = True
    proposed = 0

    def __init__(self, clients: Clients, history: History) -> None:
        assert history.confirmed, "what may never have been committed is shown to nobody"
        self._clients = clients
        self._history = history
        self._sessions: dict[int, None] = {}  # that began here

    def submit(self, wish: Wish) -> None:
        """The only thing that needs no agreement here is to begin a session."""
        assert wish.op == OpCode.CREATE_SESSION, "nothing is written here"
        self._sessions[wish.session] = None
        self._clients.opened(wish.session, valid=True)

    def sync(self, token: Hashable) -> None:
        """There is nobody to be in step with."""
        raise AssertionError("a sync is refused before it comes here")

    def revalidate(self, session: int, timeout_ms: int) -> None:
        """Whoever was alive when we last heard is."""
        alive = session in self._sessions or session in self._history.tree.sessions
        self._clients.opened(session, valid=alive)

    def touch(self, session: int, timeout_ms: int) -> None:
        """Nobody counts."""
