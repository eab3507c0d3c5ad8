"""How do the events of another tool's file become a history?

Such events stand on any lines, have any times or none, and are checked here as `msgspec` checks
those of our own format.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final, TypeAlias

from checker.formats.event import KINDS, Event, HistoryError
from checker.formats.pairing import Pairing
from checker.history import History
from checker.model import Model

Placed: TypeAlias = tuple[int, Event]  # the line an event begins on, and the event

_BATCH: Final = 1 << 12
_WIDEST: Final = 1 << 63
_KINDS: Final = {kind: kind for kind in KINDS}


def made_event(
    path: str, line: int, *, process: Any, kind: Any, f: Any, time: Any, value: Any, error: Any
) -> Event:
    """The event with these fields; HistoryError if one of them is missing or makes no sense."""
    if type(process) is not int and not isinstance(process, str):
        raise HistoryError(path, line, _bad("process", process, "a whole number or a name"))
    if kind is None:
        raise HistoryError(path, line, "the event has no type")
    if not isinstance(kind, str) or kind not in _KINDS:
        raise HistoryError(path, line, f"unknown type {kind!r}; it is one of {', '.join(KINDS)}")
    if type(process) is not int:
        f = "" if f is None else str(f)
    elif not isinstance(f, str):
        raise HistoryError(path, line, _bad("f", f, "a name"))
    elif not -_WIDEST <= process < _WIDEST:
        raise HistoryError(path, line, f"process {process} does not fit in 64 bits")
    if time is not None and type(time) is not int:
        if not isinstance(time, float) or not time.is_integer():
            raise HistoryError(path, line, _bad("time", time, "a whole number of nanoseconds"))
        time = int(time)
    if time is not None and not -_WIDEST < time < _WIDEST:
        raise HistoryError(path, line, f"time {time} does not fit in 64 bits")
    return Event(process, _KINDS[kind], f, time, None, value, error)


def _bad(name: str, value: Any, expected: str) -> str:
    if value is None:
        return f"the event has no {name}"
    return f"{name} is {value!r}, expected {expected}"


def pair(
    events: Iterable[Placed],
    model: Model[Any, Any, Any],
    path: str,
    failed: str,
    *,
    numbered: bool = False,
) -> History:
    """The history of these events; with `numbered`, a complaint also says which event it is."""
    pairing = Pairing(model, path, failed, own=False)
    fed = 0
    for lines, batch in _batches(events):
        on_time = not pairing.went_back
        try:
            # The lines leave gaps, so events are fed under their numbers: nth event, nth line.
            pairing.feed(batch, fed + 1, detailed=False)
        except HistoryError as error:
            cause = f"event {error.line - 1}: {error.cause}" if numbered else error.cause
            raise HistoryError(path, lines[error.line - fed - 1], cause) from None
        if on_time and pairing.went_back:
            pairing.went_back = lines[pairing.went_back - fed - 1]
        fed += len(batch)
    return pairing.finish()


def _batches(events: Iterable[Placed]) -> Iterator[tuple[list[int], list[Any]]]:
    lines: list[int] = []
    batch: list[Event] = []
    for line, event in events:
        lines.append(line)
        batch.append(event)
        if len(batch) == _BATCH:
            yield lines, batch
            lines, batch = [], []
    if batch:
        yield lines, batch
