"""Which keys does a properties file set, in which lines, and to what kind of value?

Every value that is asked for is checked here, so that a refusal names the line and says how to mend
it. Keys that nobody has asked for can be listed at the end.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from target_node.protocol.ensemble import Address


class Misconfigured(Exception):
    """One line for whoever wrote the file: where, what, and how to mend it."""


@dataclass(frozen=True, slots=True)
class Entry:
    """`key=value`, and where it stands."""

    key: str
    value: str
    file: Path
    line: int

    @property
    def place(self) -> str:
        return f"{self.file}:{self.line}"

    def refuse(self, mend: str) -> Misconfigured:
        """What to raise if the value is of no use."""
        return Misconfigured(f"{self.place}: {self.key}={self.value} {mend}")

    def number(self, least: int, most: int) -> int:
        """A whole number in these bounds; also as 0x…"""
        try:
            number = int(self.value, 16 if self.value[:2].lower() == "0x" else 10)
        except ValueError:
            raise self.refuse(f"is no number: write one from {least} to {most}") from None
        if not least <= number <= most:
            raise self.refuse(f"is out of bounds: write a number from {least} to {most}")
        return number

    def yes_or_no(self) -> bool:
        """true or false, in any case of letters."""
        if (value := self.value.lower()) in ("true", "yes", "false", "no"):
            return value in ("true", "yes")
        raise self.refuse("is neither true nor false: write one of them")


class Properties:
    """The entries of a file; where a key occurs more than once, the last one counts."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.warnings: list[str] = []
        self._entries: dict[str, Entry] = {}
        self._asked: set[str] = set()
        for entry in _entries(file):
            if (before := self._entries.get(entry.key)) is not None:
                self.warnings.append(f"{entry.place}: {entry.key} stood in line {before.line} too")
            self._entries[entry.key] = entry

    def entry(self, key: str) -> Entry | None:
        """None, if the key is not there or has no value."""
        self._asked.add(key)
        entry = self._entries.get(key)
        return entry if entry and entry.value else None

    def entries(self, prefix: str) -> tuple[Entry, ...]:
        """All whose keys begin so."""
        found = tuple(e for key, e in self._entries.items() if key.startswith(prefix))
        self._asked.update(entry.key for entry in found)
        return found

    def number(self, key: str, default: int, least: int, most: int = (1 << 31) - 1) -> int:
        entry = self.entry(key)
        return default if entry is None else entry.number(least, most)

    def yes_or_no(self, key: str, *, default: bool) -> bool:
        entry = self.entry(key)
        return default if entry is None else entry.yes_or_no()

    def text(self, key: str) -> str:
        entry = self.entry(key)
        return "" if entry is None else entry.value

    def needed(self, key: str, example: str) -> Entry:
        """Refused, if it is not there."""
        if (entry := self.entry(key)) is None:
            raise Misconfigured(f"{self.file}: {key} is missing: add a line such as {example}")
        return entry

    def port(self, key: str, host: str) -> Address | None:
        """The address of this host and the key's port; ZooKeeper takes 0 for none."""
        number = self.number(key, 0, 0, 65535)
        return Address(host, number) if number else None

    def unasked(self) -> Iterator[Entry]:
        """Those that nobody wanted."""
        return (entry for key, entry in self._entries.items() if key not in self._asked)


def _entries(file: Path) -> Iterator[Entry]:
    try:
        text = file.read_text(encoding="utf-8")
    except OSError as problem:
        raise Misconfigured(f"{file}: {problem.strerror}: name a file that can be read") from None
    except UnicodeDecodeError as problem:
        raise Misconfigured(f"{file}: {problem}: write it in UTF-8") from None
    for number, line in enumerate(text.splitlines(), 1):
        line = line.strip()
        if not line or line[0] in "#!":
            continue
        key, equals, value = line.partition("=")
        if not equals or not key.strip():
            raise Misconfigured(f"{file}:{number}: {line!r} is not key=value: write it so")
        # In Java every key is a system property too, and then has this before it.
        yield Entry(key.strip().removeprefix("zookeeper."), value.strip(), file, number)
