"""If every value is put once at most, which order is the only one worth trying?

Then each answer tells whose value it saw. The call that put a value, the calls that saw it, and a
compare-and-set that replaced it form a chain that no other change can interrupt. One chain must
precede another if a call of the first returns before a call of the second begins; an order of
chains exists if and only if no two must precede each other (docs/search.md has the proof), and
sorting finds it. Refused calls are put in afterwards, as early as they fit; where one does not
fit, nothing is known, since another order of chains might have had room for it.

Crashed calls whose value nobody saw are left out, others took effect.
"""

from __future__ import annotations

from checker.search.part import Part
from checker.search.refute import ends_of, starts_of
from checker.search.space import OTHER, CellSpace

UNKNOWN = 0
LEGAL = 1
ILLEGAL = 2


class Unique:
    """What came out: an order of the part's calls, or calls that exclude each other, or neither."""

    def __init__(self, said: int) -> None:
        self.said = said
        self.order: list[int] = []
        self.conflict: list[int] = []


class _Chain:
    """Calls that stand together in this order, from `first_end` to `last_start` in the log."""

    def __init__(self, calls: list[int]) -> None:
        self.calls = calls
        self.first_end = -1
        self.ends_first = -1
        self.last_start = -1
        self.starts_last = -1


def by_unique_values(part: Part) -> Unique:
    """Judge a part of a single cell by its chains, if every value is put once at most."""
    space = part.space
    assert isinstance(space, CellSpace)
    needs, puts = space.needs, space.puts
    if not _is_plain(part):
        return Unique(UNKNOWN)
    maker: dict[int, int] = {}
    seers: dict[int, list[int]] = {}
    replacers: dict[int, list[int]] = {}
    for call, cls in enumerate(part.cls):
        put = puts[cls]
        if put >= 0 and put != OTHER:
            if put in maker or put == 0:
                return Unique(UNKNOWN)
            maker[put] = call
        if needs[cls] >= 0 and not part.crashed[call]:
            (seers if put < 0 else replacers).setdefault(needs[cls], []).append(call)
    if not _take_seen_crashes(part, maker, seers, replacers):
        return Unique(UNKNOWN)
    starts, ends = starts_of(part), ends_of(part)
    chains: list[_Chain] = []
    taken = 0
    roots = [-1]
    for call, cls in enumerate(part.cls):
        if puts[cls] >= 0 and needs[cls] < 0:
            seen = puts[cls] in seers or puts[cls] in replacers
            if not part.crashed[call] or (seen and puts[cls] != OTHER):
                roots.append(call)
    for root in roots:
        chain = _follow(part, root, seers, replacers, starts)
        if chain is None:
            return Unique(UNKNOWN)
        taken += len(chain.calls)
        bad = _measure(chain, starts, ends, root < 0)
        if bad:
            illegal = Unique(ILLEGAL)
            illegal.conflict = bad
            return illegal
        if chain.calls:
            chains.append(chain)
    wanted = sum([len(calls) for calls in seers.values()])
    wanted += sum([len(calls) for calls in replacers.values()]) + len(roots) - 1
    if taken != wanted:
        return Unique(UNKNOWN)  # somebody saw a value that no chain leads to
    return _arrange(part, chains, starts, ends)


def _is_plain(part: Part) -> bool:
    """Whether each call either lacks a value or needs or puts one: what fits both has two places."""
    space = part.space
    assert isinstance(space, CellSpace)
    needs, lacks, puts = space.needs, space.lacks, space.puts
    return all((lacks[cls] < 0) == (needs[cls] >= 0 or puts[cls] >= 0) for cls in set(part.cls))


def _take_seen_crashes(
    part: Part, maker: dict[int, int], seers: dict[int, list[int]], replacers: dict[int, list[int]]
) -> bool:
    """Count crashed calls that somebody saw among those that took effect."""
    space = part.space
    assert isinstance(space, CellSpace)
    todo = list(seers) + list(replacers)
    while todo:
        value = todo.pop()
        call = maker.get(value, -1)
        if call < 0:
            if value != 0:
                return False
            continue
        needed = space.needs[part.cls[call]]
        if part.crashed[call] and needed >= 0:
            others = replacers.setdefault(needed, [])
            if call not in others:
                others.append(call)
                todo.append(needed)
    return True


