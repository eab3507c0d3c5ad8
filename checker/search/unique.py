"""If every value is put once at most, which order is the only one worth trying?

Then each answer tells whose value it saw. The call that put a value, the calls that saw it, and a
compare-and-set that replaced it form a chain that no other change can interrupt. One chain must
precede another if a call of the first returns before a call of the second begins; an order of
chains exists if and only if no two must precede each other (docs/search.md has the proof).

Refused calls need a moment at which the value they lack does not stand. So the chains are placed
as late as time allows, or as soon as a refused call that is about to return needs another value.
Where none can be placed then, nothing is known: other choices might have had one left.

Crashed calls whose value nobody saw are left out, others took effect.
"""

from __future__ import annotations

from heapq import heappop, heappush
from typing import Final

from checker.search.part import Part
from checker.search.space import OTHER, CellSpace

UNKNOWN: Final = 0
LEGAL: Final = 1
ILLEGAL: Final = 2


class Unique:
    """What came out: an order of the part's calls, or calls that exclude each other, or neither."""

    def __init__(self, said: int) -> None:
        self.said = said
        self.order: list[int] = []
        self.conflict: list[int] = []


class _Chain:
    """Calls that stand together in this order, from `first_end` to `last_start` in the log.

    If the last of them begins before the first ends, they take but a moment somewhere in between;
    else they hold the cell for all that time.
    """

    __slots__ = ("begun", "calls", "ends_first", "first_end", "last_start", "starts_last")

    def __init__(self, calls: list[int]) -> None:
        self.calls = calls
        self.first_end = -1
        self.ends_first = -1
        self.last_start = -1
        self.starts_last = -1
        self.begun = False


class _Sightings:
    """Who put each value, who saw it, and who replaced it."""

    def __init__(self) -> None:
        self.maker: dict[int, int] = {}
        self.seers: dict[int, list[int]] = {}
        self.replacer: dict[int, int] = {}


def by_unique_values(part: Part) -> Unique:
    """Judge a part of a single cell by its chains, if every value is put once at most."""
    sightings = _sightings(part) if _is_plain(part) else None
    if sightings is None or not _take_seen_crashes(part, sightings):
        return Unique(UNKNOWN)
    starts = [at for at, code in enumerate(part.log) if not code & 1]
    chains: list[_Chain] = []
    taken = 0
    roots = _roots(part, sightings)
    for root in roots:
        chain = _follow(part, root, sightings)
        taken += len(chain.calls)
        bad = _measure(chain, starts, part.ends, root)
        if bad:
            return _illegal(bad)
        if chain.calls:
            chains.append(chain)
    wanted = sum([len(calls) for calls in sightings.seers.values()])
    if taken != wanted + len(sightings.replacer) + len(roots) - 1:
        return Unique(UNKNOWN)  # somebody saw a value that no chain leads to
    bad = _contradiction(chains)
    if bad:
        return _illegal(bad)
    return _Weaving(part, chains, starts).woven()


def _is_plain(part: Part) -> bool:
    """Whether each call either lacks a value, or needs or puts one; doing both is no chain's."""
    space = part.space
    assert isinstance(space, CellSpace)
    needs, lacks, puts = space.needs, space.lacks, space.puts
    return all((lacks[cls] < 0) == (needs[cls] >= 0 or puts[cls] >= 0) for cls in set(part.cls))


def _illegal(conflict: list[int]) -> Unique:
    illegal = Unique(ILLEGAL)
    illegal.conflict = conflict
    return illegal


def _sightings(part: Part) -> _Sightings | None:
    """Who put and saw what; nothing if some value was put twice, or replaced twice."""
    space = part.space
    assert isinstance(space, CellSpace)
    needs, puts = space.needs, space.puts
    found = _Sightings()
    maker, seers, replacer = found.maker, found.seers, found.replacer
    for call, cls in enumerate(part.cls):
        put, needed = puts[cls], needs[cls]
        if put >= 0 and put != OTHER:
            if put in maker or put == 0:
                return None
            maker[put] = call
        if needed >= 0 and not part.crashed[call]:
            if put >= 0:
                if needed in replacer:
                    return None
                replacer[needed] = call
            else:
                seen = seers.get(needed)
                if seen is None:
                    seers[needed] = [call]
                else:
                    seen.append(call)
    return found


