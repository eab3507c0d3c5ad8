"""What does one client do, from its first call to its last?

It has a place, from 0 to the number of clients, and always speaks to the same node. Under the place
there is one process after the other: `place`, `place + clients`, ... A process has one session, and
is over when that is, or when a call of it was left in doubt.

Rules of this file:
1. Nothing is retried: what is asked again is another call, of another process if need be.
2. Every call ends when its deadline is over, however its adapter was written.
3. A session that cannot be had is no call, and is not in the history.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from checker.outcome import Failed, Ok, Outcome, Refused, Unknown
from harness.observer import Observer
from harness.pace import Pace
from harness.plan import Plan
from harness.recorder import Recorder
from workloads.session import InDoubt, NotDone, Refusal
from workloads.workload import Adapter, Answer, Ask, Draw, Workload

FIRST_PAUSE_S: Final = 0.05  # after a session could not be had; it doubles
LONGEST_PAUSE_S: Final = 1.0
BREATH_S: Final = 0.01  # after a call that never left
LAST_TRIES: Final = 3


class AnySession(Protocol):
    """What every kind of session has, whatever else an adapter needs of it."""

    @property
    def session_id(self) -> int: ...
    @property
    def alive(self) -> bool: ...
    async def close(self) -> None: ...
    def abandon(self) -> None: ...


@dataclass(slots=True)
class Shared:
    """What all clients of a run have in common."""

    plan: Plan
    workload: Workload
    adapter: Adapter
    recorder: Recorder
    observer: Observer
    pace: Pace
    stop: asyncio.Event
    phase: str = ""
    counts: dict[str, dict[str, dict[str, int]]] = field(default_factory=dict)
    crashes: list[str] = field(default_factory=list)
    """What adapters raised that they must not."""

    def count(self, f: str, kind: str) -> None:
        """One more call of this kind has ended in this phase."""
        of_f = self.counts.setdefault(self.phase, {}).setdefault(f, {})
        of_f[kind] = of_f.get(kind, 0) + 1


class Client:
    """One place and its processes."""

    def __init__(
        self,
        place: int,
        node: str,
        shared: Shared,
        connect: Callable[[], Awaitable[AnySession]],
        draw: Draw,
        call_s: float,
    ) -> None:
        self.place = place
        self.process = place
        self.node = node
        self._shared = shared
        self._connect = connect
        self._draw = draw
        self._call_s = call_s
        self._session: AnySession | None = None
        self._used = False  # whether this process has made a call

    async def work(self) -> None:
        """Ask and ask, until told to stop."""
        shared = self._shared
        while not shared.stop.is_set():
            session = await self._have_session()
            if session is None:
                return
            await shared.pace.turn()
            if shared.stop.is_set():
                return
            ask = shared.workload.calls(self.process, self._draw)
            await self._call_and_breathe(session, ask)

    async def finish(self, until: float) -> list[Ask]:
        """The last calls; those that nobody answered in time are returned."""
        shared = self._shared
        left = []
        await self._have_session(until)  # what there is to ask may depend on whose session it is
        for ask in shared.workload.last_calls(self.process, shared.plan.concurrency):
            for _ in range(LAST_TRIES):
                session = await self._have_session(until)
                if session is None:
                    break
                if isinstance(await self._call(session, ask), Ok):
                    break
            else:
                session = None
            if session is None:
                left.append(ask)
        return left

    async def leave(self) -> None:
        """End the session, where there is one."""
        if self._session is not None:
            await self._session.close()

    async def _have_session(self, until: float | None = None) -> AnySession | None:
        """The session at hand, or else a new one, of a process that has made no call yet."""
        if self._session is not None and self._session.alive:
            return self._session
        self._retire()
        loop, pause_s = asyncio.get_running_loop(), FIRST_PAUSE_S
        while not self._is_over(until):
            try:
                async with asyncio.timeout(self._shared.plan.connect_s):
                    self._session = await self._connect()
                return self._session
            except (NotDone, TimeoutError):
                left_s = pause_s if until is None else min(pause_s, max(0.0, until - loop.time()))
                if until is None:
                    await self._shared.pace.rest(left_s)
                else:
                    await asyncio.sleep(left_s)
                pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
        return None

    def _is_over(self, until: float | None) -> bool:
        if until is None:
            return self._shared.stop.is_set()
        return asyncio.get_running_loop().time() >= until

    def _retire(self) -> None:
        """The process is over, and its session with it."""
        if self._session is not None:
            self._session.abandon()
            self._session = None
        if self._used:
            self.process += self._shared.plan.concurrency
            self._used = False

    async def _call_and_breathe(self, session: AnySession, ask: Ask) -> None:
        if isinstance(await self._call(session, ask), Failed):
            await asyncio.sleep(BREATH_S)

    async def _call(self, session: AnySession, ask: Ask) -> Outcome[Any]:
        """Make one call and record both its ends."""
        shared, recorder = self._shared, self._shared.recorder
        self._used = True
        answer: Answer | None = None
        outcome: Outcome[Any]
        called = recorder.invoke(self.process, session.session_id, self.node, ask)
        try:
            async with asyncio.timeout(self._call_s):
                answer = await shared.adapter.perform(session, ask)
            outcome = Ok(answer.result)
        except NotDone as failure:
            outcome = Failed(failure.reason)
        except Refusal as refusal:
            outcome = Failed(refusal.code)
            answer = Answer(result=None, zxid=refusal.zxid)
        except InDoubt as doubt:
            outcome = Unknown(doubt.reason)
        except TimeoutError:
            outcome = Unknown(f"no answer within {self._call_s:g} s")
        except asyncio.CancelledError:
            recorder.complete(
                self.process, session.session_id, self.node, ask, Unknown("the run was ended")
            )
            raise
        except Exception as crash:
            outcome = Unknown(f"the adapter failed: {type(crash).__name__}: {crash}")
            shared.crashes.append(outcome.reason)
        returned, kind = recorder.complete(
            self.process, session.session_id, self.node, ask, outcome, answer
        )
        f, _ = shared.workload.model.write_call(ask.call)
        shared.count(f, kind)
        if isinstance(outcome, Ok) and isinstance(outcome.result, Refused):
            kind = "refused"
        shared.observer.called(f, kind, returned, returned - called)
        shared.workload.heard(self.process, ask, outcome, answer)
        if isinstance(outcome, Unknown):
            self._retire()
        return outcome
