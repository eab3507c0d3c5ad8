"""Who plays the plans, all at once, and heals everything at the end?

Rules of this file:
1. However it ends, by word, by cancellation or by an error, all faults are lifted before it does.
2. Time is only the loop's and chance only what is drawn: a simulated loop plays the same run again.
3. Each nemesis draws from a stream of its own, so that adding one does not change another's plan.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Protocol

from nemesis.budget import Budget, all_caught_up
from nemesis.fault import Fault, LosesADisk, Node
from nemesis.ledger import Entry, Journal, Ledger, Note, Tally
from nemesis.plan import Aim, Exactly, Moment, Nemesis, Step, When
from nemesis.registry import check_supported
from nemesis.surface import Draw, Surface, Watched
from nemesis.targets import scene_of

NANO: Final = 1_000_000_000
LEAST_WAIT_S: Final = 0.001  # a plan that never waits would let nobody else run
_FIND_S: Final = 5.0  # for how long an aim is looked for: there may be a leader soon
_LOOK_S: Final = 0.2


class Relief(Protocol):
    """Who is disturbed so much that nothing happens any more, and when that is over."""

    async def needed(self) -> None:
        """Return when they need a rest."""

    async def over(self) -> None:
        """Return when they had it, or it would be too long."""


async def conduct(
    nemeses: Sequence[Nemesis],
    surface: Surface,
    *,
    draws: Callable[[str], Draw],
    stop: asyncio.Event,
    note: Note,
    journal: Journal,
    pace: float = 1.0,
    relief: Relief | None = None,
) -> Mapping[str, Tally]:
    """Play them until told to stop; what became of the faults of each, by its name.

    `draws` gives the stream of chance of this label; `pace` stretches all waits and holds. Whenever
    a `relief` is needed, all faults are lifted, and none is injected until it is over.
    """
    check_supported(nemeses, surface)
    ledger = Ledger(surface, note=note, journal=journal)
    stage = _Stage(surface, ledger, Budget(), pace)
    loop = asyncio.get_running_loop()
    told = loop.create_task(stop.wait())
    tasks = [
        loop.create_task(stage.play(nemesis, draws(f"nemesis/{nemesis.name}")))
        for nemesis in nemeses
    ]
    if relief is not None:
        tasks.append(loop.create_task(stage.relieve(relief)))
    calm = False
    try:
        await _until_told(told, tasks)
        calm = True
    finally:
        for task in (told, *tasks):
            task.cancel()
        try:
            # Without waiting for them: what they were changing, the ledger waits for.
            await ledger.lift_all(calm=calm)
        finally:
            await asyncio.gather(told, *tasks, return_exceptions=True)
    return {nemesis.name: ledger.tally(nemesis.name) for nemesis in nemeses}


async def _until_told(told: asyncio.Task[bool], tasks: Sequence[asyncio.Task[None]]) -> None:
    while not told.done():
        open_ones = [task for task in tasks if not task.done()]
        await asyncio.wait([told, *open_ones], return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            if task.done():
                task.result()  # a plan may end, but not fail


@dataclass(frozen=True, slots=True)
class _Come:
    """A moment that was waited for, and when it came."""

    at_s: float
    moment: Moment

    def now(self) -> Moment:
        """With the time since then: others may have been in the way."""
        since_s = asyncio.get_running_loop().time() - self.at_s
        return replace(self.moment, delay_ns=round(since_s * NANO))


class _Stage:
    """What all nemeses of a run share."""

    def __init__(self, surface: Surface, ledger: Ledger, budget: Budget, pace: float) -> None:
        self._surface = surface
        self._ledger = ledger
        self._budget = budget
        self._pace = pace
        self._allowed = asyncio.Event()
        self._allowed.set()

    async def relieve(self, relief: Relief) -> None:
        """Whenever it is needed."""
        while True:
            await relief.needed()
            self._allowed.clear()
            await self._ledger.relieve()
            self._ledger.note("rest", {"why": "nothing was answered any more"})
            await relief.over()
            self._allowed.set()

    async def play(self, nemesis: Nemesis, draw: Draw) -> None:
        """All its steps, one after the other."""
        for step in nemesis.plan(self._surface, draw):
            await self._sleep(step.wait_s, least_s=0.0 if step.timed else LEAST_WAIT_S)
            aim, come = step.aim, None
            if step.when is not None:
                come = await self._moment(nemesis, step.when, "skipped" if aim is None else "late")
                aim = aim if come is None else step.when.then(come.moment.node)
            if aim is None:
                continue
            if any(issubclass(kind, LosesADisk) for kind in nemesis.kinds):
                async with self._budget.alone():
                    await self._lose_a_disk(nemesis, step, aim, come, draw)
            else:
                async with self._budget.shared():
                    await self._disturb(nemesis, step, aim, come, draw)

    async def _moment(self, nemesis: Nemesis, when: When, else_noted: str) -> _Come | None:
        """Wait until it has come to that; nothing but a note, if it does not."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        surface, roles = self._surface, await self._surface.roles()
        if not isinstance(surface, Watched):
            self._ledger.note(else_noted, _missed(nemesis, when, "nobody sees what nodes do"))
            return None
        seen: Counter[Node] = Counter()

        def wanted(node: Node, event: str) -> bool:
            if event != when.event or when.node not in ("", node):
                return False
            if when.role in ("", roles.get(node)):
                seen[node] += 1
            return seen.total() >= when.times

        try:
            async with asyncio.timeout(when.within_s * self._pace):
                node = await surface.next_event(wanted)
            came = loop.time()
            if when.delay_s:
                await self._sleep(when.delay_s, least_s=0.0)
            waited_ns = round((came - began) * NANO)
            return _Come(came, Moment(node, when.event, seen[node], waited_ns))
        except TimeoutError:
            self._ledger.note(else_noted, _missed(nemesis, when, "it did not come to that"))
            return None

    async def _disturb(
        self, nemesis: Nemesis, step: Step, aim: Aim, come: _Come | None, draw: Draw
    ) -> None:
        await self._allowed.wait()
        faults = await self._find(nemesis, aim, draw)
        if not faults:
            return
        for again in range(step.times):
            if again:
                await self._sleep(step.pause_s)
            await self._allowed.wait()
            entries = await self._hold(nemesis, step, aim, come, faults)
            await self._ledger.lift(entries)

    async def _lose_a_disk(
        self, nemesis: Nemesis, step: Step, aim: Aim, come: _Come | None, draw: Draw
    ) -> None:
        await self._allowed.wait()
        if not await all_caught_up(self._surface):
            self._skip(nemesis, aim, "not all nodes have caught up")
            return
        faults = await self._find(nemesis, aim, draw)
        nodes = tuple(fault.node for fault in faults if isinstance(fault, LosesADisk))
        if len(nodes) != len(faults) or len(nodes) > 1:
            raise ValueError(f"{nemesis.name} wants {faults}: one disk may be lost at a time")
        if not faults:
            return
        entries = await self._hold(nemesis, step, aim, come, faults)
        await self._ledger.lift_when_safe(entries)
        if not await all_caught_up(self._surface):
            self._ledger.note("late", {"why": f"{nodes[0]} has not caught up"})

    async def _hold(
        self,
        nemesis: Nemesis,
        step: Step,
        aim: Aim,
        come: _Come | None,
        faults: tuple[Fault, ...],
    ) -> tuple[Entry, ...]:
        """Inject them, and let them be for a while."""
        loop = asyncio.get_running_loop()
        asked = loop.time()
        moment = None if come is None else come.now
        entries = await self._ledger.inject(nemesis.name, aim.aim, faults, moment)
        took_s = (loop.time() - asked) / self._pace if step.timed else 0.0
        await self._sleep(step.hold_s - took_s)
        return entries

    async def _find(self, nemesis: Nemesis, aim: Aim, draw: Draw) -> tuple[Fault, ...]:
        """What the aim means now. A role may be taken by nobody for a while."""
        if isinstance(aim, Exactly):
            return aim.given  # to ask who is what would take time, and change nothing
        loop = asyncio.get_running_loop()
        until = loop.time() + _FIND_S
        while True:
            faults = aim.faults(await scene_of(self._surface), draw)
            if faults:
                return faults
            if loop.time() >= until:
                self._skip(nemesis, aim, f"for {_FIND_S:g} s there was no {aim.aim} to aim at")
                return ()
            await asyncio.sleep(_LOOK_S)

    def _skip(self, nemesis: Nemesis, aim: Aim, why: str) -> None:
        self._ledger.note("skipped", {"nemesis": nemesis.name, "aim": aim.aim, "why": why})

    async def _sleep(self, seconds: float, least_s: float = LEAST_WAIT_S) -> None:
        await asyncio.sleep(max(seconds * self._pace, least_s))


def _missed(nemesis: Nemesis, when: When, why: str) -> Mapping[str, str]:
    return {"nemesis": nemesis.name, "aim": when.event, "why": why}
