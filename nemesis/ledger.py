"""Which faults are active, and what was seen of them?

Rules of this file:
1. The surface is always told all active faults together: lifting one never heals another.
2. What is about to be injected is journalled first, so that whoever comes after a dead run knows
   what to undo. What is lifted leaves the journal afterwards.
3. Nobody who is cancelled leaves a change half made: it ends by itself, and lifting all waits for
   it.
4. A fault is probed when it was injected and before it is lifted. One that is masked by others has
   no effect of its own, which is recorded as moot and is no evidence of anything.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import count
from typing import Any, Final, TypeAlias, TypeVar

from nemesis.budget import all_caught_up
from nemesis.fault import Fault, LosesADisk
from nemesis.plan import Moment
from nemesis.surface import Surface
from nemesis.union import masked
from nemesis.written import written

Note: TypeAlias = Callable[[str, Mapping[str, Any]], None]
"""Write into the history that the nemesis did this (`f`), with this value."""
Journal: TypeAlias = Callable[[Sequence[Fault]], None]
"""Make it last that from now on these faults, and no others, may be active."""

TRIES: Final = 3  # at healing everything, before it is given up
_PAUSE_S: Final = 1.0

_T = TypeVar("_T")


@dataclass(slots=True)
class Entry:
    """A fault in the ledger: who wanted it, and what was aimed at."""

    number: int
    fault: Fault
    by: str
    aim: str
    proven: bool = False
    moot: bool = False  # as of the last probe


@dataclass(frozen=True, slots=True)
class Tally:
    """How many faults of a nemesis there were; `proven` had their effect at a probe at least once,
    `moot` never could.
    """

    injected: int
    proven: int
    moot: int


class Ledger:
    """The active faults of one run."""

    def __init__(self, surface: Surface, *, note: Note, journal: Journal) -> None:
        self._surface = surface
        self._note = note
        self._journal = journal
        self._active: list[Entry] = []
        self._all: list[Entry] = []
        self._numbers = count()
        self._lock = asyncio.Lock()
        self._over = False
        self._changes: list[asyncio.Task[Any]] = []

    @property
    def active(self) -> tuple[Fault, ...]:
        """In the order in which they were injected."""
        return tuple(entry.fault for entry in self._active)

    def tally(self, by: str) -> Tally:
        """What became of the faults of this nemesis."""
        its = [entry for entry in self._all if entry.by == by]
        proven = sum(entry.proven for entry in its)
        return Tally(len(its), proven, sum(entry.moot and not entry.proven for entry in its))

    def note(self, f: str, value: Mapping[str, Any]) -> None:
        """Write down something that has to do with faults, and is no change of them."""
        self._note(f, value)

    async def inject(
        self,
        by: str,
        aim: str,
        faults: Iterable[Fault],
        moment: Callable[[], Moment] | None = None,
    ) -> tuple[Entry, ...]:
        """Let these be active too; `moment` says at which moment of the protocol that is."""
        entries = [Entry(next(self._numbers), fault, by, aim) for fault in faults]
        await self._undisturbed(self._inject(entries, moment))
        return tuple(entries)

    async def lift(self, entries: Sequence[Entry]) -> None:
        """Let these be over; others stay as they are."""
        await self._undisturbed(self._lift(entries))

    async def lift_when_safe(self, entries: Sequence[Entry]) -> None:
        """The same, once all nodes have caught up whose disks are not lost by these."""
        await self._until_safe(entries)
        await self.lift(entries)

    async def relieve(self) -> None:
        """Let everything be over but lost disks, which are given back only when that is safe."""
        while others := [one for one in self._active if not isinstance(one.fault, LosesADisk)]:
            await self.lift(others)

    async def lift_all(self, *, calm: bool = True) -> None:
        """Let everything be over, and nothing be injected any more. Who cancels this waits, too.

        Without calm nothing is probed or waited for: the run is lost anyway.
        """
        self._over = True
        change = asyncio.get_running_loop().create_task(self._lift_all(calm=calm))
        cancelled: asyncio.CancelledError | None = None
        while not change.done():
            try:
                await asyncio.shield(change)
            except asyncio.CancelledError as again:
                cancelled = again
            except Exception:
                break  # told below
        change.result()
        if cancelled is not None:
            raise cancelled

    async def _inject(self, entries: Sequence[Entry], moment: Callable[[], Moment] | None) -> None:
        async with self._lock:
            if self._over:
                return
            self._journal([*self.active, *(entry.fault for entry in entries)])
            when = {} if moment is None else {"when": asdict(moment())}
            self._note("inject", _told(entries) | when)
            self._active += entries
            self._all += entries
            await self._surface.apply(self.active)
            self._note("injected", _told(entries, await self._probe(entries)) | when)

    async def _lift(self, entries: Sequence[Entry]) -> None:
        async with self._lock:
            entries = [entry for entry in entries if entry in self._active]
            if not entries:
                return  # they were over already
            self._note("lift", _told(entries, await self._probe(entries)))
            left = [entry for entry in self._active if entry not in entries]
            await self._surface.apply([entry.fault for entry in left])
            self._active = left
            self._journal(self.active)
            self._note("lifted", _told(entries))

    async def _lift_all(self, *, calm: bool) -> None:
        async with self._lock:
            entries = tuple(self._active)
            seen = await self._looked(self._probe(entries)) if calm else None
            self._note("lift-all", _told(entries, seen))
            if calm:
                await self._looked(self._until_safe(entries))
            # Also when nothing is active: a change that failed may have done a part of its work.
            for last in (False,) * (TRIES - 1) + (True,):
                try:
                    await self._surface.apply(())
                    break
                except Exception as failure:
                    self._note("lift-failed", {"why": _why(failure)})
                    if last:
                        raise
                    await asyncio.sleep(_PAUSE_S)
            self._active = []
            self._journal(())
            self._note("lifted-all", _told(entries))

    async def _looked(self, look: Coroutine[Any, Any, _T]) -> _T | None:
        """A look that fails is no reason not to heal."""
        try:
            return await look
        except Exception as failure:
            self._note("probe-failed", {"why": _why(failure)})
            return None

    async def _until_safe(self, entries: Sequence[Entry]) -> None:
        lost = [entry.fault.node for entry in entries if isinstance(entry.fault, LosesADisk)]
        if lost and not await all_caught_up(self._surface, but=lost):
            self._note("late", {"why": "not all have caught up", "without": lost})

    async def _probe(self, entries: Sequence[Entry]) -> Mapping[int, str]:
        """In which words each is proven, or not."""
        seen = {}
        for entry in entries:
            others = [one.fault for one in self._active if one is not entry]
            entry.moot = masked(entry.fault, others)
            if entry.moot:
                seen[entry.number] = "masked by other faults"
                continue
            evidence = await self._surface.probe(entry.fault, self.active)
            entry.proven |= evidence.proven
            seen[entry.number] = ("" if evidence.proven else "not proven: ") + evidence.words
        return seen

    async def _undisturbed(self, work: Coroutine[Any, Any, _T]) -> _T:
        change = asyncio.get_running_loop().create_task(work)
        self._changes = [one for one in self._changes if not one.done()] + [change]
        change.add_done_callback(_heard)
        return await asyncio.shield(change)


def _told(entries: Sequence[Entry], seen: Mapping[int, str] | None = None) -> dict[str, Any]:
    """The value of a note about these."""
    faults = []
    for entry in entries:
        said: dict[str, Any] = {"id": entry.number, "fault": written(entry.fault)}
        if seen is not None and entry.number in seen:
            said |= {"moot": entry.moot, "evidence": seen[entry.number]}
        faults.append(said)
    by = list(dict.fromkeys((entry.by, entry.aim) for entry in entries))
    return {
        "nemesis": ", ".join(dict.fromkeys(nemesis for nemesis, _ in by)),
        "aim": ", ".join(dict.fromkeys(aim for _, aim in by)),
        "faults": faults,
    }


def _why(failure: BaseException) -> str:
    return f"{type(failure).__name__}: {failure}"


def _heard(change: asyncio.Task[Any]) -> None:
    """Whoever waited may have been cancelled meanwhile: the loop is not to complain of it."""
    if not change.cancelled():
        change.exception()
