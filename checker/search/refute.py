"""Is some answer impossible at sight, without any search?

For parts that are a single cell. A call that needs a value is impossible if nobody had begun to
put that value when it returned, or if every call that could have put it had ended before another
change began that ended before the call began: whatever came first, the value was overwritten.
Both hold in every order, so a refutation is proof; that none is found proves nothing.
"""

from __future__ import annotations

from checker.search.part import NEVER, Part
from checker.search.space import CellSpace


class Refutation:
    """A call that is impossible; `wall` is the change that came in between, or -1."""

    def __init__(self, call: int, value: int, wall: int) -> None:
        self.call = call
        self.value = value
        self.wall = wall


def refute(part: Part) -> Refutation | None:
    """The first call, by return, that is impossible at sight."""
    space = part.space
    assert isinstance(space, CellSpace)
    needs, puts = space.needs, space.puts
    ends = part.ends
    # Of every value: where the last ended of the calls begun so far that put it. The initial value
    # was put before all calls.
    last_end: dict[int, int] = {0: -1}
    wall_start, wall_call = -1, -1
    starts: list[int] = []  # by call
    walls: list[int] = []  # by call: the change that was last to begin of those ended before it
    for at, code in enumerate(part.log):
        call = code >> 1
        cls = part.cls[call]
        needed, put = needs[cls], puts[cls]
        if not code & 1:
            if put >= 0:
                last_end[put] = max(last_end.get(put, -1), ends[call])
            starts.append(at)
            walls.append(wall_call)
            continue
        if needed >= 0:
            wall = walls[call]
            start = starts[wall] if wall >= 0 else -1
            ended = last_end.get(needed, NEVER + 1)
            if needed == put and ended == at:
                continue  # it keeps up the value it needs; let the search decide
            if ended > NEVER:
                return Refutation(call, needed, -1)
            if ended < start:
                return Refutation(call, needed, wall)
        if put >= 0:
            start = starts[call]
            if start > wall_start:
                wall_start, wall_call = start, call
    return None