def _take_seen_crashes(part: Part, sightings: _Sightings) -> bool:
    """Count crashed calls that somebody saw among those that took effect."""
    space = part.space
    assert isinstance(space, CellSpace)
    replacer = sightings.replacer
    todo = list(sightings.seers) + list(replacer)
    while todo:
        value = todo.pop()
        call = sightings.maker.get(value, -1)
        if call < 0:
            if value != 0:
                return False
            continue
        needed = space.needs[part.cls[call]]
        if part.crashed[call] and needed >= 0 and replacer.get(needed, -1) != call:
            if needed in replacer:
                return False
            replacer[needed] = call
            todo.append(needed)
    return True


def _roots(part: Part, sightings: _Sightings) -> list[int]:
    """The calls that a chain begins with; -1 stands for the initial value."""
    space = part.space
    assert isinstance(space, CellSpace)
    roots = [-1]
    for call, cls in enumerate(part.cls):
        put = space.puts[cls]
        if put >= 0 and space.needs[cls] < 0:
            seen = put != OTHER and (put in sightings.seers or put in sightings.replacer)
            if seen or not part.crashed[call]:
                roots.append(call)
    return roots


def _follow(part: Part, root: int, sightings: _Sightings) -> _Chain:
    """The chain that begins with this call, or with the initial value (-1)."""
    space = part.space
    assert isinstance(space, CellSpace)
    calls = [] if root < 0 else [root]
    value = 0 if root < 0 else space.puts[part.cls[root]]
    while value != OTHER:
        seen = sightings.seers.get(value)
        if seen is not None:
            calls += seen  # in the order in which they began
        after = sightings.replacer.get(value, -1)
        if after < 0:
            break
        calls.append(after)
        value = space.puts[part.cls[after]]
    return _Chain(calls)


def _measure(chain: _Chain, starts: list[int], ends: list[int], root: int) -> list[int]:
    """Find the chain's extent; two calls that contradict its order, if there are such."""
    first_end, last_start = -1, -1
    if root >= 0:
        first_end = ends[root]
        chain.ends_first = root
    for call in chain.calls:
        start, end = starts[call], ends[call]
        if end < last_start:
            return [chain.starts_last, call]
        if start > last_start:
            last_start = start
            chain.starts_last = call
        if end < first_end:
            first_end = end
            chain.ends_first = call
    chain.first_end, chain.last_start = first_end, last_start
    return []


def _contradiction(chains: list[_Chain]) -> list[int]:
    """The calls by which two chains must precede each other, if there are such."""
    size = len(chains)
    lows = [min(chain.first_end, chain.last_start) * size + n for n, chain in enumerate(chains)]
    lows.sort()
    latest: _Chain | None = None
    for low in lows:
        chain = chains[low % size]
        if latest is not None and chain.first_end < latest.last_start:
            ends = [latest.ends_first, latest.starts_last, chain.ends_first, chain.starts_last]
            return [call for call in ends if call >= 0]
        if latest is None or chain.last_start > latest.last_start:
            latest = chain
    return []


