"""What does a history of Jepsen's say that was turned into JSON?

Objects with the keys of Jepsen's op maps, one a line or all in one array. Keywords are strings
there, with or without their colon.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from checker.formats.event import Event, HistoryError
from checker.formats.foreign import Placed, made_event
from checker.formats.jepsen import PIECE, Progress, bare, txn


def is_array(path: Path) -> bool:
    """Whether this JSON file holds its events in one array, rather than one a line."""
    with path.open("rb") as file:
        while piece := file.read(PIECE):
            if piece := piece.lstrip(b" \t\r\n"):
                return piece[:1] == b"["
    return False


def json_events(path: Path, progress: Progress = None) -> Iterator[Placed]:
    """The events of a JSON history, each with its line."""
    if is_array(path):
        return _array(path)
    return _lines(path, progress)


def _lines(path: Path, progress: Progress) -> Iterator[Placed]:
    size = path.stat().st_size or 1
    done = 0
    decode = msgspec.json.Decoder().decode
    with path.open("rb") as file:
        for line, text in enumerate(file, 1):
            if not text.isspace():
                try:
                    op = decode(text)
                except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
                    raise HistoryError(str(path), line, f"this is no JSON ({error})") from None
                yield line, _json_event(str(path), line, op)
            done += len(text)
            if progress and not line % 1000:
                progress(done / size)


def _array(path: Path) -> Iterator[Placed]:
    text = path.read_bytes()
    try:
        pieces = msgspec.json.decode(text, type=list[msgspec.Raw])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        at = re.search(r"\(byte (\d+)\)", str(error))
        line = text.count(b"\n", 0, int(at[1]) if at else len(text)) + 1
        raise HistoryError(str(path), line, f"this is no JSON ({error})") from None
    line, seen = 1, 0
    for number, piece in enumerate(pieces):
        raw = bytes(piece)
        start = text.index(raw, seen)  # between two elements there are but a comma and blanks
        line += text.count(b"\n", seen, start)
        try:
            yield line, _json_event(str(path), line, msgspec.json.decode(raw))
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise HistoryError(str(path), line, f"event {number}: {error}") from None
        except HistoryError as error:
            raise HistoryError(str(path), line, f"event {number}: {error.cause}") from None
        line += raw.count(b"\n")
        seen = start + len(raw)


def _json_event(path: str, line: int, op: Any) -> Event:
    if not isinstance(op, dict):
        raise HistoryError(path, line, "an op is an object {…}")
    f, value, error = bare(op.get("f")), op.get("value"), op.get("error")
    if error is not None and not isinstance(error, str):
        error = msgspec.json.encode(error).decode()
    return made_event(
        path,
        line,
        process=bare(op.get("process")),
        kind=bare(op.get("type")),
        f=f,
        time=op.get("time"),
        value=txn(value) if f == "txn" else value,
        error=error,
    )
