"""Which histories is a checker measured on, and how are they made?

A history is drawn in three passes: when each call begins, takes effect and ends; then, in the order
of the effects, what each call answers; then the events, in order of time. Since every answer comes
from one register at an instant inside its call, the history is linearizable by construction. A
corrupted one has a single late read whose answer was certainly overwritten before the read began,
so it is not.

A crashed call ends as `info`. Half of the crashed calls never take effect; of the others, half do
so long after the client has given up.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from heapq import heapify, heapreplace
from pathlib import Path
from typing import Any, Final

import msgspec

PACE: Final = 0.3
"""Calls take effect, and then return, after exponential delays of this rate; clients pause for
less than one unit of time between calls, so nearly all clients have a call open at all times."""
LATE: Final = 30
"""How many times later than usual the effect of a crashed call may come."""
NEVER: Final = float("inf")


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """What to draw a history from; the same recipe gives the same history, byte for byte."""

    calls: int = 1000
    processes: int = 10
    values: int = 5
    seed: int = 1
    crash: float = 0.0
    cas: float = 0.3
    reads: float = 0.4
    keys: int = 1
    unique: bool = False
    corrupt: bool = False


ROWS: Final[dict[str, Recipe]] = {
    "r1k": Recipe(calls=1_000),
    "r10k": Recipe(calls=10_000),
    "r100k": Recipe(calls=100_000),
    "r1M": Recipe(calls=1_000_000),
    "k100": Recipe(calls=100_000, keys=100),
    "k1000": Recipe(calls=100_000, keys=1_000),
    "uniq100k": Recipe(calls=100_000, unique=True),
    "crash3k": Recipe(calls=3_000, crash=0.1),
    "crash10k": Recipe(calls=10_000, crash=0.1),
    "c1p100k": Recipe(calls=100_000, crash=0.01),
    "crash20k": Recipe(calls=20_000, crash=0.1),
    "bad1k": Recipe(calls=1_000, values=20, corrupt=True),
    "p100": Recipe(calls=3_000, processes=100),
    "bad-p15": Recipe(calls=3_000, processes=15, values=20, corrupt=True),
    "bad-p30": Recipe(calls=3_000, processes=30, values=30, corrupt=True),
    # Hard in other ways: every crashed write may be the one that is seen; hardly anything may
    # vanish; so many calls are open at once that no bit set of them fits a machine word.
    "ucrash20k": Recipe(calls=20_000, crash=0.1, unique=True),
    "hot-cas": Recipe(calls=20_000, cas=0.9, reads=0.05, values=3),
    "p1000": Recipe(calls=5_000, processes=1_000),
}


class NothingToSpoil(Exception):
    """No read can be made stale for sure: the values recur too often."""


@dataclass(slots=True)
class Drawn:
    """One call: when it happens, what it asks, and in the end what it answers."""

    process: int
    key: int
    f: str
    value: Any
    began: float
    effect: float  # NEVER, if it has none
    ended: float
    crashed: bool
    refused: bool = False
    answer: Any = field(default=None)

    @property
    def puts(self) -> Any:
        """The value that the register holds once the call has had its way; None for reads."""
        return self.value[1] if self.f == "cas" else self.value


def draw(recipe: Recipe) -> list[Drawn]:
    """The calls of a history, in the order in which they begin."""
    dice = random.Random(recipe.seed)
    calls = _schedule(recipe, dice)
    _answer(recipe, dice, calls)
    if recipe.corrupt:
        _spoil(calls, dice)
    return calls


def _schedule(recipe: Recipe, dice: random.Random) -> list[Drawn]:
    """When each call begins, takes effect and ends. A process that crashes is replaced."""
    idle = [(dice.random(), process) for process in range(recipe.processes)]
    heapify(idle)
    newcomer = recipe.processes
    calls = []
    for _ in range(recipe.calls):
        began, process = idle[0]
        effect = began + dice.expovariate(PACE)
        ended = effect + dice.expovariate(PACE)
        crashed = dice.random() < recipe.crash
        successor = process
        if crashed:
            successor, newcomer = newcomer, newcomer + 1
            fate = dice.randrange(4)
            if fate < 2:
                effect = NEVER
            elif fate == 2:
                effect = began + LATE * (effect - began)
        key = dice.randrange(recipe.keys)
        calls.append(Drawn(process, key, "", None, began, effect, ended, crashed))
        heapreplace(idle, (ended + dice.random(), successor))
    return calls


def _answer(recipe: Recipe, dice: random.Random, calls: list[Drawn]) -> None:
    """What each call asks when it begins, and is told when it takes effect."""
    cells: list[int | None] = [None] * recipe.keys
    moments = [(call.began, 0, number) for number, call in enumerate(calls)]
    moments += [(call.effect, 1, n) for n, call in enumerate(calls) if call.effect < NEVER]
    moments.sort()
    newest = 0
    for _, is_effect, number in moments:
        call = calls[number]
        if is_effect:
            _take_effect(call, cells)
            continue
        kind = dice.random()
        if kind < recipe.reads:
            call.f = "read"
            continue
        newest += 1
        new = newest if recipe.unique else dice.randrange(recipe.values)
        if kind < recipe.reads + recipe.cas:
            old = cells[call.key] if recipe.unique else dice.randrange(recipe.values)
            call.f, call.value = "cas", [old, new]
        else:
            call.f, call.value = "write", new


def _take_effect(call: Drawn, cells: list[int | None]) -> None:
    held = cells[call.key]
    if call.f == "read":
        call.answer = held
        return
    call.answer = call.value
    if call.f == "cas" and held != call.value[0]:
        call.refused = True
    else:
        cells[call.key] = call.puts


def _spoil(calls: list[Drawn], dice: random.Random) -> None:
    """Let one late read answer with a value that was surely overwritten before it began."""
    horizon = calls[len(calls) * 4 // 5].began
    late = [c for c in calls if c.f == "read" and not c.crashed and c.began >= horizon]
    dice.shuffle(late)
    for read in late:
        stale = _stale_for(read, calls)
        if stale is not None:
            read.answer = stale
            return
    raise NothingToSpoil("no read can be made stale for sure; ask for more values")


def _stale_for(read: Drawn, calls: list[Drawn]) -> int | None:
    """The value that was the last to go, of those that were gone for sure before this read."""
    rivals = [c for c in calls if c.key == read.key and c.f != "read" and not c.refused]
    # Once a write has begun and ended in the time before the read, what had ended before that
    # write is gone; a value that some call may put later than that can still be there.
    gone_before = max(
        (c.began for c in rivals if c.f == "write" and not c.crashed and c.ended < read.began),
        default=0.0,
    )
    put_until: dict[int, float] = {}
    for call in rivals:
        if call.began < read.ended:
            ended = NEVER if call.crashed else call.ended
            put_until[call.puts] = max(ended, put_until.get(call.puts, 0.0))
    gone = [(ended, value) for value, ended in put_until.items() if ended < gone_before]
    return max(gone)[1] if gone else None


def events(calls: list[Drawn]) -> Iterator[dict[str, Any]]:
    """The events of these calls, in order of time; no two have the same time."""
    moments = [(call.began, 0, number) for number, call in enumerate(calls)]
    moments += [(call.ended, 1, number) for number, call in enumerate(calls)]
    moments.sort()
    time_ns = -1
    for index, (at, is_end, number) in enumerate(moments):
        call = calls[number]
        time_ns = max(time_ns + 1, int(at * 1e6))
        kind, value = "invoke", call.value
        if is_end and call.crashed:
            kind = "info"
        elif is_end:
            kind, value = "fail" if call.refused else "ok", call.answer
        event = {
            "index": index,
            "time_ns": time_ns,
            "process": call.process,
            "type": kind,
            "f": call.f,
            "key": f"r{call.key}",
            "value": value,
        }
        if kind == "fail":
            event["error"] = "mismatch"
        yield event


def write(path: Path, recipe: Recipe) -> None:
    """Write the history of this recipe, one event a line."""
    encode = msgspec.json.Encoder().encode
    with path.open("wb") as file:
        for event in events(draw(recipe)):
            file.write(encode(event) + b"\n")


def main() -> None:
    """Write one history: a row by name, or one drawn from options."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.histories", description=__doc__)
    parser.add_argument("file", type=Path, help="where to write it")
    parser.add_argument("--row", choices=ROWS, help="a row of the benchmark, instead of options")
    for option in fields(Recipe):
        name = f"--{option.name}"
        if isinstance(option.default, bool):
            parser.add_argument(name, action="store_true")
        else:
            parser.add_argument(name, type=type(option.default), default=option.default)
    told = vars(parser.parse_args())
    path, row = told.pop("file"), told.pop("row")
    try:
        write(path, ROWS[row] if row else Recipe(**told))
    except NothingToSpoil as error:
        parser.error(str(error))


if __name__ == "__main__":
    main()
