"""Which nemeses are there, and what does `partition,kill` mean?

Others can add theirs: an entry point in the group `zabtest.nemeses` whose object is a `Nemesis`, or
several of them. They are looked up only when somebody asks.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib.metadata import entry_points
from typing import Final

from nemesis import schedules
from nemesis.fault import (
    BrokenDisk,
    ClientLink,
    ClockSkew,
    Crash,
    FlippedBit,
    FullDisk,
    Packets,
    Partition,
    Pause,
    PowerLoss,
    Slow,
    SlowDisk,
    Wipe,
)
from nemesis.grudge import GRUDGES
from nemesis.phases import phases
from nemesis.plan import Nemesis, OverLinks, Plan
from nemesis.surface import Reasoned, Surface
from nemesis.written import name_of

GROUP: Final = "zabtest.nemeses"


class NoNemesis(ValueError):
    """What was asked for cannot be had; the message is for the user."""


def _nemesis(name: str, about: str, kind: type, plan: Plan) -> Nemesis:
    return Nemesis(name, about, frozenset({kind}), plan)


def _first_words(doc: str) -> str:
    """Up to the end of its first sentence, or to what explains that."""
    words = " ".join(doc.split()).partition(".")[0].partition(":")[0]
    return words[:1].lower() + words[1:]


_PARTITIONS: Final = [OverLinks(shape, Partition) for shape in GRUDGES]

BUNDLED: Final = (
    _nemesis(
        "partition",
        "links between nodes are cut, in any of the shapes below",
        Partition,
        schedules.steps(schedules.one_of(_PARTITIONS)),
    ),
    *(
        _nemesis(
            f"partition-{aim.aim}",
            _first_words(GRUDGES[aim.aim].__doc__ or ""),
            Partition,
            schedules.steps(schedules.one_of([aim])),
        )
        for aim in _PARTITIONS
    ),
    _nemesis("flapping", "the same links are cut and healed, fast", Partition, schedules.flapping),
    _nemesis(
        "kill", "nodes are killed, one or all, and started again", Crash,
        schedules.steps(schedules.KILL),
    ),
    _nemesis("restart", "one node after the other is restarted", Crash, schedules.rolling),
    _nemesis("pause", "nodes stand still for a while", Pause, schedules.steps(schedules.PAUSE)),
    _nemesis("clock", "clocks jump, strobe, or go fast or slow", ClockSkew, schedules.clock),
    _nemesis("clock-bump", "wall clocks jump", ClockSkew, schedules.steps(schedules.bump)),
    _nemesis("clock-strobe", "wall clocks jump to and fro", ClockSkew, schedules.strobe),
    _nemesis(
        "clock-rate", "clocks go fast or slow, timers too", ClockSkew,
        schedules.steps(schedules.rate),
    ),
    Nemesis(
        "depose", "a leader is cut off from all others, and too slow to notice",
        frozenset({Partition, ClockSkew}), schedules.steps(schedules.depose, hold_s=(3.0, 9.0)),
    ),
    Nemesis(
        "phase", "nodes are killed or cut off at certain points of the protocol",
        frozenset({Partition, Crash}), phases,
    ),
    _nemesis(
        "slow", "links are late, lose pieces, or are narrow", Slow, schedules.steps(schedules.slow)
    ),
    _nemesis(
        "packets", "packets come twice, overtake others, or have a wrong bit", Packets,
        schedules.steps(schedules.packets),
    ),
    _nemesis(
        "wipe", "a node loses its disk while all others hold everything", Wipe,
        schedules.steps(schedules.WIPE, hold_s=(0.5, 2.0)),
    ),
    Nemesis(
        "disk", "disks are slow, full or fail; where that can be done, they lose power",
        frozenset({SlowDisk, FullDisk, BrokenDisk}), schedules.disk, frozenset({PowerLoss}),
    ),
    _nemesis("disk-slow", "syncs take long", SlowDisk, schedules.steps(schedules.slow_disk)),
    _nemesis("disk-full", "nothing fits on disks", FullDisk, schedules.steps(schedules.full_disk)),
    _nemesis(
        "disk-error", "syncs fail, or writes too", BrokenDisk,
        schedules.steps(schedules.broken_disk),
    ),
    _nemesis(
        "disk-flip", "a bit of a node's log or snapshot is wrong, while all others hold everything",
        FlippedBit, schedules.steps(schedules.flipped_bit, hold_s=(0.5, 2.0)),
    ),
    _nemesis(
        "power-loss", "nodes stop, and what was not synced is lost, or torn", PowerLoss,
        schedules.steps(schedules.power_loss),
    ),
    _nemesis(
        "client-link", "connections of clients hang or break off", ClientLink,
        schedules.steps(schedules.clients),
    ),
)  # fmt: skip


def nemeses() -> Mapping[str, Nemesis]:
    """All by name, the bundled ones first."""
    found = {one.name: one for one in BUNDLED}
    for entry in sorted(entry_points(group=GROUP), key=lambda entry: entry.name):
        given = entry.load()
        for one in [given] if isinstance(given, Nemesis) else given:
            if not isinstance(one, Nemesis):
                raise NoNemesis(f"{entry.value} (entry point {entry.name}) is no Nemesis: {one!r}")
            found.setdefault(one.name, one)
    return found


def names_in(text: str) -> tuple[str, ...]:
    """The names in a list such as `partition,kill`; none for `none` or nothing."""
    names = tuple(name for name in (part.strip() for part in text.split(",")) if name)
    return () if names == ("none",) else names


def named(text: str) -> tuple[Nemesis, ...]:
    """Those in such a list."""
    names = names_in(text)
    there = nemeses() if names else {}
    for name in names:
        if name not in there:
            raise NoNemesis(f"there is no nemesis {name!r}; there are {', '.join(there)}")
        if names.count(name) > 1:
            raise NoNemesis(f"the nemesis {name!r} is named twice: once is enough")
    return tuple(there[name] for name in names)


def check_supported(chosen: Iterable[Nemesis], surface: Surface) -> None:
    """`NoNemesis`, if this cluster lacks a kind of fault that one of them needs."""
    for nemesis in chosen:
        missing = sorted(name_of(kind) for kind in nemesis.kinds - surface.supports)
        if missing:
            can = ", ".join(sorted(name_of(kind) for kind in surface.supports)) or "none"
            raise NoNemesis(
                f"the nemesis {nemesis.name!r} needs faults that this cluster cannot do: "
                f"{', '.join(missing)}; it can do {can}{_reasons(nemesis, surface)}"
            )


def _reasons(nemesis: Nemesis, surface: Surface) -> str:
    if not isinstance(surface, Reasoned):
        return ""
    lacking = sorted(nemesis.kinds - surface.supports, key=name_of)
    said = dict.fromkeys(surface.why_not(kind) for kind in lacking)
    return "".join(f" ({why})" for why in said if why)
