"""What do nodes write down, as soon as they do?"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

import msgspec

from nemesis.fault import Node

LOOK_S: Final = 0.005
_decode: Final = msgspec.json.Decoder(dict[str, object]).decode


async def next_event(
    logs: Mapping[Node, Sequence[Path]], wanted: Callable[[Node, str], bool]
) -> Node:
    """Wait for a line behind those that are there now; whose it was."""
    places = {(node, path): _size(path) for node, paths in logs.items() for path in paths}
    while True:
        for (node, path), place in places.items():
            if _size(path) == place:
                continue
            with path.open("rb") as file:
                file.seek(place)
                came = file.read()
            whole = came[: came.rfind(b"\n") + 1]
            places[node, path] = place + len(whole)
            for line in whole.splitlines():
                if wanted(node, _name(line)):
                    return node
        await asyncio.sleep(LOOK_S)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _name(line: bytes) -> str:
    try:
        return str(_decode(line).get("event", ""))
    except msgspec.DecodeError:
        return ""  # a line that a kill has torn
