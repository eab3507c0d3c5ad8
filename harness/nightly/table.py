"""What does a table of the file say, key by key, and what is wrong with it?"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from math import inf
from typing import Any, Final

_UNITS: Final = {"s": 1.0, "m": 60.0, "h": 3600.0}
_SPAN: Final = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*([smh])")
_EXAMPLES: Final = {"workloads": "register", "nemeses": "partition"}


class BadMatrix(ValueError):
    """The file asks for what cannot be had; the message is for the user."""


class Table:
    """A table, whose keys are taken one by one."""

    def __init__(self, file: str, said: Any, prefix: str = "") -> None:
        self._file = file
        self._prefix = prefix
        self._known: list[str] = []
        self._said: dict[str, Any] = said if isinstance(said, dict) else {}
        if not isinstance(said, dict):
            self.wrong("", f"is a table, [{prefix.rstrip('.')}], not {said!r}")

    def wrong(self, key: str, what: str) -> None:
        """Say what is wrong with it."""
        raise BadMatrix(f"{self._file}: {(self._prefix + key).rstrip('.')} {what}")

    def text(self, key: str, default: str, check: Callable[[str], str] | None = None) -> str:
        value = self._take(key, default)
        if not isinstance(value, str):
            self.wrong(key, f'is a text such as "{default}", not {value!r}')
        problem = check(value) if check is not None else ""
        if problem:
            self.wrong(key, problem)
        return str(value)

    def number(self, key: str, default: int, *, least: int) -> int:
        value = self._take(key, default)
        if not isinstance(value, int) or isinstance(value, bool) or value < least:
            self.wrong(key, f"is a whole number from {least} on, such as {default}, not {value!r}")
        return int(value)

    def seconds(self, key: str, default: float, *, least: float) -> float:
        value = self._take(key, default)
        span = _SPAN.fullmatch(value) if isinstance(value, str) else None
        if span is not None:
            value = float(span[1]) * _UNITS[span[2]]
        if (
            isinstance(value, bool)
            or not isinstance(value, int | float)
            or not least <= value < inf
        ):
            self.wrong(
                key,
                f'is a time of at least {least:g} s, such as 90 or "90s" or "8h", not {value!r}',
            )
        return float(value)

    def texts(self, key: str, default: Sequence[str]) -> Sequence[str]:
        value = self._take(key, default)
        if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
            self.wrong(key, f'is a list of texts such as ["one", "two"], not {value!r}')
        return list(value)

    def names(self, key: str, check: Callable[[str], str]) -> Sequence[str]:
        if key not in self._said:
            self.wrong(key, f'is missing; name some, such as {key} = ["{_EXAMPLES[key]}"]')
        found = self.texts(key, [])
        if not found:
            self.wrong(key, "is empty: nothing would be run")
        for one in found:
            problem = check(one)
            if problem:
                self.wrong(key, problem)
        return found

    def seeds(self, key: str, default: int) -> tuple[int, ...] | int:
        if isinstance(self._said.get(key), list):
            value = self._take(key, [])
            if not value:
                self.wrong(key, "is empty: nothing would be run; name some, such as [1, 2, 3]")
            for one in value:
                if type(one) is not int or one < 0:
                    self.wrong(key, f"holds {one!r}: a seed is a whole number from 0 on")
                if value.count(one) > 1:
                    self.wrong(key, f"holds {one!r} twice: once is enough")
            return tuple(value)
        return self.number(key, default, least=1)

    def table(self, key: str) -> Table:
        """The table in this one, empty if there is none."""
        return Table(self._file, self._take(key, {}), f"{self._prefix}{key}.")

    def nothing_else(self) -> None:
        """Whether somebody wrote a key that nobody reads."""
        for key in self._said:
            if key not in self._known:
                self.wrong(key, f"is no key that is known; there are {', '.join(self._known)}")

    def _take(self, key: str, default: Any) -> Any:
        self._known.append(key)
        return self._said.get(key, default)
