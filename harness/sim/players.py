"""Who plays many cases at once: we, the cores of this machine, or a Dask cluster?"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ProcessPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context, parent_process
from threading import Thread
from typing import Final, TypeVar

from harness.worlds import CannotBeHad

T = TypeVar("T")
R = TypeVar("R")
_AHEAD: Final = 2  # pieces for each process, so that none waits


@dataclass(frozen=True, slots=True)
class Players:
    """So many play at once; without an executor it is only us."""

    count: int = 1
    executor: Executor | None = None

    def each(self, play: Callable[[T], R], items: Iterable[T]) -> Iterator[R]:
        """What comes of every item, in the order in which they are done.

        Who takes no more of it waits for what is being played, and leaves the rest.
        """
        if self.executor is None:
            yield from map(play, items)
            return
        rest, numbers, place = iter(items), dict[Future[R], int](), 0
        try:
            while True:
                while len(numbers) < _AHEAD * self.count:
                    for item in rest:
                        numbers[self.executor.submit(play, item)] = place
                        place += 1
                        break
                    else:
                        break
                if not numbers:
                    return
                done, _ = wait(numbers, return_when=FIRST_COMPLETED)
                for future in sorted(done, key=numbers.__getitem__):
                    del numbers[future]
                    yield future.result()
        finally:
            wait([future for future in numbers if not future.cancel()])


@contextmanager
def players(jobs: int | None, dask: str | None = None) -> Iterator[Players]:
    """The workers of the scheduler at this address, or so many processes; by default one a core."""
    if dask is not None:
        with _on_dask(dask) as found:
            yield found
        return
    count = jobs or os.cpu_count() or 1
    if count == 1:
        yield Players()
        return
    # Fresh processes: a copy of ours would have our threads' locks, and not the threads.
    with ProcessPoolExecutor(
        count, mp_context=get_context("spawn"), initializer=_end_with_the_parent
    ) as pool:
        try:
            yield Players(count, pool)
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _end_with_the_parent() -> None:
    """Who is killed cannot tell its processes, which would wait for it for ever."""
    parent = parent_process()
    assert parent is not None, "somebody has started us"

    def watch() -> None:
        parent.join()
        os._exit(1)

    Thread(target=watch, daemon=True).start()


@contextmanager
def _on_dask(address: str) -> Iterator[Players]:
    try:
        from distributed import Client
    except ImportError:
        raise CannotBeHad("--dask needs the package distributed: pip install distributed") from None
    try:
        client = Client(address, timeout="10s")
    except (OSError, ValueError, TypeError) as problem:
        raise CannotBeHad(f"--dask {address}: no scheduler answers there ({problem})") from None
    with client:
        count = sum(client.ncores().values())
        if not count:
            raise CannotBeHad(f"--dask {address}: the scheduler there has no workers")
        yield Players(count, client.get_executor())
