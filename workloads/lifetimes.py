"""Did sessions live as long as they must and no longer, and did all happen in their order?

overtaken     a read was answered with less than the session had written before it
both          two writes that expected one version were both done, or neither
went back     at another server the session did not find what it had written
obeyed        what came over a connection that the session had left was done
lost          the session's own node was not there, though the session lived
outlives      a session's node is there at a zxid at which the session had been closed
too early     a session's node was gone, though its server answered the session all the time

Too early is said only of a session that was answered steadily, with no gap of more than a fifth of
its timeout, for four fifths of it and up to a fifth before. Each answer had come by way of the
leader: so what the leader knew last of the session was no older than three gaps, by which time it
had two fifths of its timeout left. Once the rate of any clock was changed timeouts mean little, and
it is said of nobody.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from checker.history import History
from checker.outcome import Failed, Ok
from workloads.lives import LOST, Begin, Go, Leave, Look, Put, Twice, late_name_of, name_of
from workloads.workload import Finding, Wrong, finding

MS: Final = 1_000_000
NEVER: Final = 1 << 63


@dataclass(slots=True)
class _Life:
    """What is known of one session, up to some row."""

    session: int
    timeout: int  # ns
    row: int  # of its beginning
    made: int  # at this zxid
    value: int = 0
    ghosts: set[int] = field(default_factory=set)
    leaves: int = NEVER  # when it asked to be closed
    left: int = NEVER  # at this zxid
    left_row: int = -1
    answers: list[tuple[int, int]] = field(default_factory=list)  # (called, returned)


def lifetimes(history: History) -> Finding:
    """All of the above."""
    lives: dict[int, _Life] = {}
    looks: list[int] = []
    wrongs: list[Wrong] = []
    nothing = [None] * len(history)
    sessions = history.details.get("session", nothing)
    zxids = history.details.get("zxid", nothing)
    mzxids = history.details.get("mzxid", nothing)
    for row, at in enumerate(history.deed):
        call, outcome = history.deeds[at]
        life = lives.get(sessions[row])
        times = history.called[row], history.returned[row]
        if isinstance(call, Leave) and life is not None and not isinstance(outcome, Failed):
            life.leaves = times[0]
        if not isinstance(outcome, Ok):
            continue
        result = outcome.result
        if isinstance(call, Begin) and isinstance(result, int):
            life = _Life(sessions[row], result * MS, row, mzxids[row] or 0)
            lives[sessions[row]] = life
        if isinstance(call, Look) and isinstance(result, tuple):
            looks.append(row)
        if life is None:
            continue
        if isinstance(call, Go):
            life.answers.clear()  # from here on it is heard by another server
        life.answers.append(times)
        if isinstance(call, Leave):
            life.left, life.left_row = zxids[row] or NEVER, row
        wrongs += [
            Wrong(kind, f"session {life.session:#x}: {words}", (life.row, row))
            for kind, words in _own(life, call, result)
        ]
    rates = _first_change_of_rates(history)
    ordered = list(lives.values())
    for row in looks:
        wrongs += _seen(history, row, zxids[row], ordered, lives.get(sessions[row]), rates)
    wrongs.sort(key=lambda one: one.rows[-1])
    figures = {
        "sessions": len(lives),
        "closed": sum(one.left < NEVER for one in ordered),
        "moves": sum(
            isinstance(history.deeds[deed].call, Go) and isinstance(history.deeds[deed].outcome, Ok)
            for deed in history.deed
        ),
        "looks": len(looks),
    }
    return finding("lifetimes", len(history), wrongs, figures=figures)


def _own(life: _Life, call: Any, result: Any) -> Iterator[tuple[str, str]]:
    """What is wrong with an answer about the session's own node; and what it holds from now on."""
    if result == LOST:
        yield "lost", "its node was gone, though it lived"
        return
    match call, result:
        case Put(value), int(read):
            life.value = value
            yield from _read(life, read, "overtaken", "without waiting for the answer")
        case Twice(value), (first, second, read):
            if (first, second) != (True, False):
                told = "both were done" if first else "the first was not done"
                yield "both", f"of two writes that expected one version, {told}"
                life.value = read
                return
            life.value = value
            yield from _read(life, read, "overtaken", "without waiting for the answer")
        case Go(value), (before, after):
            yield from _read(life, before, "went back", "at another server")
            life.value = value
            life.ghosts.add(value + 1)
            yield from _read(life, after, "went back", "behind a sync")
        case _:
            pass


def _read(life: _Life, read: int, kind: str, how: str) -> Iterator[tuple[str, str]]:
    if read in life.ghosts:
        yield "obeyed", f"{read} came over a connection that it had left, and was written"
    elif read != life.value:
        yield kind, f"it read {read} {how}, and had written {life.value}"


def _seen(
    history: History,
    row: int,
    zxid: int | None,
    lives: list[_Life],
    own: _Life | None,
    rates: int,
) -> Iterator[Wrong]:
    """What is wrong with a look: who is there, and who is not."""
    outcome: Any = history.deeds[history.deed[row]].outcome
    there = frozenset(outcome.result)
    called, returned = history.called[row], history.returned[row]
    for life in lives:
        name = name_of(life.session)
        if zxid is not None and life.left <= zxid:
            for left in (name, late_name_of(life.session)):
                if left in there:
                    told = f"{left} is there at {zxid:#x}, though its session was closed at "
                    told += f"{life.left:#x}"
                    yield Wrong("outlives", told, (life.row, life.left_row, row))
        if name in there or history.called[life.row] >= called:
            continue
        if life is own and life.row < row and called < life.leaves:
            yield Wrong("lost", f"session {life.session:#x} does not see its own node", (row,))
            continue
        if zxid is None or zxid < life.made or returned >= min(life.leaves, rates):
            continue
        if (last := _steady_until(life, returned)) is not None:
            told = f"session {life.session:#x} is gone, and was answered steadily until "
            told += f"{(returned - last) / 1e9:.1f} s before"
            yield Wrong("too early", told, (life.row, row))


def _steady_until(life: _Life, now: int) -> int | None:
    """The beginning of its last call, if it was answered as steadily as the rule asks."""
    gap = life.timeout // 5
    last = next_begins = -1
    for called, returned in reversed(life.answers):
        if called > now:
            continue
        if last < 0:
            if now - called > gap:
                return None
            last = called
        elif next_begins - returned > gap:
            return None
        if returned - called > gap:
            return None
        if last - called >= 4 * gap:
            return last
        next_begins = called
    return None


def _first_change_of_rates(history: History) -> int:
    """From when on clocks may have been fast or slow."""
    for note in history.notes:
        if note.process == "nemesis" and note.f == "inject" and _changes_a_rate(note.value):
            return note.time_ns
    return NEVER


def _changes_a_rate(value: Any) -> bool:
    faults = value.get("faults", ()) if isinstance(value, dict) else ()
    return any(one.get("fault", {}).get("rate", 1.0) != 1.0 for one in faults)
