"""Where is it written what happened?

For people on stderr, a line for each event; for programs in an events file, a JSON object for each,
with what happens to single transactions too. Lines wait no longer than the loop's turn that they
were written in; who flushes before anything leaves the node knows that a kill takes along only what
nobody was told either.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from json.encoder import encode_basestring_ascii as quoted
from pathlib import Path
from typing import Any, BinaryIO, Final, Protocol

from target_node.server.events import Detail

PER_TXN: Final = frozenset({"proposed", "durable", "committed", "applied", "acked"})
_OUR_KEYS: Final = ("ms", "mono_ns", "node", "event")

Soon = Callable[[Callable[[], None]], Any]
TakeNote = Callable[[str, dict[str, Detail]], None]


class Lines(Protocol):
    """A stream of text, as stderr is one."""

    def write(self, text: str, /) -> Any: ...

    def flush(self) -> Any: ...


class Journal:
    """`soon`, once there is a loop, calls a function later in it; without, lines leave at once."""

    def __init__(
        self,
        sid: int,
        *,
        events: Path | None = None,
        lines: Lines | None = None,
        verbose: bool = False,
        soon: Soon | None = None,
    ) -> None:
        self.soon = soon
        self.verbose = verbose
        self._sid = sid
        self._lines: Lines | None = lines or sys.stderr
        self._file: BinaryIO | None = _appended_to(events) if events else None
        self._said: list[str] = []
        self._records: list[str] = []
        self._flushing = False
        self._second, self._second_text = -1, ""
        # Ours come first, and an event's own facts cannot take their names.
        self._keys: dict[str, str] = {key: f', "{key}_": ' for key in _OUR_KEYS}

    def note(self, event: str, detail: dict[str, Detail]) -> None:
        """This happened now."""
        wall_ms = time.time_ns() // 1_000_000
        if self._file is not None:
            self._records.append(self._record(wall_ms, event, detail))
        if event not in PER_TXN:
            self._said.append(self._line(wall_ms, event, detail))
        if self.soon is None:
            self.flush()
        elif not self._flushing:
            self._flushing = True
            self.soon(self.flush)

    def chat(self, event: str, detail: dict[str, Detail]) -> None:
        """As `note`, but only if somebody wants to know everything."""
        if self.verbose:
            self.note(event, detail)

    def flush(self) -> None:
        """Hand all that waits to the kernel."""
        self._flushing = False
        if self._records and self._file is not None:
            waiting = memoryview("".join(self._records).encode("ascii"))
            self._records.clear()
            while waiting:
                waiting = waiting[self._file.write(waiting) :]
        if self._said and self._lines is not None:
            said = "".join(self._said)
            self._said.clear()
            try:
                self._lines.write(said)
                self._lines.flush()
            except OSError:
                # Whoever read them has gone; that is no reason to stop serving.
                self._lines = None

    def close(self) -> None:
        """Flush, and write nothing more to the file."""
        self.flush()
        if self._file is not None:
            self._file.close()
            self._file = None

    def _record(self, wall_ms: int, event: str, detail: dict[str, Detail]) -> str:
        # By hand: half of what json.dumps takes, and there are several for every transaction.
        parts = [
            f'{{"ms": {wall_ms}, "mono_ns": {time.monotonic_ns()}, "node": {self._sid}, '
            f'"event": {quoted(event)}'
        ]
        keys = self._keys
        for key, value in detail.items():
            if (name := keys.get(key)) is None:
                name = keys[key] = f", {quoted(key)}: "
            parts.append(name)
            parts.append(str(value) if type(value) is int else _json(value))
        parts.append("}\n")
        return "".join(parts)

    def _line(self, wall_ms: int, event: str, detail: dict[str, Detail]) -> str:
        second, ms = divmod(wall_ms, 1000)
        if second != self._second:
            self._second = second
            self._second_text = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))
        facts = "".join([f" {key}={_words(key, value)}" for key, value in detail.items()])
        return f"{self._second_text}.{ms:03}Z n{self._sid} {event}{facts}\n"


def _appended_to(events: Path) -> BinaryIO:
    file = open(events, "a+b", buffering=0)  # noqa: SIM115 (it stays open)
    if file.seek(0, os.SEEK_END):
        file.seek(-1, os.SEEK_END)
        if file.read(1) != b"\n":
            file.write(b"\n")  # a kill has torn the last line, and ours must not continue it
    return file


def _json(value: Detail) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case int():
            return str(int(value))
        case str():
            return quoted(value)
        case tuple():
            return f"[{', '.join(map(str, value))}]"


def _words(key: str, value: Detail) -> str:
    match value:
        case None:
            return "-"
        case bool():
            return "yes" if value else "no"
        case int():
            return f"0x{value:x}" if key.endswith("zxid") else str(int(value))
        case str():
            plain = value.isprintable() and value and not {" ", '"', "="} & set(value)
            return value if plain else quoted(value)
        case tuple():
            return ",".join([_words(key, one) for one in value]) or "-"
