"""When has a disk done what it was asked for?

One `DiskQueue` lasts for one life of a node.

Rules of this file:
1. Operations are performed strictly in order; appends that stand side by side share a sync.
2. An operation is done on the disk when its time is over, and not before. A crash while it is under
   way leaves any part of it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from harness.chance import Draw
from harness.sim.disk import PowerCut, SimDisk
from harness.sim.loop import MS, SimLoop
from target_node.durable.operations import Append, Completion, Operation, perform
from target_node.durable.refusal import DiskFailed
from target_node.durable.store import Store

_MOST_CHANGES: Final = 12  # of an operation that is cut off by a crash


@dataclass(frozen=True, slots=True)
class DiskPace:
    """How long the disk takes for one operation."""

    least_ms: float = 0.5
    jitter_ms: float = 4.0

    @property
    def most_s(self) -> float:
        """The longest."""
        return (self.least_ms + self.jitter_ms) / 1000


class DiskQueue:
    """`hand_back` gets completions; `failed` whatever an operation raised, once."""

    def __init__(
        self,
        loop: SimLoop,
        disk: SimDisk,
        store: Store,
        draw: Draw,
        *,
        pace: Callable[[], DiskPace],
        hand_back: Callable[[Sequence[Completion]], None],
        failed: Callable[[BaseException], None],
    ) -> None:
        self._loop = loop
        self._disk = disk
        self._store = store
        self._draw = draw
        self._pace = pace
        self._hand_back = hand_back
        self._failed = failed
        self._waiting: deque[Operation] = deque()
        self._busy: list[Operation] = []
        self._paused = False
        self._due = False  # since it was paused
        self._over = False

    def put(self, operation: Operation) -> None:
        """To be performed behind all others."""
        self._waiting.append(operation)
        if not self._busy:
            self._begin()

    def pause(self) -> None:
        """Its process stands still."""
        self._paused = True

    def resume(self) -> None:
        """It goes on."""
        self._paused = False
        if self._due:
            self._due = False
            self._loop.after(0, self._perform)

    def end(self) -> None:
        """A crash: the operation under way gets as far as it gets."""
        self._over = True
        if not self._busy:
            return
        if self._disk.cut_power_at is None:
            self._disk.cut_power_at = self._disk.changes + self._draw(_MOST_CHANGES)
        with suppress(PowerCut, OSError, DiskFailed):
            perform(self._store, self._busy)

    def _begin(self) -> None:
        self._busy = [self._waiting.popleft()]
        if isinstance(self._busy[0], Append):
            while self._waiting and isinstance(self._waiting[0], Append):
                self._busy.append(self._waiting.popleft())
        pace = self._pace()
        delay_ns = int(pace.least_ms * MS) + self._draw(int(pace.jitter_ms * MS) + 1)
        self._loop.after(delay_ns, self._perform)

    def _perform(self) -> None:
        if self._over:
            return
        if self._paused:
            self._due = True
            return
        busy, self._busy = self._busy, []
        try:
            completions = perform(self._store, busy)
        except (PowerCut, Exception) as failure:
            self._failed(failure)
            return
        if self._waiting:
            self._begin()
        self._hand_back(completions)
