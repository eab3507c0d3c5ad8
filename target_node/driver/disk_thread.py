"""Who performs the core's operations on the disk?

One thread, strictly in order, so that the core never waits for a disk. What has queued up while
the thread was busy is taken together: the slower the disk, the more appends share an fsync.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import groupby
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Final

from target_node.durable.operations import Append, Completion, Operation, perform
from target_node.durable.store import Store

MOST_AT_ONCE: Final = 1000

HandBack = Callable[[Sequence[Completion]], None]


class DiskThread:
    """Calls `hand_back` with completions, and `failed` once with what ended it: both in its own
    thread, so they are to pass it on to another.
    """

    def __init__(
        self, store: Store, *, hand_back: HandBack, failed: Callable[[BaseException], None]
    ) -> None:
        self._store = store
        self._hand_back = hand_back
        self._failed = failed
        self._queue: SimpleQueue[tuple[Operation, ...]] = SimpleQueue()
        # A daemon: a process that must end does not wait for a snapshot that may take minutes.
        # Whatever is cut off there is like a kill, which recovery mends.
        self._thread = Thread(target=self._work, name="disk", daemon=True)
        self._thread.start()

    def put(self, *operations: Operation) -> None:
        """To be performed behind all others, and together as far as that can be.

        In one piece: else the thread would be off with the first, and the others wait for the next
        sync.
        """
        if operations:
            self._queue.put(operations)

    def close(self, seconds: float | None = None) -> bool:
        """Wait until all that was put is done, so long at most. Whether it was."""
        self._queue.put(_THE_END)
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def _work(self) -> None:
        try:
            while batch := self._take():
                # Appends are acknowledged before a snapshot behind them is begun, not after it.
                for _, run in groupby(batch, key=_stands_alone):
                    self._hand_back(perform(self._store, list(run)))
        except BaseException as failure:
            self._failed(failure)

    def _take(self) -> list[Operation]:
        """All that waits, at least one; none if it is time to end."""
        batch: list[Operation] = []
        operations = self._queue.get()
        while operations:
            batch += operations
            if len(batch) >= MOST_AT_ONCE:
                return batch
            try:
                operations = self._queue.get_nowait()
            except Empty:
                return batch
        if batch:
            self._queue.put(_THE_END)
        return batch


_THE_END: Final = ()


def _stands_alone(operation: Operation) -> int:
    """The same for all appends; another for every other operation."""
    return 0 if isinstance(operation, Append) else id(operation)
