"""What was added to each set of a history, and what was seen of it?"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from checker.history import History
from checker.models.set import Add, ListAll
from checker.outcome import Failed, Ok, Refused
from workloads.listing import ListLocally

NEVER: Final = 1 << 63


@dataclass(frozen=True, slots=True, eq=False)
class Added:
    """An addition that happened, or may have; `returned` is NEVER if nobody knows."""

    row: int
    value: Any
    owner: Hashable
    called: int
    returned: int
    zxid: int | None


@dataclass(frozen=True, slots=True, eq=False)
class Listing:
    """What somebody saw."""

    row: int
    values: frozenset[Any]
    local: bool
    owner: Hashable
    called: int
    returned: int
    zxid: int | None


@dataclass(slots=True)
class Key:
    """All that happened to one set."""

    name: Hashable
    added: dict[Any, Added] = field(default_factory=dict)
    listings: list[Listing] = field(default_factory=list)
    refused: list[tuple[int, Any]] = field(default_factory=list)
    twice: list[tuple[int, Any]] = field(default_factory=list)


def keys_of(history: History) -> Sequence[Key]:
    """The sets, in the order in which they were first spoken of."""
    keys: dict[int, Key] = {}
    nothing = [None] * len(history)
    sessions = history.details.get("session", nothing)
    mzxids = history.details.get("mzxid", nothing)
    for row, deed in enumerate(history.deed):
        call, outcome = history.deeds[deed]
        at = history.key[row]
        key = keys.setdefault(at, Key(history.keys[at]))
        owner = (sessions[row], history.process[row])
        called, returned = history.called[row], history.returned[row]
        match call, outcome:
            case Add(value), Ok(Refused()):
                key.refused.append((row, value))
            case Add(value), Ok():
                key.added[value] = Added(row, value, owner, called, returned, mzxids[row])
            case Add(value), _ if not isinstance(outcome, Failed):
                key.added[value] = Added(row, value, owner, called, NEVER, None)
            case ListAll(), Ok(values):
                local = isinstance(call, ListLocally)
                key.listings.append(
                    Listing(row, frozenset(values), local, owner, called, returned, mzxids[row])
                )
                key.twice += [(row, value) for value in _repeated(values)]
            case _:
                pass
    return list(keys.values())


def _repeated(values: Sequence[Any]) -> Iterator[Any]:
    seen = set()
    for value in values:
        if value in seen:
            yield value
        seen.add(value)
