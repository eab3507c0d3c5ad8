"""What can go wrong with a host, or with one of several?

Each is a sentence that names the host, says what was seen, and how to mend it. None of them ever
holds a secret.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterable, Sequence
from typing import Final, TypeVar

_MOST: Final = 300  # characters of what a host said, in a sentence
_T = TypeVar("_T")


class HostTrouble(Exception):
    """One clear sentence about one host."""

    def __init__(self, host: str, what: str) -> None:
        super().__init__(f"{host}: {what}")
        self.host = host
        self.what = what


async def all_of(jobs: Iterable[Awaitable[_T]]) -> list[_T]:
    """Do them at once, and all of them; then the first failure."""
    results: list[_T] = []
    failures = []
    for one in await asyncio.gather(*jobs, return_exceptions=True):
        if isinstance(one, BaseException):
            failures.append(one)
        else:
            results.append(one)
    if failures:
        raise _joined(failures)
    return results


def _joined(failures: Sequence[BaseException]) -> BaseException:
    """The first of these; if others of them are troubles with hosts too, it says with which."""
    first = failures[0]
    others = [one.host for one in failures[1:] if isinstance(one, HostTrouble)]
    if not (isinstance(first, HostTrouble) and others):
        return first
    return HostTrouble(
        first.host,
        f"{first.what} (trouble with {', '.join(others)}, too: `zabtest doctor` looks at each)",
    )


class Unreachable(HostTrouble):
    """No connection came about: surely nothing was run. `passing`: it may do so soon."""

    def __init__(self, host: str, what: str, *, passing: bool = False) -> None:
        super().__init__(host, what)
        self.passing = passing


class NotLetIn(HostTrouble):
    """The host would not take this user with these keys."""


class StrangeKey(HostTrouble):
    """The host's key is unknown, or is another than the known one."""


class NoRoot(HostTrouble):
    """What needs root cannot be done."""


class Late(HostTrouble):
    """Not over when its deadline was: it may have done its work, or a part, or may yet."""


class Lost(HostTrouble):
    """The connection broke while something ran: it may have done its work, or may yet."""


class CommandFailed(HostTrouble):
    """It ran, and ended with another status than 0."""

    def __init__(self, host: str, command: str, status: int, err: bytes) -> None:
        self.status = status
        self.err = err
        said = printable(err) or "without a word"
        if "No space left on device" in said:
            what = f"the disk is full: make room on it ({said})"
        elif status == 127:
            what = f"a program is not installed: {said}"
        else:
            what = f"`{printable(command.encode(), 80)}` ended with status {status}: {said}"
        super().__init__(host, what)


def printable(said: bytes, most: int = _MOST) -> str:
    """What a host said, on one line, and nothing in it that a terminal would obey."""
    text = " ".join(said.decode(errors="replace").split())
    text = "".join(one if one.isprintable() else "?" for one in text)
    return text if len(text) <= most else text[: most - 1] + "…"
