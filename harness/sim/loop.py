"""What time is it in a simulation?

As late as it must be for something to happen: while anything can run, time stands still, and when
nothing can, it is at once as late as the next thing that was put off. Ordinary asyncio code runs
here unchanged; what has no need of tasks and futures is put `at` its time directly, which is much
cheaper.

Rules of this file:
1. Time is whole nanoseconds, and never goes back. What is put at one time happens in the order in
   which it was put there, before tasks that wait for the same time.
2. Nothing waits for the outside: no threads, no sockets, no signals.
3. No order depends on where an object lies in memory: futures and tasks are numbered, so that
   even a set of them is gone through in the same order in every process.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine, Generator
from functools import partial
from heapq import heappop, heappush
from itertools import count
from typing import Any, Final, NoReturn, TypeVar

T = TypeVar("T")

SECOND: Final = 1_000_000_000
MS: Final = 1_000_000
US: Final = 1_000

Act = Callable[..., object]


class Deadlock(Exception):
    """Nothing will ever happen any more, and somebody waits for it."""


class TooLong(Exception):
    """It is later than a simulation was meant to last."""


class SimFuture(asyncio.Future[T]):
    """A future that knows how many were made before it."""

    number = 0

    def __hash__(self) -> int:
        return self.number


class SimTask(asyncio.Task[T]):
    """A task that knows how many were made before it."""

    number = 0

    def __hash__(self) -> int:
        return self.number


class SimLoop(asyncio.BaseEventLoop):
    """An event loop whose clock is `now_ns`, and whose time is up after `most_s`."""

    # Of asyncio's own loop.
    _ready: deque[asyncio.Handle]
    _scheduled: list[asyncio.TimerHandle]

    def __init__(self, most_s: float | None = None) -> None:
        super().__init__()
        self.now_ns = 0
        self._most_ns = None if most_s is None else int(most_s * SECOND)
        self._agenda: list[tuple[int, int, Act, tuple[Any, ...]]] = []
        self._numbers = count(1)
        # What asyncio takes for now: more than rounding can make of it, less than the next moment.
        self._clock_resolution = 0.6 / SECOND
        self._selector = self  # it is asked for nothing but `select`
        self.set_task_factory(_make_task)

    def time(self) -> float:
        """Seconds since the beginning."""
        return self.now_ns / SECOND

    def at(self, when_ns: int, act: Act, *args: object) -> None:
        """Do this then, or now if that is over, but not before we return."""
        heappush(self._agenda, (max(when_ns, self.now_ns), next(self._numbers), act, args))

    def after(self, delay_ns: int, act: Act, *args: object) -> None:
        """Do this so much later."""
        heappush(self._agenda, (self.now_ns + delay_ns, next(self._numbers), act, args))

    def select(self, timeout: float | None) -> tuple[()]:
        """What asyncio calls to sleep: let happen what happens until a task can go on."""
        if timeout == 0:
            return ()
        agenda, ready, scheduled = self._agenda, self._ready, self._scheduled
        while not ready:
            timer_ns = round(scheduled[0].when() * SECOND) if scheduled else None
            if agenda and (timer_ns is None or agenda[0][0] <= timer_ns):
                when_ns, _, act, args = heappop(agenda)
                self._go_to(when_ns)
                act(*args)
            elif timer_ns is not None:
                self._go_to(max(self.now_ns, timer_ns))
                return ()
            else:
                raise Deadlock(f"nothing is going to happen, and these wait: {self._waiting()}")
        return ()

    def _go_to(self, when_ns: int) -> None:
        if self._most_ns is not None and when_ns > self._most_ns:
            raise TooLong(f"after {self._most_ns / SECOND:g} s these wait: {self._waiting()}")
        self.now_ns = when_ns

    def _waiting(self) -> str:
        return ", ".join(sorted(task.get_name() for task in asyncio.all_tasks(self))) or "nobody"

    def create_future(self) -> asyncio.Future[Any]:
        future: SimFuture[Any] = SimFuture(loop=self)
        future.number = next(self._numbers)
        return future

    def next_number(self) -> int:
        """One that no other future or task has."""
        return next(self._numbers)

    def run_in_executor(self, executor: object, func: object, *args: object) -> NoReturn:
        """There are no threads."""
        raise RuntimeError("a thread was asked for, and there are none in a simulation")

    # What asyncio expects of a loop besides.

    def _process_events(self, events: object) -> None:
        pass

    def _write_to_self(self) -> None:
        pass


def _make_task(
    loop: asyncio.AbstractEventLoop,
    coroutine: Coroutine[Any, Any, T] | Generator[Any, None, T],
    **context: Any,
) -> SimTask[T]:
    assert isinstance(loop, SimLoop)
    number = loop.next_number()
    # Its number comes before the base class files it in a set.
    task: SimTask[T] = SimTask.__new__(SimTask)
    task.number = number
    task.__init__(coroutine, loop=loop, name=f"task {number}", **context)  # type: ignore[misc]
    return task


def run(main: Coroutine[Any, Any, T], *, most_s: float | None = None) -> T:
    """What `asyncio.run` does, in no time."""
    with asyncio.Runner(loop_factory=partial(SimLoop, most_s)) as runner:
        return runner.run(main)
