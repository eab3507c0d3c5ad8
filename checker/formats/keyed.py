"""Does the value of every call begin with a key, and which?

Jepsen tests many objects in one run by making each value a pair `[key value]`, which looks like any
other pair. What tells is a read: it is called with `[key nil]` in a history with keys and with
`nil` in one without. A compare-and-set or a transaction may tell that there are none.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator
from itertools import chain
from typing import Any, Final

from checker.formats.event import Event, HistoryError
from checker.formats.foreign import Placed

_ASKS: Final = frozenset(["read", "get", "dequeue", "acquire", "release"])


class KeyedValue(tuple[Any, ...]):
    """A pair that its file marks as key and value."""

    __slots__ = ()


def split_keys(events: Iterable[Placed], path: str, *, keyed: bool | None) -> Iterator[Placed]:
    """The same events, their keys taken out of their values; None finds out whether there are."""
    source = iter(events)
    waiting: list[Placed] = []
    seen_nested = False
    while keyed is None:
        placed = next(source, None)
        if placed is None:
            keyed = seen_nested
            break
        waiting.append(placed)
        event = placed[1]
        if event.type == "invoke" and type(event.process) is int:
            keyed = _speaks_for_keys(event)
            seen_nested = seen_nested or event.f in ("cas", "txn")
    everything = chain(waiting, source)
    return _split(everything, path) if keyed else everything


def _speaks_for_keys(event: Event) -> bool | None:
    """True or False where this call decides the matter; None where it fits both."""
    value = event.value
    if isinstance(value, KeyedValue):
        return True
    if not _is_pair(value):
        return False
    inner = value[1]
    match event.f:
        case "cas" if not _is_pair(inner):
            return False
        case "txn" if not _is_steps(inner):
            return False
        case f if f in _ASKS and inner is None:
            return True
        case _:
            return None


def _is_pair(value: Any) -> bool:
    return isinstance(value, tuple | list) and len(value) == 2


def _is_steps(value: Any) -> bool:
    return isinstance(value, tuple | list) and all(isinstance(s, tuple | list) for s in value)


def _split(events: Iterable[Placed], path: str) -> Iterator[Placed]:
    keys = OpenKeys(path)
    for line, event in events:
        if type(event.process) is int and event.type in ("invoke", "ok"):
            if not _is_pair(event.value):
                raise HistoryError(
                    path,
                    line,
                    f"the value of this {event.f} is no pair [key value], which those before it "
                    "are; use --no-keyed if values have no keys",
                )
            event.key, event.value = event.value
            keys.check(line, event)
        yield line, event


class OpenKeys:
    """Notices an answer for another key than was asked about."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._of: dict[int | str, Hashable] = {}

    def check(self, line: int, event: Event) -> None:
        """HistoryError if this event answers a call about another key."""
        if event.type == "invoke":
            self._of[event.process] = event.key
        elif event.process in self._of and self._of[event.process] != event.key:
            raise HistoryError(
                self._path,
                line,
                f"the {event.f} of key {self._of[event.process]!r} completes with key "
                f"{event.key!r}",
            )
