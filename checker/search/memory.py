"""Which configurations at a return are worth keeping?"""

from __future__ import annotations

from checker.search.configuration import Configuration
from checker.search.layers import Layer
from checker.search.moves import Moves


class Memory:
    """The configurations met at one layer, without those that another makes superfluous.

    One makes another superfluous if it stands in the same state and whatever the other can still
    do, it can do too: it has placed the same changers, at least the same observers, has used no
    more crashed calls, and each overwriter is as it is in the other, or spare.
    """

    __slots__ = ("buckets", "dominance", "only", "size")

    def __init__(self, dominance: bool) -> None:  # noqa: FBT001
        self.only: Configuration | None = None  # the first; buckets come with the second
        self.buckets: dict[tuple[int, int], list[Configuration]] | None = None
        self.dominance = dominance
        self.size = 0

    def all(self) -> list[Configuration]:
        """Those that are remembered."""
        if self.buckets is None:
            return [] if self.only is None else [self.only]
        return [c for bucket in self.buckets.values() for c in bucket]

    def add(self, c: Configuration, layer: Layer, moves: Moves) -> bool:
        """Whether `c` is news here; then it is remembered, and what it makes superfluous is not."""
        buckets = self.buckets
        if buckets is None:
            only = self.only
            if only is None:
                self.only = c
                self.size = 1
                return True
            buckets = {(only.state, only.changed): [only]}
            self.buckets = buckets
        bucket = buckets.get((c.state, c.changed))
        if bucket is None:
            buckets[c.state, c.changed] = [c]
            self.size += 1
            return True
        moves.compared += len(bucket)
        field = moves.field
        # In every field of a packed count the highest bit, which no count reaches.
        borrow = ((1 << (len(layer.crashed) * field)) // ((1 << field) - 1)) << (field - 1)
        for other in bucket:
            if self._covers(other, c, borrow):
                return False
        if self.dominance:
            kept: list[Configuration] = []
            for other in bucket:
                if self._covers(c, other, borrow):
                    other.superfluous = True
                else:
                    kept.append(other)
            if len(kept) < len(bucket):
                self.size -= len(bucket) - len(kept)
                bucket[:] = kept
        bucket.append(c)
        self.size += 1
        return True

    def _covers(self, c: Configuration, other: Configuration, borrow: int) -> bool:
        if not self.dominance:
            return (
                c.seen == other.seen
                and c.placed == other.placed
                and c.spare == other.spare
                and c.used == other.used
            )
        if other.seen & ~c.seen or other.spare & ~c.spare:
            return False
        if (c.placed ^ other.placed) & ~c.spare:
            return False
        # Where a field of `c` is the larger one, the difference borrows the bit above it.
        return c.used == other.used or ((other.used | borrow) - c.used) & borrow == borrow
