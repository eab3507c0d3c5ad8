"""A server measures its timeouts by the clock on the wall."""

from __future__ import annotations

from typing import Final

from target_node.bugs.bug import Bug, Override
from target_node.protocol.events import WakeAt
from target_node.server.events import Effect, Event, Now
from target_node.server.server import Server

_step: Final = Server.step


def _step_by_wall(self: Server, now: Now, event: Event) -> tuple[Effect, ...]:
    ahead_ms = now.wall_ms - now.ms
    effects = _step(self, Now(now.wall_ms, now.wall_ms), event)
    return tuple(
        WakeAt(one.time_ms - ahead_ms) if isinstance(one, WakeAt) else one for one in effects
    )


BUG: Final = Bug(
    "time-by-wall-clock",
    "a session that is heard within its timeout lives, whatever the clocks say",
    "a classic",
    ("tenures", "recovery", "last calls"),
    (Override(Server, "step", _step_by_wall),),
)
