"""What does a server tell about itself to who asks by a four-letter word?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from target_node.server import facts
from target_node.server.client import Client
from target_node.server.facts import Connection, Facts, Mode
from target_node.server.leading import Leading

if TYPE_CHECKING:
    from target_node.server.server import Server


def portray(server: Server) -> Facts:
    """The facts of this moment; what is long is listed when it is asked for."""
    turn, history, clients = server.turn, server.place.history, server.clients
    role = server.role
    return Facts(
        turn.settings,
        _environment(server),
        _mode(server),
        server.place.ensemble,
        history.tree,
        clients.watches,
        clients.statistics,
        lambda: {one.connection: _connection(one) for one in clients.by_connection.values()},
        turn.now.ms - server.started_ms,
        _leading(role, turn.now.ms) if isinstance(role, Leading) else None,
    )


def _environment(server: Server) -> dict[str, str]:
    """With its clock's times, so that anybody can see how wrong they are."""
    now = server.turn.now
    times = {"clock.ms": str(now.ms), "clock.wall.ms": str(now.wall_ms)}
    return {**server.environment, **times}


def _mode(server: Server) -> Mode | None:
    service = server.clients.serving
    if service is None:
        return None
    if service.only_reads:
        return Mode.READ_ONLY
    if server.turn.settings.alone:
        return Mode.STANDALONE
    return Mode(server.role.name)


def _leading(role: Leading, now_ms: int) -> facts.Leading:
    observers = role.observers
    return facts.Leading(
        len(role.serving) - len(observers),
        len(observers),
        role.pending_syncs,
        now_ms - role.established_ms,
    )


def _connection(client: Client) -> Connection:
    return Connection(
        client.host,
        client.since_wall_ms,
        client.traffic,
        client.session,
        client.timeout_ms,
        len(client.asked),
        client.held,
    )
