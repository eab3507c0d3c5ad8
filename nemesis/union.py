"""What is so, when all of these faults are active at once?

Every kind of cluster asks this before it touches anything. What is down stays down, and what is cut
stays cut, for as long as a single fault wants it so.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import assert_never

from nemesis.fault import (
    BrokenDisk,
    ClientLink,
    ClockSkew,
    Crash,
    Fault,
    FlippedBit,
    FullDisk,
    Link,
    Node,
    Packets,
    Partition,
    Pause,
    PowerLoss,
    Slow,
    SlowDisk,
    Wipe,
)


@dataclass(frozen=True, slots=True)
class Lag:
    """How slow a link is, as in `Slow`, and what becomes of its packets, as in `Packets`."""

    delay_ms: int = 0
    jitter_ms: int = 0
    loss: float = 0.0
    bytes_per_s: int = 0
    duplicate: float = 0.0
    reorder: float = 0.0
    corrupt: float = 0.0

    def also(self, other: Slow | Packets) -> Lag:
        """Both at once: they add up, as on a way with two such pieces."""
        if isinstance(other, Packets):
            return replace(
                self,
                duplicate=_either(self.duplicate, other.duplicate),
                reorder=_either(self.reorder, other.reorder),
                corrupt=_either(self.corrupt, other.corrupt),
            )
        limits = [one for one in (self.bytes_per_s, other.bytes_per_s) if one]
        return replace(
            self,
            delay_ms=self.delay_ms + other.delay_ms,
            jitter_ms=self.jitter_ms + other.jitter_ms,
            loss=_either(self.loss, other.loss),
            bytes_per_s=min(limits, default=0),
        )


def _either(one: float, other: float) -> float:
    """The share that meets at least one of two fates."""
    return 1 - (1 - one) * (1 - other)


@dataclass(frozen=True, slots=True)
class Skew:
    """How wrong a node's clock is."""

    offset_ms: int = 0
    rate: float = 1.0


@dataclass(frozen=True, slots=True)
class Union:
    """All that is wrong; whatever is not in here is as it should be.

    `wiped`, `flipped` and `dark` are down too; `stalled` and `reset` are nodes whose clients hang
    or are thrown out. `broken` says whether writes fail as well as syncs, `dark` whether a part of
    what was not synced may be left, `flipped` which bits are wrong: of which file, and how far in
    front of its end.
    """

    cut: frozenset[Link]
    slow: Mapping[Link, Lag]
    down: frozenset[Node]
    wiped: frozenset[Node]
    flipped: Mapping[Node, frozenset[tuple[int, int]]]
    paused: frozenset[Node]
    clocks: Mapping[Node, Skew]
    stalled: frozenset[Node]
    reset: frozenset[Node]
    slow_disks: Mapping[Node, int]
    full: frozenset[Node]
    broken: Mapping[Node, bool]
    dark: Mapping[Node, bool]

    @property
    def ill(self) -> frozenset[Node]:
        """Whose disks fail, so that they may end themselves."""
        return self.full | self.broken.keys()


@dataclass(slots=True)
class _Sum:
    cut: set[Link] = field(default_factory=set)
    slow: dict[Link, Lag] = field(default_factory=dict)
    down: set[Node] = field(default_factory=set)
    wiped: set[Node] = field(default_factory=set)
    flipped: dict[Node, set[tuple[int, int]]] = field(default_factory=dict)
    paused: set[Node] = field(default_factory=set)
    clocks: dict[Node, Skew] = field(default_factory=dict)
    stalled: set[Node] = field(default_factory=set)
    reset: set[Node] = field(default_factory=set)
    slow_disks: dict[Node, int] = field(default_factory=dict)
    full: set[Node] = field(default_factory=set)
    broken: dict[Node, bool] = field(default_factory=dict)
    dark: dict[Node, bool] = field(default_factory=dict)


def union(active: Iterable[Fault]) -> Union:
    """Of all of them."""
    so = _Sum()
    for fault in active:
        _add(so, fault)
    return Union(
        cut=frozenset(so.cut),
        slow=dict(sorted(so.slow.items())),
        down=frozenset(so.down),
        wiped=frozenset(so.wiped),
        flipped={node: frozenset(bits) for node, bits in sorted(so.flipped.items())},
        paused=frozenset(so.paused),
        clocks=dict(sorted(so.clocks.items())),
        stalled=frozenset(so.stalled),
        reset=frozenset(so.reset),
        slow_disks=dict(sorted(so.slow_disks.items())),
        full=frozenset(so.full),
        broken=dict(sorted(so.broken.items())),
        dark=dict(sorted(so.dark.items())),
    )


def _add(so: _Sum, fault: Fault) -> None:
    match fault:
        case Partition(links):
            so.cut |= links
        case Slow(links) | Packets(links):
            for link in links:
                so.slow[link] = so.slow.get(link, Lag()).also(fault)
        case Crash(node):
            so.down.add(node)
        case Wipe(node):
            so.down.add(node)
            so.wiped.add(node)
        case Pause(node):
            so.paused.add(node)
        case ClockSkew(node, offset_ms, rate):
            was = so.clocks.get(node, Skew())
            so.clocks[node] = Skew(was.offset_ms + offset_ms, was.rate * rate)
        case ClientLink(node, reset):
            (so.reset if reset else so.stalled).add(node)
        case FlippedBit() | SlowDisk() | FullDisk() | BrokenDisk() | PowerLoss():
            _add_of_a_disk(so, fault)
        case _:
            assert_never(fault)


def _add_of_a_disk(
    so: _Sum, fault: FlippedBit | SlowDisk | FullDisk | BrokenDisk | PowerLoss
) -> None:
    match fault:
        case FlippedBit(node, file, back):
            so.down.add(node)
            so.flipped.setdefault(node, set()).add((file, back))
        case SlowDisk(node, sync_ms):
            so.slow_disks[node] = so.slow_disks.get(node, 0) + sync_ms
        case FullDisk(node):
            so.full.add(node)
        case BrokenDisk(node, writes):
            so.broken[node] = so.broken.get(node, False) or writes
        case PowerLoss(node, torn):
            so.down.add(node)
            so.dark[node] = so.dark.get(node, False) or torn
        case _:
            assert_never(fault)


def masked(fault: Fault, others: Iterable[Fault]) -> bool:
    """Whether nothing would differ without this one, while the others are active."""
    so = union(others)
    still = so.down | so.paused  # who says nothing and takes nothing in
    match fault:
        case Partition(links) | Slow(links) | Packets(links):
            return all(link in so.cut or not still.isdisjoint(link) for link in links)
        case Wipe(node):
            return node in so.wiped
        case Crash(node):
            return node in so.down
        case ClientLink(node, reset):
            return node in so.down | so.reset or (not reset and node in so.paused | so.stalled)
        case FlippedBit(node, file, back):
            return node in so.wiped or (file, back) in so.flipped.get(node, ())
        case PowerLoss(node):
            return node in so.wiped or node in so.dark
        case FullDisk(node):
            return node in still | so.full or so.broken.get(node, False)
        case BrokenDisk(node, writes):
            return node in still or so.broken.get(node) in ((True,) if writes else (True, False))
        case Pause(node) | ClockSkew(node) | SlowDisk(node):
            return node in still
        case _:
            assert_never(fault)
