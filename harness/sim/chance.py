"""What decides what nobody decides?

Rules of this file:
1. All chance is drawn here, from streams that each have a label: who takes one draw more changes
   nothing for the others.
2. The seed and the label decide a stream, in any process.
3. A draw of 0 means the least that can happen: smaller draws make a calmer run.
"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import blake2b
from random import Random  # noqa: TID251 (the one place: a generator that is seeded here)
from typing import TypeAlias

Draw: TypeAlias = Callable[[int], int]
"""A number from 0 on, below this one."""


class Chance:
    """All streams of one seed."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self._streams: dict[str, Draw] = {}

    def draw(self, label: str) -> Draw:
        """The stream of this label, which goes on where it was left."""
        if label not in self._streams:
            self._streams[label] = _stream(self.seed, label)
        return self._streams[label]


def _stream(seed: int, label: str) -> Draw:
    digest = blake2b(f"{seed}/{label}".encode(), digest_size=8).digest()
    # Not randrange: this is a fifth of its time, and no one is to guess our draws.
    fraction = Random(int.from_bytes(digest, "big")).random

    def draw(below: int) -> int:
        return int(fraction() * below)

    return draw
