"""How are millions of zxids remembered in little memory?

Zxids of an epoch are consecutive, and so are what a node does with them: sets of them are a few
runs, and what was said of each stands in pages, eight bytes a zxid.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from typing import Final

_PAGE_BITS: Final = 10
_PAGE: Final = 1 << _PAGE_BITS
_EMPTY: Final = bytes(8 * _PAGE)
_MARK_BITS: Final = 55  # beside the node's eight, and one that says that there is a mark
_MARKS: Final = (1 << _MARK_BITS) - 1


class Marks:
    """Of each zxid the mark that it was given first, and by whom (sids are below 256)."""

    __slots__ = ("_pages",)

    def __init__(self) -> None:
        self._pages: dict[int, array[int]] = {}

    def other(self, zxid: int, node: int, mark: int) -> int | None:
        """Who gave it another mark; this one's is kept if it is the first."""
        page = self._pages.get(zxid >> _PAGE_BITS)
        if page is None:
            page = self._pages[zxid >> _PAGE_BITS] = array("Q", _EMPTY)
        place = zxid & (_PAGE - 1)
        kept = page[place]
        mark &= _MARKS
        if not kept:
            page[place] = mark << 9 | (node & 0xFF) << 1 | 1
            return None
        return None if kept >> 9 == mark else kept >> 1 & 0xFF

    def differs(self, zxid: int, mark: int) -> int | None:
        """Who gave it another mark, if anybody gave it one."""
        page = self._pages.get(zxid >> _PAGE_BITS)
        kept = page[zxid & (_PAGE - 1)] if page is not None else 0
        return kept >> 1 & 0xFF if kept and kept >> 9 != mark & _MARKS else None


class Runs:
    """A set of zxids."""

    __slots__ = ("_firsts", "_lasts")

    def __init__(self) -> None:
        self._firsts: list[int] = []
        self._lasts: list[int] = []

    def __iter__(self) -> Iterator[tuple[int, int]]:
        """The first and the last of each run, in order."""
        return zip(self._firsts, self._lasts, strict=True)

    def __contains__(self, zxid: int) -> bool:
        place = bisect_right(self._firsts, zxid) - 1
        return place >= 0 and zxid <= self._lasts[place]

    @property
    def last(self) -> int | None:
        """The greatest."""
        return self._lasts[-1] if self._lasts else None

    def add(self, first: int, last: int | None = None) -> None:
        """These and all between."""
        last = first if last is None else last
        if self._lasts and first == self._lasts[-1] + 1:
            self._lasts[-1] = last
            return
        low = bisect_left(self._lasts, first - 1)
        high = bisect_right(self._firsts, last + 1)
        if low < high:
            first = min(first, self._firsts[low])
            last = max(last, self._lasts[high - 1])
        self._firsts[low:high] = [first]
        self._lasts[low:high] = [last]

    def update(self, other: Runs) -> None:
        """Those of the other too."""
        for first, last in other:
            self.add(first, last)

    def cut(self, zxid: int) -> Runs:
        """None greater is left; what was taken away."""
        gone = Runs()
        while self._lasts and self._lasts[-1] > zxid:
            first, last = self._firsts.pop(), self._lasts.pop()
            gone.add(max(first, zxid + 1), last)
            if first <= zxid:
                self.add(first, zxid)
        return gone

    def missing_in(self, other: Runs) -> int | None:
        """The first of ours that the other lacks."""
        for first, last in self:
            while first <= last:
                place = bisect_right(other._firsts, first) - 1
                if place < 0 or other._lasts[place] < first:
                    return first
                first = other._lasts[place] + 1
        return None

    def common_with(self, other: Runs) -> int | None:
        """The first that both have."""
        for first, last in self:
            if first in other:
                return first
            place = bisect_left(other._firsts, first)
            if place < len(other._firsts) and other._firsts[place] <= last:
                return other._firsts[place]
        return None
