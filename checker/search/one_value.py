"""Is the part illegal already to somebody who can tell one value from all others, and no more?

Blur the cell: it holds the value, or it holds another. Every legal order stays legal under the
blur, since each call needs, lacks and puts no more than before. So what is illegal when blurred is
illegal. There are two states and a handful of classes left, however many values, clients and
crashed calls there are, and a search through them is quick; that it finds an order proves nothing.
"""

from __future__ import annotations

from checker.search.configuration import Configuration
from checker.search.layers import Layer
from checker.search.part import Part
from checker.search.space import CellSpace

INITIAL = 0


def blurred(part: Part, value: int) -> Part:
    """The part as it looks to somebody who knows only this value; its calls keep their numbers."""
    sharp = part.space
    assert isinstance(sharp, CellSpace)
    space = CellSpace("the value" if value == INITIAL else "another")
    same = INITIAL if value == INITIAL else space.number("the value")
    other = space.number("another") if value == INITIAL else INITIAL
    classes: list[int] = []
    for cls in range(len(sharp.kind)):
        needs, lacks, puts = sharp.needs[cls], sharp.lacks[cls], sharp.puts[cls]
        if needs >= 0:
            needs = same if needs == value else other
        if puts >= 0:
            puts = same if puts == value else other
        classes.append(space.cls(needs, same if lacks == value else -1, puts))
    seen = Part(part.key)
    seen.rows, seen.deeds, seen.crashed = part.rows, part.deeds, part.crashed
    seen.log, seen.ends, seen.returns = part.log, part.ends, part.returns
    seen.cls = [classes[cls] for cls in part.cls]
    seen.space = space
    return seen


def suspects(part: Part, layer: Layer, stuck: list[Configuration]) -> list[int]:
    """Which values to look at, given where a search is stuck: those that open calls wait for."""
    space = part.space
    assert isinstance(space, CellSpace)
    found: list[int] = []
    waiting = [layer.own, *layer.observers, *layer.changers]
    for call in waiting:
        for value in (space.needs[call.cls], space.lacks[call.cls]):
            if value >= 0 and value not in found:
                found.append(value)
    for c in stuck:
        if c.state not in found:
            found.append(c.state)
    return found
