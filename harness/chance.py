"""What decides what nobody decides, and how is it repeated?

Rules of this file:
1. All chance of a run is drawn here, from streams that each have a label: who takes one draw more
   changes nothing for the others.
2. Seed and label decide a stream, in any process and any version of Python.
3. What was drawn is kept, as a tape. A run that is given a tape draws what stands on it; behind its
   end it goes on as the seed says, or, if it is to be calm, with the least draw there is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from hashlib import blake2b
from random import Random  # noqa: TID251 (the source of chance: everybody else takes a draw)
from typing import TypeAlias

Draw: TypeAlias = Callable[[int], int]
"""A number from 0 on, below this one."""
Tape: TypeAlias = Mapping[str, Sequence[int]]
"""What was drawn from each stream, by its label."""


class Chance:
    """All streams of one run."""

    def __init__(self, seed: int, replays: Tape | None = None, *, calm: bool = False) -> None:
        self.seed = seed
        self._replays = replays or {}
        self._calm = calm
        self._streams: dict[str, Draw] = {}
        self._drawn: dict[str, list[int]] = {}

    def draw(self, label: str) -> Draw:
        """The stream of this label, which goes on where it was left."""
        if label not in self._streams:
            drawn = self._drawn[label] = []
            self._streams[label] = self._stream(label, self._replays.get(label, ()), drawn)
        return self._streams[label]

    @property
    def tape(self) -> Tape:
        """All that was drawn so far."""
        return self._drawn

    def _stream(self, label: str, replayed: Sequence[int], drawn: list[int]) -> Draw:
        digest = blake2b(f"{self.seed}/{label}".encode(), digest_size=8).digest()
        # Of all methods only this one's numbers are promised to stay the same.
        fraction = Random(int.from_bytes(digest, "big")).random
        calm, keep = self._calm, drawn.append

        def draw(below: int) -> int:
            place = len(drawn)
            if place < len(replayed):
                number = min(replayed[place], below - 1)
            else:
                number = 0 if calm else int(fraction() * below)
            keep(number)
            return number

        return draw
