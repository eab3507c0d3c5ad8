"""How far was each node's wall clock off, and who says so?

Where the clock of a whole machine was set, the node's own log shows it. A node that bends its time
by itself writes down the machine's; then what was set is all that is known.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, TypeAlias

from harness.report.faults import Held
from harness.report.logs import Log
from nemesis.fault import ClockSkew

Line: TypeAlias = Sequence[tuple[int, int]]
"""Moments of the run, in ns, and milliseconds ahead; straight in between."""
SEEN_MS: Final = 50
"""What is less may be the machine's own clock being corrected."""


def clocks_of(
    logs: Mapping[str, Log], held: Sequence[Held], end_ns: int
) -> tuple[Mapping[str, Line], str]:
    """A line for each node whose clock was touched, and by whose word; none, if none was."""
    nodes = sorted({one.fault.node for one in held if isinstance(one.fault, ClockSkew)})
    seen = {node: logs[node].offsets for node in nodes if node in logs}
    if any(abs(ms) > SEEN_MS for line in seen.values() for _, ms in line):
        return seen, "by each node’s own log"
    return {node: _set(node, held, end_ns) for node in nodes}, "as they were set"


def _set(node: str, held: Sequence[Held], end_ns: int) -> Line:
    """Offsets end with their faults. What a rate has gained or lost stays."""
    line: list[tuple[int, int]] = [(0, 0)]
    gained = 0.0
    for one in held:
        if not isinstance(one.fault, ClockSkew) or one.fault.node != node:
            continue
        until = end_ns if one.until_ns is None else one.until_ns
        line += [(one.from_ns, round(gained)), (one.from_ns, round(gained) + one.fault.offset_ms)]
        gained += (one.fault.rate - 1) * (until - one.from_ns) / 1e6
        line += [(until, round(gained) + one.fault.offset_ms), (until, round(gained))]
    return [*line, (end_ns, round(gained))]
