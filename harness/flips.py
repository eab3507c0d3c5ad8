"""Which bit of what a node has on its disk is to be wrong?

Rules of this file:
1. Only logs and snapshots: an epoch file has no checksum, here as in ZooKeeper, so that nobody
   could tell that it is not as it was.
2. Only what was written: the zeros behind it are space that was allocated ahead.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

_HISTORY: Final = re.compile(r"(log|snapshot)\.([0-9a-f]+)")


@dataclass(frozen=True, slots=True)
class Flip:
    """In this file, at this byte, which is another one now."""

    name: str
    byte: int
    now: int

    def __str__(self) -> str:
        return f"byte {self.byte} of {self.name} is 0x{self.now:02x}"


def newest_first(names: Iterable[str]) -> Sequence[str]:
    """The logs and snapshots among these. A log goes on behind the zxid that it is named after."""
    found = [
        (int(number, 16), kind == "log", f"{kind}.{number}")
        for kind, number in (one.groups() for one in map(_HISTORY.fullmatch, names) if one)
    ]
    return [name for _, _, name in sorted(found, reverse=True)]


def chosen(names: Iterable[str], file: int) -> str | None:
    """The newest but so many of the logs and snapshots; none, if there are none."""
    history = newest_first(names)
    return history[file % len(history)] if history else None


def written(data: bytes) -> int:
    """How many of a file's bytes were."""
    return len(data.rstrip(b"\0"))


def place(size: int, back: int) -> tuple[int, int]:
    """Which byte of so many, and which bit of it has the others before it: 1, 2, 4 …"""
    bit = back % (8 * size)
    return size - 1 - bit // 8, 1 << bit % 8


def flip_of(data: bytes, name: str, back: int) -> Flip | None:
    """What such a fault makes of this file; nothing, if nothing is written in it."""
    size = written(data)
    if not size:
        return None
    byte, bit = place(size, back)
    return Flip(name, byte, data[byte] ^ bit)
