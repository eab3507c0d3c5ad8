"""Which faults were there, from when to when, at whom, and what was seen of them?

Rules of this file: a fault is drawn from the moment at which it began to be injected to the one at
which it was surely lifted, since nobody knows when in between it began and ceased to act.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from checker.history import Note
from nemesis.fault import (
    BrokenDisk,
    ClockSkew,
    Crash,
    Fault,
    LosesADisk,
    Packets,
    Partition,
    Pause,
    PowerLoss,
    Slow,
    SlowDisk,
)
from nemesis.written import read

BEGINS: Final = frozenset({"inject", "injected"})
ENDS: Final = frozenset({"lifted", "lifted-all"})
_NOT_PROVEN: Final = "not proven: "


@dataclass(frozen=True, slots=True)
class _Said:
    id: int
    fault: dict[str, Any]
    moot: bool | None = None
    evidence: str = ""


@dataclass(frozen=True, slots=True)
class _Told:
    nemesis: str
    aim: str
    faults: list[_Said]


@dataclass(slots=True)
class Held:
    """A fault, who wanted it, and when it was active. `until_ns` is None if nobody lifted it."""

    number: int
    fault: Fault
    kind: str
    nemesis: str
    aim: str
    from_ns: int
    until_ns: int | None = None
    moot: bool = False
    proven: bool = False
    evidence: list[str] = field(default_factory=list)

    @property
    def became(self) -> str:
        """proven, moot, or not proven."""
        return "proven" if self.proven else "moot" if self.moot else "not proven"


def faults_of(notes: Iterable[Note]) -> Sequence[Held]:
    """All that were injected, in that order. What is no note of a nemesis is passed over."""
    held: dict[int, Held] = {}
    for note in notes:
        if note.process != "nemesis":
            continue
        try:
            told = msgspec.convert(note.value, _Told)
            faults = [(said, read(said.fault)) for said in told.faults]
        except (msgspec.ValidationError, ValueError, TypeError):
            continue
        for said, fault in faults:
            if said.id not in held:
                if note.f not in BEGINS:
                    continue
                kind = str(said.fault["kind"])
                held[said.id] = Held(said.id, fault, kind, told.nemesis, told.aim, note.time_ns)
            one = held[said.id]
            if said.moot is not None:
                _look(one, said)
            if note.f in ENDS:
                one.until_ns = note.time_ns
    return list(held.values())


def _look(one: Held, said: _Said) -> None:
    """What a probe saw."""
    one.moot |= bool(said.moot)
    one.proven |= not said.moot and not said.evidence.startswith(_NOT_PROVEN)
    if said.evidence and said.evidence not in one.evidence:
        one.evidence.append(said.evidence)


def at_whom(fault: Fault, nodes: Sequence[str]) -> str:
    """The targets in a few words: n5 ∤ n1 n2, or n3 alone."""
    match fault:
        case Partition(links) | Slow(links) | Packets(links):
            return cut(links, nodes)
        case ClockSkew(node, offset_ms, rate):
            off = f" {offset_ms / 1000:+g} s" if offset_ms else ""
            return f"{node}{off}{f' ×{rate:g}' if rate != 1 else ''}"
        case SlowDisk(node, sync_ms):
            return f"{node} +{sync_ms} ms"
        case BrokenDisk(node, writes):
            return f"{node} {'writes' if writes else 'syncs'}"
        case PowerLoss(node, torn=True):
            return f"{node} torn"
        case _:
            return fault.node


def cut(links: Iterable[tuple[str, str]], nodes: Sequence[str]) -> str:
    """Who cannot reach whom: in groups where there are such, else link by link."""
    gone = set(links)
    names = [n for n in nodes if any(n in link for link in gone)]
    everybody = [*nodes, *sorted({n for link in gone for n in link} - set(nodes))]
    islands = _islands(everybody, gone)
    if islands is not None:
        return " | ".join(" ".join(island) for island in islands)
    from_one = {a for a, _ in gone}
    to_one = {b for _, b in gone}
    if len(from_one) == 1:
        return f"{' '.join(from_one)} → {' '.join(b for b in everybody if b in to_one)}"
    if len(to_one) == 1:
        return f"{' '.join(a for a in everybody if a in from_one)} → {' '.join(to_one)}"
    if all((b, a) in gone for a, b in gone):
        return ", ".join(f"{a}∤{b}" for a, b in sorted(gone) if a < b)
    return ", ".join(f"{a}→{b}" for a, b in sorted(gone)) or " ".join(names)


def _islands(nodes: Sequence[str], gone: set[tuple[str, str]]) -> Sequence[Sequence[str]] | None:
    """The groups, if everybody reaches everybody of their own, and nobody of the others."""
    groups: list[list[str]] = []
    for node in nodes:
        for group in groups:
            if (group[0], node) not in gone and (node, group[0]) not in gone:
                group.append(node)
                break
        else:
            groups.append([node])
    home = {node: number for number, group in enumerate(groups) for node in group}
    apart = {(a, b) for a in nodes for b in nodes if home[a] != home[b]}
    return groups if apart == gone else None


def down(held: Iterable[Held]) -> Mapping[str, Sequence[Held]]:
    """For each node, the faults that ended its process."""
    told: dict[str, list[Held]] = {}
    for one in held:
        if isinstance(one.fault, Crash | LosesADisk | PowerLoss):
            told.setdefault(one.fault.node, []).append(one)
    return told


def paused(held: Iterable[Held]) -> Sequence[tuple[str, Held]]:
    """Whose process stood still, and when; one that was down, too, did not."""
    return [
        (one.fault.node, one)
        for one in held
        if isinstance(one.fault, Pause) and one.became != "moot"
    ]
