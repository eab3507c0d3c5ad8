"""What do the bundled nemeses do, and how long?

The times suit an ensemble that misses a peer after some two seconds and elects within one: shorter
faults often pass unnoticed, which is a case of its own and comes up as well.

Rules of this file:
1. Draws of 0 are the calmest run: nothing is done, after the longest wait; and what is done is
   the mildest and the shortest.
2. A plan asks for nothing but chance and the names of the nodes: it never waits and has no end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Final

from nemesis.fault import (
    BrokenDisk,
    ClientLink,
    ClockSkew,
    Crash,
    Fault,
    FlippedBit,
    FullDisk,
    Node,
    Packets,
    Partition,
    Pause,
    PowerLoss,
    Slow,
    SlowDisk,
    Wipe,
)
from nemesis.plan import Aim, AtNodes, OverLinks, Plan, Step, Unawares
from nemesis.surface import Draw, Surface

_QUIET_ONE_IN: Final = 64
"""Steps in which nothing happens: rare, but what a run can be made calmer with."""

WAIT_S: Final = (1.0, 5.0)
HOLD_S: Final = (1.0, 8.0)
NEWEST_FILES: Final = 4  # logs and snapshots, in which bits flip
FARTHEST_BIT: Final = 20  # its power of two, in front of the end: as far as short runs write
_SLOWED: Final = ("isolate-one", "isolate-leader", "one-way", "random-halves")


def between(low: float, high: float, draw: Draw) -> float:
    """In tenths of a second; the lowest if the draw is 0."""
    return low + draw(round((high - low) * 10) + 1) / 10


def steps(choose: Callable[[Draw], Aim], *, hold_s: tuple[float, float] = HOLD_S) -> Plan:
    """Again and again something that is chosen by chance."""

    def plan(surface: Surface, draw: Draw) -> Iterator[Step]:
        while True:
            wait_s, quiet = _wait(draw), _quiet(draw)
            yield Step(wait_s, None if quiet else choose(draw), between(*hold_s, draw))

    return plan


def one_of(aims: Sequence[Aim]) -> Callable[[Draw], Aim]:
    """Any of these; the mildest comes first."""
    return lambda draw: aims[draw(len(aims))]


def at(fault: Callable[[Node], Fault], *aims: str) -> Callable[[Draw], Aim]:
    """This fault, wherever one of these aims leads."""
    return one_of([AtNodes(aim, fault) for aim in aims])


def flapping(surface: Surface, draw: Draw) -> Iterator[Step]:
    """The same links come and go, faster than anybody can make sure of anything."""
    shapes = ("isolate-one", "random-halves", "isolate-leader", "one-way")
    while True:
        wait_s, quiet = _wait(draw), _quiet(draw)
        aim = None if quiet else OverLinks(shapes[draw(len(shapes))], Partition)
        times = 2 + draw(6)
        yield Step(wait_s, aim, between(0.1, 2, draw), times, between(0.1, 2, draw))


def bump(draw: Draw) -> Aim:
    """Wall time jumps by 10 ms up to minutes, either way."""
    offset_ms = int(10 * 2 ** between(0, 14, draw)) * (-1 if draw(2) else 1)
    return AtNodes(_whose(draw), partial(ClockSkew, offset_ms=offset_ms))


def rate(draw: Draw) -> Aim:
    """All time of a node goes faster or slower, timers too."""
    rates = (1.1, 0.9, 1.5, 0.5, 3.0, 0.2, 10.0)
    return AtNodes(_whose(draw), partial(ClockSkew, rate=rates[draw(len(rates))]))


def strobe(surface: Surface, draw: Draw) -> Iterator[Step]:
    """Wall time jumps to and fro."""
    while True:
        wait_s, aim = _wait(draw), None if _quiet(draw) else bump(draw)
        period_s = between(0.1, 1, draw)
        yield Step(wait_s, aim, period_s, 3 + draw(8), period_s)


def clock(surface: Surface, draw: Draw) -> Iterator[Step]:
    """Each of the ways in which a clock can be wrong, one after the other."""
    kinds = [steps(bump)(surface, draw), steps(rate)(surface, draw), strobe(surface, draw)]
    while True:
        for kind in kinds:
            yield next(kind)


def depose(draw: Draw) -> Aim:
    """A leader that goes on as if nothing had happened, while the others elect another.

    It is cut off, and its time goes too slowly for it to notice.
    """
    slowly = partial(ClockSkew, rate=(0.5, 0.2, 0.1)[draw(3)])
    return Unawares(slowly)


def slow(draw: Draw) -> Aim:
    """Links that are late, lose pieces, or are narrow."""
    kinds: Sequence[Callable[[], Callable[..., Fault]]] = (
        lambda: partial(Slow, delay_ms=10 * 2 ** draw(8), jitter_ms=10 * draw(20)),
        lambda: partial(Slow, loss=(5 + 5 * draw(9)) / 100),
        lambda: partial(Slow, bytes_per_s=1 << (18 - draw(8))),
    )
    shape = _SLOWED[draw(len(_SLOWED))]
    return OverLinks(shape, kinds[draw(len(kinds))]())


def slow_disk(draw: Draw) -> Aim:
    """Syncs that take from 10 ms to over a second longer."""
    return AtNodes(_whose(draw), partial(SlowDisk, sync_ms=10 * 2 ** draw(8)))


def broken_disk(draw: Draw) -> Aim:
    """Syncs that fail, or writes too."""
    return AtNodes(_whose(draw), partial(BrokenDisk, writes=bool(draw(2))))


def full_disk(draw: Draw) -> Aim:
    """No room for anything."""
    return AtNodes(_whose(draw), FullDisk)


def flipped_bit(draw: Draw) -> Aim:
    """A bit of one of the newest files, the nearer to its end the likelier: there is the news."""
    file, back = draw(NEWEST_FILES), draw(2 ** draw(FARTHEST_BIT + 1))
    return AtNodes(
        ("follower", "one", "leader")[draw(3)], partial(FlippedBit, file=file, back=back)
    )


def power_loss(draw: Draw) -> Aim:
    """Machines stop, and forget what was not synced, or a part of that."""
    aim = ("follower", "one", "leader", "minority", "majority", "all")[draw(6)]
    return AtNodes(aim, partial(PowerLoss, torn=bool(draw(2))))


def disk(surface: Surface, draw: Draw) -> Iterator[Step]:
    """Each of the ways in which disks fail that this cluster can do, one after the other."""
    kinds = [steps(one)(surface, draw) for one in (slow_disk, full_disk, broken_disk)]
    if PowerLoss in surface.supports:
        kinds.append(steps(power_loss)(surface, draw))
    while True:
        for kind in kinds:
            yield next(kind)


def packets(draw: Draw) -> Aim:
    """Packets that come twice, overtake others, or have a wrong bit."""
    shape = _SLOWED[draw(len(_SLOWED))]
    share = (5 + 5 * draw(6)) / 100
    kinds = (
        partial(Packets, duplicate=share),
        partial(Packets, reorder=share),
        partial(Packets, corrupt=share),
    )
    return OverLinks(shape, kinds[draw(len(kinds))])


def rolling(surface: Surface, draw: Draw) -> Iterator[Step]:
    """One node after the other is started anew, as for an upgrade that does not wait enough."""
    while True:
        wait_s, quiet = _wait(draw), _quiet(draw)
        pause_s = between(0.2, 3, draw)
        for place, node in enumerate(surface.nodes):
            aim = None if quiet else AtNodes(node, Crash)
            yield Step(pause_s if place else wait_s, aim, between(0.1, 1, draw))


def clients(draw: Draw) -> Aim:
    """Connections of clients hang or break off."""
    fault = partial(ClientLink, reset=not draw(2))
    return AtNodes(("one", "leader", "minority", "all")[draw(4)], fault)


KILL: Final = at(Crash, "follower", "one", "leader", "minority", "majority", "all")
PAUSE: Final = at(Pause, "follower", "one", "leader", "minority", "majority")
WIPE: Final = at(Wipe, "follower", "one", "leader")


def _whose(draw: Draw) -> str:
    return ("one", "leader", "minority", "majority")[draw(4)]


def _quiet(draw: Draw) -> bool:
    return not draw(_QUIET_ONE_IN)


def _wait(draw: Draw) -> float:
    low, high = WAIT_S
    return high - between(low, high, draw) + low
