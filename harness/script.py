"""What does a run do that is told each call and each fault, and when?

A script is what an earlier history holds: the calls of each client in their order, with their
times, and the faults. What was answered then plays no part; whoever is late makes the next call as
soon as there is a session.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from checker.model import Model
from checker.outcome import Outcome
from harness.client import Client
from harness.plan import track
from harness.run import Run
from nemesis.fault import Fault
from nemesis.plan import Exactly, Moment, Nemesis, Step, When
from nemesis.surface import Draw, Surface, Watched
from workloads.workload import Answer, Ask, Judge, Workload
from workloads.workload import Draw as CallDraw

NANO: Final = 1_000_000_000
LATE_S: Final = 5.0  # so much longer than it did a moment may keep its faults waiting


@dataclass(frozen=True, slots=True)
class Cue:
    """A call, and when it is to be made: since the clients began to work."""

    at_ns: int
    ask: Ask


@dataclass(frozen=True, slots=True)
class Held:
    """Faults that begin and end together."""

    nemesis: str
    aim: str
    from_ns: int
    until_ns: int
    faults: tuple[Fault, ...]
    when: Moment | None = None
    """What they wait for, if nodes can be watched: so they meet it also where other things that
    came before are left out. The times are then those of the run that is told."""

    @property
    def watch_ns(self) -> int:
        """When one begins to look out for it."""
        if self.when is None:
            return self.from_ns
        return max(0, self.from_ns - self.when.delay_ns - self.when.waited_ns)

    @property
    def free_ns(self) -> int:
        """When it is over, even if its moment does not come."""
        return self.until_ns + (0 if self.when is None else round(LATE_S * NANO))


@dataclass(frozen=True, slots=True)
class Script:
    """`parts` are those of the clients; `last` is what each asks when all is healed."""

    parts: Sequence[Sequence[Cue]]
    held: Sequence[Held] = ()
    last: Sequence[Ask] = ()
    faults_ns: int = 0
    """When the first fault may be; those before it come late."""

    @property
    def nemeses(self) -> tuple[Nemesis, ...]:
        """One for each name; what one did at once is held by several."""
        tracks: dict[tuple[str, int], list[Held]] = {}
        for one in sorted(self.held, key=lambda one: (one.watch_ns, one.nemesis)):
            number = 1
            while (held := tracks.setdefault((one.nemesis, number), [])) and (
                held[-1].free_ns > one.watch_ns
            ):
                number += 1
            held.append(one)
        return tuple(
            _nemesis(track(name, number), held, self.faults_ns)
            for (name, number), held in tracks.items()
        )

    def workload(self, like: Workload) -> Workload:
        """A workload that judges and writes as this one, and whose calls are ours."""
        return _Scripted(self, like)


def _nemesis(name: str, held: Sequence[Held], began_ns: int) -> Nemesis:
    kinds = frozenset(type(fault) for one in held for fault in one.faults)

    def plan(surface: Surface, draw: Draw) -> Iterator[Step]:
        # By the clock, and not by the last step: what that took would add up.
        loop = asyncio.get_running_loop()
        zero = loop.time() - began_ns / NANO
        for one in held:
            when = _when(one) if isinstance(surface, Watched) else None
            begin_ns = one.from_ns if when is None else one.watch_ns
            wait_s = max(0.0, zero + begin_ns / NANO - loop.time())
            hold_s = (one.until_ns - one.from_ns) / NANO
            yield Step(wait_s, Exactly(one.aim, one.faults), hold_s, when=when, timed=True)

    return Nemesis(name, "what a history says of its faults", kinds, plan)


def _when(held: Held) -> When | None:
    if (moment := held.when) is None:
        return None
    return When(
        moment.event,
        lambda node: Exactly(held.aim, held.faults),
        node=moment.node,
        times=moment.times,
        within_s=moment.waited_ns / NANO + LATE_S,
        delay_s=moment.delay_ns / NANO,
    )


class _Scripted:
    """A workload as another one, but that it asks what stands in a script."""

    least_processes = 1

    def __init__(self, script: Script, like: Workload) -> None:
        self._script = script
        self._like = like
        self.name = like.name
        self.about = like.about
        self.synced = like.synced
        calls = [cue.ask.call for part in script.parts for cue in part]
        self.kinds: Sequence[str] = sorted({like.model.write_call(call)[0] for call in calls})

    @property
    def model(self) -> Model[Any, Any, Any]:
        return self._like.model

    def calls(self, process: int, draw: CallDraw) -> Ask:
        raise NotImplementedError("each client has its own part of the script")

    def last_calls(self, process: int, processes: int) -> Sequence[Ask]:
        return self._script.last

    def heard(self, process: int, ask: Ask, outcome: Outcome[Any], answer: Answer | None) -> None:
        """What is asked does not depend on what was answered."""

    def judges(self) -> Mapping[str, Judge]:
        return self._like.judges()


class ScriptedRun(Run):
    """A run whose clients keep to a script."""

    def __init__(self, script: Script, *of_run: Any, **more: Any) -> None:
        super().__init__(*of_run, **more)
        self._client_class = partial(_ScriptedClient, script)

    async def _calm(self) -> None:
        await self._pause(self._plan.calm_s)  # the faults have their times

    def _relief(self) -> None:
        return None


class _ScriptedClient(Client):
    """Asks what its part says, at its times."""

    def __init__(self, script: Script, place: int, *of_client: Any) -> None:
        super().__init__(place, *of_client)
        self._part = script.parts[place]

    async def work(self) -> None:
        """Make the calls of the part, each at its time or as soon after it as can be.

        As with calls that are drawn, a session is there before it is time for one, and whoever
        loses it with its last call comes back.
        """
        shared, loop = self._shared, asyncio.get_running_loop()
        began = loop.time()
        for cue in self._part:
            session = await self._have_session()
            if session is None:
                return
            left_s = began + cue.at_ns / NANO - loop.time()
            if left_s > 0:
                await shared.pace.rest(left_s)
            if shared.stop.is_set():
                return
            await self._call_and_breathe(session, cue.ask)
        if self._part:
            await self._have_session()
