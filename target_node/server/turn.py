"""What does the step under way know, and what has it decided so far?

One `Turn` belongs to one server for good. Whatever takes part in a step adds its effects here, in
their order, and asks here to be woken.
"""

from __future__ import annotations

from typing import Final

from target_node.durable.operations import (
    Completion,
    Operation,
    Purge,
    Purged,
    SnapshotTaken,
    TakeSnapshot,
)
from target_node.protocol.events import WakeAt
from target_node.server.events import Detail, Effect, Note, Now, Perform, Write
from target_node.server.settings import Settings

# A snapshot may take long, and our vote does not depend on it.
_CHANGES_NO_HISTORY: Final = (TakeSnapshot, Purge)
_CHANGED_NO_HISTORY: Final = (SnapshotTaken, Purged)


class Turn:
    """`owed` is how many operations the disk has yet to answer that say what our history is."""

    __slots__ = (
        "_alarms",
        "_effects",
        "_last_dialled",
        "_wake_ms",
        "now",
        "owed",
        "settings",
    )

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.now = Now(0, 0)
        self.owed = 0
        self._effects: list[Effect] = []
        self._alarms: dict[str, int] = {}
        self._wake_ms: int | None = None
        self._last_dialled = 0

    # Deciding.

    def add(self, effect: Effect) -> None:
        """This comes next."""
        self._effects.append(effect)

    def write(self, connection: int, data: bytes) -> None:
        """These bytes leave next on this connection."""
        self._effects.append(Write(connection, data))

    def perform(self, operation: Operation) -> None:
        """The disk does this next."""
        if not isinstance(operation, _CHANGES_NO_HISTORY):
            self.owed += 1
        self._effects.append(Perform(operation))

    def performed(self, completion: Completion) -> None:
        """The disk has done the oldest one."""
        if not isinstance(completion, _CHANGED_NO_HISTORY):
            self.owed -= 1

    def note(self, event: str, **detail: Detail) -> None:
        """Worth a line in the log of events."""
        self._effects.append(Note(event, detail))

    def trace(self, event: str, **detail: Detail) -> None:
        """As `note`, of what happens with every txn."""
        if self.settings.traces:
            self._effects.append(Note(event, detail))

    def next_connection(self) -> int:
        """A number for a dial of ours."""
        self._last_dialled -= 1
        return self._last_dialled

    # Waking.

    def alarm(self, who: str, time_ms: int) -> None:
        """Wake this one then; it takes the place of the time it asked for before."""
        self._alarms[who] = time_ms

    def silence(self, who: str) -> None:
        """It need not be woken."""
        self._alarms.pop(who, None)

    def take_due(self) -> tuple[str, ...]:
        """Who asked to be woken by now."""
        due = tuple(who for who, time_ms in self._alarms.items() if time_ms <= self.now.ms)
        for who in due:
            del self._alarms[who]
        return due

    def take(self) -> tuple[Effect, ...]:
        """All that was decided, and when to be woken, if that has changed."""
        wake_ms = min(self._alarms.values(), default=None)
        if wake_ms != self._wake_ms:
            self._wake_ms = wake_ms
            if wake_ms is not None:
                self._effects.append(WakeAt(wake_ms))
        effects, self._effects = tuple(self._effects), []
        return effects

    def woken(self) -> None:
        """The driver's alarm has gone off and is spent."""
        self._wake_ms = None
