"""What do simulated nodes write down, and who of them ended by itself?"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO, Final

import msgspec

from nemesis.fault import Node

_BROKEN: Final = 70  # the exit statuses that the real node would end with
_CORRUPT: Final = 3
_HALTED: Final = 1
_HALT: Final = "halt"
_REFUSAL: Final = "cannot-start"
_STATUSES: Final = {"broken": _BROKEN, _REFUSAL: _CORRUPT, _HALT: _HALTED}
_encode: Final = msgspec.json.Encoder().encode

Listener = Callable[[Node, str], None]


class Journals:
    """A file of each node, `events.jsonl`, as the real driver's journal."""

    def __init__(self) -> None:
        self.ended: dict[Node, str] = {}
        """Who ended by itself: "exit status 70: its last words"."""
        self.excused: set[Node] = set()
        """Whose disks fail: who halts of that is right."""
        self.rotten: set[Node] = set()
        """On whose disks a bit was flipped: who cannot start from that is right."""
        self.refused: dict[Node, str] = {}
        """Who of these could not: "exit status 3: its last words"."""
        self.listeners: list[Listener] = []
        """Who is told of each event at once: the node and the event's name."""
        self._files: dict[Node, BinaryIO] = {}
        self._paths: dict[Node, Path] = {}

    def open(self, directory: Path, names: Sequence[Node]) -> None:
        """Below this directory, each in a folder of its own."""
        for name in names:
            path = directory / name / "events.jsonl"
            path.parent.mkdir(parents=True, exist_ok=True)
            self._paths[name] = path
            self._files[name] = path.open("ab")

    def note(self, record: Mapping[str, Any]) -> None:
        """A line of the node that it names."""
        name, event = f"n{record['node']}", record["event"]
        self._files[name].write(_encode(record) + b"\n")
        if event in _STATUSES and not (event == _HALT and name in self.excused):
            why = record.get("why") or record.get("what", "")
            right = event == _REFUSAL and name in self.rotten
            told = self.refused if right else self.ended
            told.setdefault(name, f"exit status {_STATUSES[event]}: {why}")
        for listener in tuple(self.listeners):
            listener(name, event)

    def flushed(self) -> Mapping[Node, Sequence[Path]]:
        """The files, with everything in them."""
        for file in self._files.values():
            file.flush()
        return {name: [path] for name, path in self._paths.items()}

    def close(self) -> None:
        """Nothing more is noted."""
        for file in self._files.values():
            file.close()
