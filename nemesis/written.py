"""How is a fault written down, and its moment, for the history and for whoever must undo it?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any, Final

from nemesis.fault import (
    BrokenDisk,
    ClientLink,
    ClockSkew,
    Crash,
    Fault,
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
from nemesis.plan import Moment

KINDS: Final[Mapping[str, type]] = {
    "partition": Partition,
    "slow": Slow,
    "packets": Packets,
    "crash": Crash,
    "pause": Pause,
    "clock": ClockSkew,
    "wipe": Wipe,
    "disk-slow": SlowDisk,
    "disk-full": FullDisk,
    "disk-error": BrokenDisk,
    "disk-flip": FlippedBit,
    "power-loss": PowerLoss,
    "client-link": ClientLink,
}
_NAMES: Final = {kind: name for name, kind in KINDS.items()}


def name_of(kind: type) -> str:
    """What a kind of fault is called."""
    return _NAMES[kind]


def written(fault: Fault) -> dict[str, Any]:
    """As an object of JSON; equal faults are written alike."""
    said = asdict(fault)
    if "links" in said:
        said["links"] = [list(link) for link in sorted(said["links"])]
    return {"kind": _NAMES[type(fault)], **said}


def read(said: Mapping[str, Any]) -> Fault:
    """What was written; `ValueError` if this is no fault."""
    rest = dict(said)
    kind = KINDS.get(rest.pop("kind", ""))
    if kind is None or not rest.keys() <= {field.name for field in fields(kind)}:
        raise ValueError(f"no fault: {dict(said)!r}")
    if "links" in rest:
        rest["links"] = frozenset((a, b) for a, b in rest["links"])
    try:
        fault: Fault = kind(**rest)
    except TypeError:
        raise ValueError(f"no whole fault: {dict(said)!r}") from None
    return fault


def read_moment(said: Mapping[str, Any] | None) -> Moment | None:
    """What was written beside a fault, if anything was; `ValueError` if this is no moment."""
    if said is None:
        return None
    known = {field.name for field in fields(Moment)}
    try:
        return Moment(**{name: value for name, value in said.items() if name in known})
    except TypeError:
        raise ValueError(f"no moment: {dict(said)!r}") from None
