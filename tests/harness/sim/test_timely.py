"""Is the chance of a second the same, whatever was drawn in those before it?"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from harness.chance import Chance
from harness.sim.loop import SimLoop, run
from harness.sim.timely import by_the_second


def drawn(counts: Sequence[int], chance: Chance) -> list[list[int]]:
    """So many draws in each second, and what came of them."""

    async def draws() -> list[list[int]]:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, SimLoop)
        draw = by_the_second(loop, chance, "it")
        told = []
        for count in counts:
            told.append([draw(1000) for _ in range(count)])
            await asyncio.sleep(1)
        return told

    return run(draws())


def test_a_second_has_its_own_chance() -> None:
    many, few = drawn((5, 40, 3, 6), Chance(1)), drawn((5, 0, 7, 6), Chance(1))
    assert many[0] == few[0]
    assert many[2] == few[2][:3]
    assert many[3] == few[3]
    assert len({*map(tuple, (many[0], many[1][:5], many[3][:5]))}) == 3


def test_all_that_was_drawn_is_on_the_tape() -> None:
    for keeps in (True, False):
        chance = Chance(1, keeps=keeps)
        first = drawn((2, 3), chance)
        assert drawn((2, 3), Chance(1, chance.tape, calm=True, keeps=keeps)) == first
        counts = {k: v if isinstance(v, int) else len(v) for k, v in chance.tape.items()}
        assert {label: count for label, count in counts.items() if count} == {"it/0": 2, "it/1": 3}
