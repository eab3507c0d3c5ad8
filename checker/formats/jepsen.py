"""What does a history that Jepsen wrote say?

Op maps in EDN, one a line or all in one vector. A keyword used as a value is `":name"` here, so
that it differs from the string and can be written back as a keyword.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final, TypeAlias

from checker.formats import edn
from checker.formats.edn import Char, Keyword, Map, Symbol, Tagged
from checker.formats.edn_reader import EdnError, Reader
from checker.formats.event import Event, HistoryError, Truth
from checker.formats.foreign import Placed, made_event
from checker.formats.keyed import KeyedValue

Progress: TypeAlias = Callable[[float], None] | None

PIECE: Final = 1 << 16
_PROCESS, _TYPE, _F, _VALUE, _TIME, _ERROR = (
    Keyword(name) for name in ("process", "type", "f", "value", "time", "error")
)
_STEPS: Final = {"r": "r", "read": "r", "w": "w", "write": "w"}


def edn_ops(path: Path, progress: Progress = None) -> Iterator[tuple[int, Map]]:
    """The op maps of an EDN history, each with its line."""
    for line, op in _edn_values(path, progress):
        if isinstance(op, Tagged):  # a record
            op = op.value
        if not isinstance(op, Map):
            raise HistoryError(str(path), line, f"an op is a map, not {edn.write(op)[:60]}")
        yield line, op


def _edn_values(path: Path, progress: Progress) -> Iterator[tuple[int, Any]]:
    reader = Reader(unwrap=True)
    size = path.stat().st_size or 1
    done = 0
    try:
        with path.open(encoding="utf-8-sig") as file:
            while piece := file.read(PIECE):
                yield from reader.feed(piece)
                done += len(piece)
                if progress:
                    progress(min(1.0, done / size))
        yield from reader.finish()
    except EdnError as error:
        raise HistoryError(str(path), error.line, error.cause) from None
    except UnicodeDecodeError:
        raise HistoryError(str(path), reader.line, "the text behind here is no UTF-8") from None


def edn_events(path: Path, progress: Progress = None) -> Iterator[Placed]:
    """The events of an EDN history, each with its line."""
    for line, op in edn_ops(path, progress):
        yield line, edn_event(str(path), line, op)


def edn_event(path: str, line: int, op: Map) -> Event:
    """The event that this op map tells of."""
    f = name(op.get(_F))
    value = plain(op.get(_VALUE))
    return made_event(
        path,
        line,
        process=name(op.get(_PROCESS)),
        kind=name(op.get(_TYPE)),
        f=f,
        time=op.get(_TIME),
        value=txn(value) if f == "txn" else value,
        error=reason(op.get(_ERROR)),
    )


def name(value: Any) -> Any:
    """A keyword's name; anything else as it is."""
    return value.name if isinstance(value, Keyword) else value


def plain(value: Any) -> Any:
    """An EDN value as a value of a history."""
    match value:
        case None | int() | str() | Truth():
            return value
        case Keyword():
            return f":{value.name}"
        case tuple():
            return tuple([plain(item) for item in value])
        case frozenset():
            return frozenset(plain(item) for item in value)
        case dict():
            return Map((plain(k), plain(v)) for k, v in value.items())
        case Tagged(tag, pair) if tag.endswith("independent.Tuple"):
            inner = list(pair.values()) if isinstance(pair, dict) else pair
            return KeyedValue(plain(tuple(inner))) if isinstance(inner, tuple | list) else inner
        case Tagged(tag, inner):
            return (f"#{tag}", plain(inner))
        case Symbol(text):
            return f"'{text}"
        case Char(text):
            return f"\\{text}"
        case _:
            return value


def reason(error: Any) -> str | None:
    """An `:error` in words."""
    match error:
        case None:
            return None
        case Keyword() | str():
            return str(name(error))
        case tuple():
            return " ".join(reason(item) or "nil" for item in error)
        case _:
            return edn.write(error)


def txn(value: Any) -> Any:
    """A transaction's steps, perhaps behind a key, with bare names for what and where."""
    if not isinstance(value, tuple | list):
        return value
    if len(value) == 2 and not _is_step(value[0]):
        pair = (value[0], txn(value[1]))
        return KeyedValue(pair) if isinstance(value, KeyedValue) else pair
    return tuple([_step(step) if _is_step(step) else step for step in value])


def _is_step(value: Any) -> bool:
    return (
        isinstance(value, tuple | list)
        and len(value) == 3
        and (isinstance(value[0], str) and bare(value[0]) in _STEPS)
    )


def _step(step: Any) -> tuple[str, Any, Any]:
    what, key, value = step
    return (_STEPS[bare(what)], bare(key), value)


def bare(value: Any) -> Any:
    """A name without the colon of a keyword; anything else as it is."""
    return value[1:] if isinstance(value, str) and value[:1] == ":" else value