def _follow(
    part: Part,
    root: int,
    seers: dict[int, list[int]],
    replacers: dict[int, list[int]],
    starts: list[int],
) -> _Chain | None:
    """The chain that begins with this call, or with the initial value (-1)."""
    space = part.space
    assert isinstance(space, CellSpace)
    calls = [] if root < 0 else [root]
    value = 0 if root < 0 else space.puts[part.cls[root]]
    while value != OTHER:
        seen = seers.get(value)
        if seen is not None:
            calls += sorted(seen, key=starts.__getitem__)
        after = replacers.get(value)
        if after is None:
            break
        if len(after) > 1:
            return None
        calls.append(after[0])
        value = space.puts[part.cls[after[0]]]
    return _Chain(calls)


def _measure(chain: _Chain, starts: list[int], ends: list[int], initial: bool) -> list[int]:  # noqa: FBT001
    """Find the chain's extent; two calls that contradict its order, if there are such."""
    if initial:
        chain.first_end = -1
    else:
        chain.first_end = ends[chain.calls[0]]
        chain.ends_first = chain.calls[0]
    for call in chain.calls:
        if ends[call] < chain.last_start:
            return [chain.starts_last, call]
        if starts[call] > chain.last_start:
            chain.last_start = starts[call]
            chain.starts_last = call
        if ends[call] < chain.first_end:
            chain.first_end = ends[call]
            chain.ends_first = call
    return []


def _arrange(part: Part, chains: list[_Chain], starts: list[int], ends: list[int]) -> Unique:
    """Put the chains in order, and the refused calls in between."""

    def low(chain: _Chain) -> int:
        return min(chain.first_end, chain.last_start)

    chains.sort(key=low)
    order: list[int] = []
    latest: _Chain | None = None
    for chain in chains:
        if latest is not None and chain.first_end < latest.last_start:
            illegal = Unique(ILLEGAL)
            illegal.conflict = [
                call
                for call in (
                    latest.ends_first,
                    latest.starts_last,
                    chain.ends_first,
                    chain.starts_last,
                )
                if call >= 0
            ]
            return illegal
        if latest is None or chain.last_start > latest.last_start:
            latest = chain
        order += chain.calls
    return _put_in_refused(part, order)


def _put_in_refused(part: Part, order: list[int]) -> Unique:
    """Give each call that only lacks a value the first place that time and state allow."""
    space = part.space
    assert isinstance(space, CellSpace)
    lacks = space.lacks
    refused = [c for c, cls in enumerate(part.cls) if lacks[cls] >= 0 and not part.crashed[c]]
    legal = Unique(LEGAL)
    legal.order = order
    if not refused:
        return legal
    state = 0
    states = [0]  # states[p]: in front of place p
    until: dict[int, int] = {}  # where each value is gone for good
    for place, call in enumerate(order):
        put = space.puts[part.cls[call]]
        if put >= 0:
            until[state] = place + 1
            state = put
        states.append(state)
    first, last = _windows(part, order)
    before: dict[int, list[int]] = {}
    # Of the refused calls placed so far that have ended, the furthest place.
    ended = 0
    place_of: dict[int, int] = {}
    for code in part.log:
        call = code >> 1
        if call not in first:
            continue
        if code & 1:
            ended = max(ended, place_of[call])
            continue
        place = max(first[call], ended)
        lacked = lacks[part.cls[call]]
        if states[place] == lacked:
            place = until.get(lacked, len(order) + 1)
        if place > last[call]:
            return Unique(UNKNOWN)
        place_of[call] = place
        before.setdefault(place, []).append(call)
    woven: list[int] = []
    for place in range(len(order) + 1):
        woven += before.get(place, ())
        if place < len(order):
            woven.append(order[place])
    legal.order = woven
    return legal


def _windows(part: Part, order: list[int]) -> tuple[dict[int, int], dict[int, int]]:
    """Of each refused call: the first and the last place that real time leaves it."""
    space = part.space
    assert isinstance(space, CellSpace)
    place_of = [-1] * len(part.rows)
    for place, call in enumerate(order):
        place_of[call] = place
    first: dict[int, int] = {}
    furthest = 0
    for code in part.log:
        call = code >> 1
        if place_of[call] >= 0:
            if code & 1:
                furthest = max(furthest, place_of[call] + 1)
        elif not code & 1 and space.lacks[part.cls[call]] >= 0 and not part.crashed[call]:
            first[call] = furthest
    last: dict[int, int] = {}
    nearest = len(order)
    for code in reversed(part.log):
        call = code >> 1
        if place_of[call] >= 0:
            if not code & 1:
                nearest = min(nearest, place_of[call])
        elif code & 1 and call in first:
            last[call] = nearest
    return first, last
