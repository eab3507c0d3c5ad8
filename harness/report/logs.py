"""What did the nodes write down, and when was that by the clock of the run?

A node stamps its lines with the clock of its machine, which began somewhere; nothing says where.
But whoever was answered with a zxid was answered after that node had applied it, and what a call
has changed was applied after the call was made. So every answer bounds the difference of the two
clocks, and thousands of them leave little room. A wall clock would do worse: faults bend it.

Rules of this file: lines of single txns are most of a log, and are read only as far as they help
to find the difference.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from checker.history import History
from checker.model import Model
from checker.outcome import Ok, Refused
from harness.invariants.events import Event, Unreadable, parse

_OF_A_TXN: Final = (b'"proposed"', b'"durable"', b'"committed"', b'"applied"')
_EVERY: Final = 32
"""Of so many lines about txns one is read."""
_HEAD: Final = 96
"""Within so many bytes of a line its event is named."""
LOOSE_NS: Final = 1_000_000_000
"""If the bounds leave more room than this, or contradict each other by more, they say nothing."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """What applying a zxid cannot have come before, or after, by the clock of the run."""

    changed_ns: Mapping[int, int]
    """zxid -> when the call was made that changed something."""
    answered_ns: Mapping[tuple[str, int], int]
    """node, zxid -> when the first call was answered that this node told of it."""


@dataclass(frozen=True, slots=True)
class Log:
    """What one node wrote, by the clock of the run; `sure_ns` is how far off that may be."""

    node: str
    events: Sequence[tuple[int, Event]]
    sure_ns: int
    offsets: Sequence[tuple[int, int]]
    """How far its wall clock was ahead of where it had begun: time, milliseconds."""


def bounds_of(history: History, model: Model[Any, Any, Any]) -> Bounds:
    """What the answers say."""
    zxids, nodes = history.details.get("zxid"), history.details.get("node")
    changed: dict[int, int] = {}
    answered: dict[tuple[str, int], int] = {}
    if zxids is None or nodes is None or not history.has_times:
        return Bounds(changed, answered)
    changes = [
        isinstance(deed.outcome, Ok)
        and not isinstance(deed.outcome.result, Refused)
        and not model.observes_only(deed.call, deed.outcome.result)
        for deed in history.deeds
    ]
    ended = [isinstance(deed.outcome, Ok) for deed in history.deeds]
    for row, zxid in enumerate(zxids):
        deed = history.deed[row]
        if zxid is None or not ended[deed]:
            continue
        if changes[deed]:
            changed.setdefault(zxid, history.called[row])
        place = (nodes[row], zxid)
        answered[place] = min(answered.get(place, history.returned[row]), history.returned[row])
    return Bounds(changed, answered)


def logs_of(root: Path, sizes: Mapping[str, int], bounds: Bounds) -> Mapping[str, Log]:
    """By node; a log that cannot be read, or that no answer ties to the run, is left out."""
    found = {}
    for path in sorted((root / "nodes").glob("*/events.jsonl")):
        node = path.parent.name
        try:
            events = list(_few(path, sizes.get(str(path.relative_to(root)))))
        except (Unreadable, OSError, TypeError):
            continue
        log = _timed(node, events, bounds)
        if log is not None:
            found[node] = log
    return found


def _few(path: Path, size: int | None) -> Iterator[Event]:
    """The lines that are worth it, up to the moment at which all logs are cut."""
    with path.open("rb") as file:
        yield from parse(_worth(file, size), str(path))


def _worth(lines: Iterator[bytes], size: int | None) -> Iterator[bytes]:
    read = skipped = 0
    for line in lines:
        read += len(line)
        if size is not None and read > size:
            return
        head = line[:_HEAD]
        if any(name in head for name in _OF_A_TXN):
            if b'"applied"' not in head:
                continue
            skipped += 1
            if skipped % _EVERY:
                continue
        yield line


def _timed(node: str, events: Sequence[Event], bounds: Bounds) -> Log | None:
    earliest, latest = -(1 << 62), 1 << 62  # of the run's zero by the machine's clock
    for event in events:
        if event.name != "applied":
            continue
        zxid = event.facts.get("zxid", 0)
        if (made := bounds.changed_ns.get(zxid)) is not None:
            latest = min(latest, event.mono_ns - made)
        if (told := bounds.answered_ns.get((node, zxid))) is not None:
            earliest = max(earliest, event.mono_ns - told)
    room = latest - earliest
    if not -LOOSE_NS < room < LOOSE_NS:
        return None
    zero = (earliest + latest) // 2
    told_events = [(e.mono_ns - zero, e) for e in events if e.name != "applied"]
    return Log(node, told_events, abs(room) // 2 + 1, _offsets(events, zero))


def _offsets(events: Sequence[Event], zero: int) -> Sequence[tuple[int, int]]:
    """The moments between which the wall clock went on as the machine's other clock did."""
    found: list[tuple[int, int]] = []
    began: int | None = None
    last: tuple[int, int] | None = None
    for event in events:
        if not event.ms:
            continue
        ahead = event.ms - event.mono_ns // 1_000_000
        began = ahead if began is None else began
        now = (event.mono_ns - zero, ahead - began)
        if last is None or abs(now[1] - found[-1][1]) > STEP_MS:
            if last is not None and last != found[-1]:
                found.append(last)
            found.append(now)
        last = now
    if last is not None and found and last != found[-1]:
        found.append(last)
    return found


STEP_MS: Final = 5
"""Clocks are read one after the other, so less than this is no offset."""
