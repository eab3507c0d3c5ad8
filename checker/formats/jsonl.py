"""The store's own format: one event a line, readable after any crash.

Reading decodes a chunk of lines at a time, so a file never exists twice in memory. A last line
without its line end that is no JSON was torn by a crash: it is left out, and the history says so.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from heapq import merge
from pathlib import Path
from typing import Any, Final, TextIO

import msgspec

from checker.formats.event import DetailedEvent, Event, HistoryError, Truth
from checker.formats.pairing import AUTO, Pairing
from checker.history import ABSENT_NS, DETAILS, History, Op
from checker.model import Model
from checker.outcome import Failed, Ok, Refused, Unknown

CHUNK: Final = 1 << 16
_PLAIN: Final = msgspec.json.Decoder(Event)
_DETAILED: Final = msgspec.json.Decoder(DetailedEvent)


def read(
    path: Path,
    model: Model[Any, Any, Any],
    failed: str = AUTO,
    progress: Callable[[float], None] | None = None,
) -> History:
    """The history in this file; HistoryError says what is wrong with it."""
    pairing = Pairing(model, str(path), failed, own=True)
    size = path.stat().st_size or 1
    line, done = 1, 0
    decoder: msgspec.json.Decoder[Any] = _PLAIN
    for chunk in _chunks(path):
        events = _decode(chunk, decoder)
        if events is None and decoder is _PLAIN:
            decoder = _DETAILED
            events = _decode(chunk, decoder)
        if events is None:
            events = _line_by_line(chunk, decoder, pairing, line)
        try:
            pairing.feed(events, line, detailed=decoder is _DETAILED)
        except (OverflowError, RecursionError):
            raise HistoryError(str(path), *_too_big(events, line)) from None
        line += len(events)
        done += len(chunk)
        if progress:
            progress(done / size)
    return pairing.finish()


def _chunks(path: Path) -> Iterator[bytes]:
    """The file's bytes, cut at line ends; the last piece may lack its own."""
    rest = b""
    with path.open("rb") as file:
        while block := file.read(CHUNK):
            cut = block.rfind(b"\n") + 1
            if cut:
                yield rest + block[:cut]
                rest = block[cut:]
            else:
                rest += block
    if rest:
        yield rest


def _decode(chunk: bytes, decoder: msgspec.json.Decoder[Any]) -> list[Any] | None:
    """The events of a chunk, or None if some line is not as the decoder expects."""
    try:
        events: list[Any] = decoder.decode_lines(chunk)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    lines = chunk.count(b"\n") + (not chunk.endswith(b"\n"))
    return events if len(events) == lines else None  # it passes over empty lines


def _line_by_line(
    chunk: bytes, decoder: msgspec.json.Decoder[Any], pairing: Pairing, first: int
) -> list[Any]:
    """The events of a chunk that holds a bad line: raise for it, unless a crash tore it."""
    events = []
    lines = chunk.split(b"\n")
    for number, text in enumerate(lines, first):
        if not text.strip():
            if number - first < len(lines) - 1:
                raise HistoryError(pairing.path, number, "the line is empty")
            continue
        try:
            events.append(decoder.decode(text))
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            is_last = number - first == len(lines) - 1
            if is_last and not isinstance(error, msgspec.ValidationError):
                pairing.history.warnings.append(
                    f"{pairing.path}:{number}: the last line is torn and was left out; "
                    "the run that wrote it ended in the middle of a write"
                )
                continue
            raise HistoryError(pairing.path, number, _cause(error, text)) from None
    return events


def _cause(error: Exception, text: bytes) -> str:
    """What is wrong with a line, in words of the format and not of the decoder."""
    said = str(error)
    if not isinstance(error, msgspec.ValidationError):
        return f"this is no JSON ({said})"
    if match := re.search(r"Invalid enum value '(.*)'", said):
        return f"unknown type {match[1]!r}; it is one of invoke, ok, fail, info"
    if match := re.search(r"missing required field `(\w+)`", said):
        return f"the event has no {match[1]}"
    if match := re.search(r"Expected `(.*)`, got `(.*)` - at `\$\.(\w+)`", said):
        return f"{match[3]} is {match[2]}, expected {match[1]}"
    return f"this is no event ({said})"


