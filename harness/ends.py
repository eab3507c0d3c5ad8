"""What does it mean that a node ended with this exit status?

Only the software itself gives its statuses a meaning: with 3 ours says that its data are corrupt,
and Apache's that it cannot get at them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

ROTTEN: Final = "a bit of its disk was flipped"
_STATUS: Final = re.compile(r"exit status (\d+):")


@dataclass(frozen=True, slots=True)
class Ends:
    """What one piece of software says by its exit statuses; all others say nothing."""

    wrong: frozenset[int] = frozenset()
    """It has found something broken in itself, which no fault explains."""
    disk: frozenset[int] = frozenset()
    """It cannot go on; that is right, if its disk fails."""
    data: frozenset[int] = frozenset()
    """It cannot make sense of what its disk holds; that is right, if a bit of it was flipped."""

    def tell_of_a_wrong(self, how: str) -> bool:
        """Whether this end does: "exit status 70: its last words"."""
        return _status(how) in self.wrong

    def may_be_for_a_disk(self, how: str) -> bool:
        """Whether one whose disk fails may end like this. In doubt, it may not."""
        return _status(how) in self.disk

    def may_be_for_a_bit(self, how: str) -> bool:
        """Whether one on whose disk a bit was flipped may end like this. In doubt, it may not."""
        return _status(how) in self.data

    def told(self, how: str, *, rotten: bool) -> str:
        """The same, but no wrong if a bit of its disk was flipped, if long ago, and that is why."""
        return f"{ROTTEN}: {how}" if rotten and self.may_be_for_a_bit(how) else how


def _status(how: str) -> int | None:
    found = _STATUS.match(how)
    return int(found[1]) if found else None


OURS: Final = Ends(wrong=frozenset({3, 70}), disk=frozenset({1}), data=frozenset({3}))
"""As `python -m target_node --help` tells them."""
APACHES: Final = Ends(wrong=frozenset({12}), disk=frozenset({1, 3, 10}), data=frozenset({1}))
"""As its `ExitCode` names them: a commit of what is not next (12); an unexpected error (1), a data
directory that cannot be reached (3), a snapshot that cannot be written (10).
"""