class _Weaving:
    """Goes through the log and places chains and refused calls, each call while it is open."""

    def __init__(self, part: Part, chains: list[_Chain], starts: list[int]) -> None:
        self.part = part
        self.chains = chains
        self.starts = starts
        space = part.space
        assert isinstance(space, CellSpace)
        self.puts = space.puts
        self.lacks = space.lacks
        self.chain_of = [-1] * len(part.cls)
        self.order: list[int] = []
        self.state = 0
        self.waiting: list[int] = []  # refused calls, open since the value they lack stands
        self.current = _Chain([])
        self.placed = 0  # how many calls of the current chain
        self.ready: list[tuple[int, int]] = []  # chains that take but a moment: first_end, number
        self.opened: list[_Chain] = []  # chains whose first call has begun

    def woven(self) -> Unique:
        """The order that came out, if every refused call found its place."""
        for number, chain in enumerate(self.chains):
            for call in chain.calls:
                self.chain_of[call] = number
            if chain.first_end < 0 and not self._begin(chain, -1):
                return Unique(UNKNOWN)
        chain_of = self.chain_of
        for at, code in enumerate(self.part.log):
            number = chain_of[code >> 1]
            if not (self._link(number, at, code) if number >= 0 else self._refused(at, code)):
                return Unique(UNKNOWN)
        legal = Unique(LEGAL)
        legal.order = self.order
        return legal

    def _link(self, number: int, at: int, code: int) -> bool:
        """A call of a chain begins or ends; False if the chain must begin and cannot."""
        chain = self.chains[number]
        if chain.begun:
            self._go_on(at)
            return True
        if code & 1:
            return at != chain.first_end or self._begin(chain, at)
        if code >> 1 == chain.calls[0]:
            self.opened.append(chain)
        if at == chain.last_start:
            heappush(self.ready, (chain.first_end, number))
        return True

    def _refused(self, at: int, code: int) -> bool:
        """A refused call begins or ends; False if there was no moment for it.

        Or it is a crashed call that is left out.
        """
        call = code >> 1
        if code & 1:
            return call not in self.waiting or self._make_way(at)
        lacked = self.lacks[self.part.cls[call]]
        if lacked < 0 or self.part.crashed[call]:
            return True
        if lacked != self.state:
            self.order.append(call)
        else:
            self.waiting.append(call)
        return True

    def _begin(self, chain: _Chain, at: int) -> bool:
        """Place what has begun of this chain; False while another one holds the cell."""
        if self.placed < len(self.current.calls):
            return False
        ready = self.ready
        while ready and ready[0][0] < chain.last_start:
            # It ends while this chain holds the cell, so it must be placed before.
            other = self.chains[heappop(ready)[1]]
            if not other.begun:
                self._place(other, at)
        self._place(chain, at)
        return True

    def _place(self, chain: _Chain, at: int) -> None:
        chain.begun = True
        self.current = chain
        self.placed = 0
        self._go_on(at)

    def _go_on(self, at: int) -> None:
        """Place the next calls of the current chain, as far as they have begun."""
        calls, starts = self.current.calls, self.starts
        placed = self.placed
        while placed < len(calls) and starts[calls[placed]] <= at:
            call = calls[placed]
            placed += 1
            self.order.append(call)
            put = self.puts[self.part.cls[call]]
            if put >= 0:
                self.state = put
                if self.waiting:
                    self.order += self.waiting
                    self.waiting.clear()
        self.placed = placed

    def _make_way(self, at: int) -> bool:
        """Let another chain begin: the one with least time left of those that take but a moment.

        If there is none, one that takes longer may begin before it must.
        """
        if self.placed < len(self.current.calls):
            return False
        while self.ready:
            chain = self.chains[heappop(self.ready)[1]]
            if not chain.begun:
                return self._begin(chain, at)
        self.opened = [chain for chain in self.opened if not chain.begun]
        for chain in self.opened:
            if self._is_free(at, chain):
                return self._begin(chain, at)
        return False

    def _is_free(self, at: int, wanted: _Chain) -> bool:
        """Whether no other chain needs the cell while this one would hold it from here on."""
        for code in self.part.log[at + 1 : wanted.last_start]:
            number = self.chain_of[code >> 1]
            if code & 1 and number >= 0:
                chain = self.chains[number]
                if not chain.begun and chain is not wanted and chain.last_start > at:
                    return False
        return True
