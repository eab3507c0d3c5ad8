"""What decides what nobody decides, and how is it repeated?

Rules of this file:
1. All chance of a run is drawn here, from streams that each have a label: who takes one draw more
   changes nothing for the others.
2. Seed and label decide a stream, in any process and any version of Python.
3. What was drawn is kept, as a tape. A run that is given a tape draws what stands on it; behind its
   end it goes on as the seed says, or, if it is to be calm, with the least draw there is.
4. A simulation draws by the million, so it keeps only how often each stream was drawn from: what
   the seed says need not be written down twice.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from hashlib import blake2b
from random import Random  # noqa: TID251 (the source of chance: everybody else takes a draw)
from typing import Final, TypeAlias

Draw: TypeAlias = Callable[[int], int]
"""A number from 0 on, below this one."""
Tape: TypeAlias = Mapping[str, Sequence[int] | int]
"""What was drawn from each stream, by its label; or only how often, where the seed says what."""
_NOTHING: Final[Sequence[int]] = ()


class Chance:
    """All streams of one run. Without `keeps` the tape has numbers only where they were given."""

    def __init__(
        self, seed: int, replays: Tape | None = None, *, calm: bool = False, keeps: bool = True
    ) -> None:
        self.seed = seed
        self._replays = replays or {}
        self._calm = calm
        self._keeps = keeps
        self._streams: dict[str, Draw] = {}
        self._drawn: dict[str, list[int]] = {}
        self._counts: dict[str, list[int]] = {}

    def draw(self, label: str) -> Draw:
        """The stream of this label, which goes on where it was left."""
        if label not in self._streams:
            given = self._replays.get(label, _NOTHING)
            if self._keeps or (not isinstance(given, int) and given):
                self._streams[label] = self._kept(label, given)
            else:
                self._streams[label] = self._counted(label, given)
        return self._streams[label]

    def over(self, label: str) -> None:
        """Nobody will draw from this stream again: only what was drawn is kept."""
        self._streams.pop(label, None)

    @property
    def tape(self) -> Tape:
        """All that was drawn so far."""
        if self._keeps:
            return self._drawn
        # In the order of labels: which stream was begun first is of no interest.
        return {
            label: self._drawn[label] if label in self._drawn else self._counts[label][0]
            for label in sorted({**self._drawn, **self._counts})
        }

    def _kept(self, label: str, given: Sequence[int] | int) -> Draw:
        fraction = self._fraction(label)
        drawn = self._drawn[label] = []
        replayed, seeded = (_NOTHING, given) if isinstance(given, int) else (given, 0)
        calm, keep = self._calm, drawn.append

        def draw(below: int) -> int:
            place = len(drawn)
            if place < len(replayed):
                number = min(replayed[place], below - 1)
            else:
                number = 0 if calm and place >= seeded else int(fraction() * below)
            keep(number)
            return number

        return draw

    def _counted(self, label: str, given: Sequence[int] | int) -> Draw:
        fraction = self._fraction(label)
        # How often it was drawn from, but for the zeros of a calm one.
        counted = self._counts[label] = [0]
        most = given if isinstance(given, int) else 0

        def draw(below: int) -> int:
            counted[0] += 1
            return int(fraction() * below)

        def draw_calmly(below: int) -> int:
            if counted[0] >= most:
                return 0
            counted[0] += 1
            return int(fraction() * below)

        return draw_calmly if self._calm else draw

    def _fraction(self, label: str) -> Callable[[], float]:
        digest = blake2b(f"{self.seed}/{label}".encode(), digest_size=8).digest()
        # Of all methods only this one's numbers are promised to stay the same.
        return Random(int.from_bytes(digest, "big")).random
