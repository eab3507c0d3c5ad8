"""How is something kept that takes hours, so that a crash costs the last piece of it at most?

Rules of this file:
1. Notes are lines of JSON, each on the disk when it is said to be; one that a crash tore was never
   said, and whoever goes on begins a new line behind it.
2. What is written as a whole is there as a whole or not at all.
3. A folder is held by one process, and its death lets go of it.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any


class Busy(Exception):
    """Somebody else is at it."""


@contextmanager
def held(file: Path) -> Iterator[None]:
    """While this lasts, nobody else can be at what this file stands for; `Busy` if somebody is."""
    with file.open("rb") as opened:
        try:
            fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Busy(str(file.parent)) from None
        yield


def note(file: Path, said: Any) -> None:
    """One line more. It is on the disk on return."""
    with file.open("a+b") as lines:
        lines.seek(max(0, lines.tell() - 1))
        torn = lines.read() not in (b"", b"\n")
        lines.write(b"\n" * torn + json.dumps(said).encode() + b"\n")
        lines.flush()
        os.fsync(lines.fileno())


def notes(file: Path) -> Sequence[Any]:
    """All that was noted, in order."""
    try:
        lines = file.read_bytes().split(b"\n")[:-1]
    except FileNotFoundError:
        return ()
    found = []
    for line in lines:
        try:
            found.append(json.loads(line))
        except ValueError:
            continue  # torn by a crash
    return found


def write(target: Path, data: bytes | str) -> None:
    """In one step."""
    unfinished = target.with_name(f".{target.name}")
    unfinished.write_bytes(data.encode() if isinstance(data, str) else data)
    unfinished.replace(target)
