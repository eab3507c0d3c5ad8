"""Which epoch did each node lead last, as far as its own log says by now?

For whoever watches a run while it goes. Of each log only what is new is read, and never much of it
at once: what is left is for the next look.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from harness.invariants.events import Unreadable, parse
from nemesis.fault import Node

MOST_BYTES: Final = 1 << 20
_LEADS: Final = b'"established"'


class Epochs:
    """Looks into `<node>/events.jsonl` below a directory, if there is any yet."""

    def __init__(self, nodes: Path | None) -> None:
        self._nodes = nodes
        self._read: dict[Path, int] = {}
        self._led: dict[Node, int] = {}

    def newest(self, node: Node) -> int | None:
        """None if nobody saw it lead."""
        return self._led.get(node)

    def look(self) -> None:
        """Read on. What cannot be read is left alone: others judge the logs."""
        if self._nodes is None:
            return
        for path in self._nodes.glob("*/events.jsonl"):
            try:
                self._read_on(path)
            except (OSError, Unreadable, ValueError):
                continue

    def _read_on(self, path: Path) -> None:
        with path.open("rb") as file:
            file.seek(self._read.get(path, 0))
            new = file.read(MOST_BYTES)
        whole = new[: new.rfind(b"\n") + 1]
        self._read[path] = self._read.get(path, 0) + len(whole)
        if _LEADS not in whole:
            return
        lines = [line for line in whole.splitlines() if _LEADS in line]
        for event in parse(lines, str(path)):
            epoch = event.facts.get("epoch")
            if event.name == "established" and isinstance(epoch, int):
                self._led[path.parent.name] = epoch
