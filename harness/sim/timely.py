"""How does chance stay the same where a run is the same, whatever it left out before?

What is drawn from one stream depends on how often it was drawn from: with one call less all
messages after it would have other delays. So each second of whatever draws has its own stream, and
a run with less in it meets the chance of the whole one again, a second later: that makes it easier
to find the least that fails.
"""

from __future__ import annotations

from harness.chance import Chance, Draw
from harness.sim.loop import SECOND, SimLoop


def by_the_second(loop: SimLoop, chance: Chance, label: str) -> Draw:
    """Draws from the stream of this label and of the second that it is."""
    now = loop.now_ns // SECOND
    current = chance.draw(f"{label}/{now}")

    def draw(below: int) -> int:
        nonlocal now, current
        if now != (second := loop.now_ns // SECOND):
            chance.over(f"{label}/{now}")
            now, current = second, chance.draw(f"{label}/{second}")
        return current(below)

    return draw
