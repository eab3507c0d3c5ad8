from __future__ import annotations

import asyncio
import time
from contextlib import suppress

import pytest

from harness.sim.loop import MS, SECOND, Deadlock, SimLoop, TooLong, run


def here() -> SimLoop:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, SimLoop)
    return loop


def test_a_day_passes_in_no_time() -> None:
    async def main() -> float:
        await asyncio.sleep(86_400)
        return here().time()

    started = time.monotonic()
    assert run(main()) == pytest.approx(86_400)
    assert time.monotonic() - started < 3600


def test_timeouts_queues_and_events_work_as_ever() -> None:
    async def main() -> list[str]:
        said: list[str] = []
        queue: asyncio.Queue[int] = asyncio.Queue()
        event = asyncio.Event()

        async def give() -> None:
            for number in range(3):
                await asyncio.sleep(1)
                queue.put_nowait(number)
            event.set()

        task = asyncio.create_task(give())
        for _ in range(3):
            said.append(f"{await queue.get()} at {here().time():g}")
        await asyncio.wait_for(event.wait(), 1)
        with suppress(TimeoutError):
            async with asyncio.timeout(5):
                await queue.get()
        said.append(f"{here().time():g}")
        await task
        return said

    assert run(main()) == ["0 at 1", "1 at 2", "2 at 3", "8"]


def test_what_is_put_at_one_time_happens_in_order_and_before_who_sleeps_until_then() -> None:
    async def main() -> list[str]:
        said: list[str] = []
        sleeper = asyncio.create_task(asyncio.sleep(0.003))
        sleeper.add_done_callback(lambda _: said.append("sleeper"))
        await asyncio.sleep(0)
        here().at(5 * MS, said.append, "last")
        here().at(3 * MS, said.append, "a")
        here().after(3 * MS, said.append, "b")
        await asyncio.sleep(0.01)
        return said

    assert run(main()) == ["a", "b", "sleeper", "last"]


def test_what_is_put_into_the_past_happens_now() -> None:
    async def main() -> int:
        await asyncio.sleep(1)
        times: list[int] = []
        here().at(5, lambda: times.append(here().now_ns))
        await asyncio.sleep(1)
        return times[0]

    assert run(main()) == SECOND


def test_a_deadlock_is_told_with_who_waits() -> None:
    async def main() -> None:
        asyncio.current_task().set_name("the one who waits")  # type: ignore[union-attr]
        await asyncio.Event().wait()

    with pytest.raises(Deadlock, match=r"nothing is going to happen.*: the one who waits"):
        run(main())


def test_a_simulation_that_goes_on_and_on_is_ended() -> None:
    async def main() -> None:
        while True:  # noqa: ASYNC110 (it is what should not be)
            await asyncio.sleep(1)

    with pytest.raises(TooLong, match="after 100 s"):
        run(main(), most_s=100)


def test_there_are_no_threads() -> None:
    async def main() -> None:
        await asyncio.to_thread(time.sleep, 0)

    with pytest.raises(RuntimeError, match="a thread was asked for"):
        run(main())


def test_a_failure_on_the_agenda_ends_the_run() -> None:
    async def main() -> None:
        here().after(1, lambda: 1 // 0)
        await asyncio.sleep(1)

    with pytest.raises(ZeroDivisionError):
        run(main())


def test_tasks_that_end_together_are_cancelled_in_the_order_of_their_beginning() -> None:
    async def main() -> list[int]:
        ended: list[int] = []

        async def wait(number: int) -> None:
            try:
                await asyncio.Event().wait()
            finally:
                ended.append(number)

        async def fail() -> None:
            raise KeyError

        with suppress(ExceptionGroup):
            async with asyncio.TaskGroup() as group:
                for number in range(200):
                    group.create_task(wait(number))
                await asyncio.sleep(1)
                group.create_task(fail())
        return ended

    ended = run(main())
    assert sorted(ended) == list(range(200))
    assert ended == run(main()), "the order depends on where the tasks lie in memory"