def _too_big(events: list[Any], first: int) -> tuple[int, str]:
    """The line of what no column holds, and what it is."""
    for line, event in enumerate(events, first):
        for name in ("process", "time_ns"):
            number = getattr(event, name)
            if type(number) is int and not -(1 << 63) <= number < 1 << 63:
                return line, f"{name} {number} does not fit in 64 bits"
    return first, "a value here or below is nested too deeply"


class Writer:
    """Appends events to a file, each flushed as it happens, so that a crash tears at most one."""

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._index = 0
        self._encode = msgspec.json.Encoder().encode

    @property
    def written(self) -> int:
        """How many events."""
        return self._index

    def event(self, **fields: Any) -> None:
        """Write one event; its index is given here."""
        told = {"index": self._index, **fields}
        for name in ("key", "value"):
            if name in told:
                told[name] = json_value(told[name])
        self._file.write(self._encode(told).decode() + "\n")
        self._file.flush()
        self._index += 1


def json_value(value: Any) -> Any:
    """A value of a history as JSON knows it."""
    match value:
        case Truth():
            return value is Truth.TRUE
        case list() | tuple():
            return [json_value(item) for item in value]
        case frozenset():
            return [json_value(item) for item in sorted(value, key=repr)]
        case dict():
            return {str(key): json_value(inner) for key, inner in value.items()}
        case _:
            return value


def write(path: Path, history: History, model: Model[Any, Any, Any]) -> None:
    """Write the history to this file, as `read` reads it."""
    with path.open("w", encoding="utf-8") as file:
        writer = Writer(file)
        for fields in told(history, model):
            writer.event(**fields)


def told(history: History, model: Model[Any, Any, Any]) -> Iterator[dict[str, Any]]:
    """The fields of every event, notes among them, in order of time."""
    calls = (
        completion(op, model) if moment & 1 else invocation(op, model)
        for moment, op in in_time(history)
    )
    notes = (
        {"time_ns": n.time_ns, "process": n.process, "type": n.type, "f": n.f, "value": n.value}
        for n in history.notes
    )
    return merge(notes, calls, key=lambda fields: int(fields["time_ns"]))


def in_time(history: History) -> Iterator[tuple[int, Op[Any, Any]]]:
    """Every event of the history in order of time; returns of `Unknown` calls among them.

    A call that failed at no known time failed at once: without an end it might have an effect.
    """
    called, returned = history.called, history.returned[:]
    endless: list[int] = []
    for row, deed in enumerate(history.deed):
        outcome = history.deeds[deed].outcome
        if isinstance(outcome, Failed) and returned[row] == ABSENT_NS:
            returned[row] = called[row]
            endless.append(2 * row + 1)
        elif isinstance(outcome, Unknown) and returned[row] != ABSENT_NS:
            endless.append(2 * row + 1)
    # At equal times by row: a process's return must stand before its next call.
    moments = sorted(
        [*history.moments, *endless],
        key=lambda m: (returned[m >> 1] if m & 1 else called[m >> 1], m),
    )
    for moment in moments:
        yield moment, history[moment >> 1]


def invocation(op: Op[Any, Any], model: Model[Any, Any, Any]) -> dict[str, Any]:
    """The fields of the event that begins this call."""
    f, value = model.write_call(op.call)
    return _fields(op, op.called_ns, "invoke", f, value)


def completion(op: Op[Any, Any], model: Model[Any, Any, Any]) -> dict[str, Any]:
    """The fields of the event that ends this call."""
    f, value = model.write_call(op.call)
    ended = op.called_ns if op.returned_ns is None else op.returned_ns
    fields = _fields(op, ended, "fail", f, value)
    match op.outcome:
        case Ok(Refused(code)):
            fields["error"] = code
        case Ok(result):
            fields |= {"type": "ok", "value": model.write_result(op.call, result)}
        case Failed(reason):
            fields["error"] = reason
        case Unknown(reason):
            fields |= {"type": "info", "error": reason}
    told = {name: getattr(op, name) for name in DETAILS}
    return fields | {name: value for name, value in told.items() if value is not None}


def _fields(op: Op[Any, Any], time_ns: int, kind: str, f: str, value: Any) -> dict[str, Any]:
    fields = {"time_ns": time_ns, "process": op.process, "type": kind, "f": f, "value": value}
    if op.key is not None:
        fields["key"] = op.key
    if op.session is not None:
        fields["session"] = op.session
    return fields
