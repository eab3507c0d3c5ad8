"""What did a node write down about itself, line by line?

A node appends JSON objects to its events file, one for each thing that happened (docs/events.md).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec

_COUNTER_BITS: Final = 32
_decode: Final = msgspec.json.Decoder(dict[str, Any]).decode


class Unreadable(Exception):
    """A line that no node has written, and no kill has torn."""


@dataclass(frozen=True, slots=True)
class Event:
    """A line; `facts` are its own fields. The clocks are those of the node's machine."""

    node: int
    name: str
    facts: Mapping[str, Any]
    ms: int = 0
    mono_ns: int = 0

    def __str__(self) -> str:
        facts = "".join(
            f" {key}={show(value) if key.endswith('zxid') else value}"
            for key, value in self.facts.items()
        )
        return f"n{self.node} {self.name}{facts}"


def show(zxid: int) -> str:
    """As a line for people has it."""
    return f"0x{zxid:x}"


def epoch_of(zxid: int) -> int:
    """The upper half."""
    return zxid >> _COUNTER_BITS


def first_of(epoch: int) -> int:
    """The zxid of its first txn."""
    return epoch << _COUNTER_BITS | 1


def follows(zxid: int, previous: int) -> bool:
    """Whether no txn can be missing between the two."""
    if epoch_of(zxid) == epoch_of(previous):
        return zxid == previous + 1
    return zxid > previous and zxid == first_of(epoch_of(zxid))


def read(files: Iterable[Path]) -> Iterator[Event]:
    """All lines of these files, one file after the other."""
    for path in files:
        with path.open("rb") as file:
            yield from parse(file, str(path))


def parse(lines: Iterable[bytes], source: str = "events") -> Iterator[Event]:
    """The events; a line that a kill has torn is none."""
    for number, line in enumerate(lines, 1):
        if not line.rstrip().endswith(b"}"):
            continue
        try:
            said = _decode(line)
            node, name = said.pop("node"), said.pop("event")
            yield Event(node, name, said, said.pop("ms", 0), said.pop("mono_ns", 0))
        except (msgspec.DecodeError, KeyError) as error:
            raise Unreadable(f"{source}, line {number}: {error}") from error
