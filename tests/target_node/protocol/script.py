"""What does a conversation look like, line by line?

A script is commands and, indented below each, what came of it. ZABTEST_REWRITE=1 writes down what
comes of them now: read the difference before you believe it.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

SCRIPTS = Path(__file__).parent / "scripts"


class World(Protocol):
    def do(self, command: str, words: Sequence[str]) -> Sequence[str]:
        """Performs one command; what came of it, a line each."""


def scripts(folder: str) -> list[Path]:
    found = sorted((SCRIPTS / folder).glob("*.txt"))
    assert found, folder
    return found


def replay(text: str, world: World) -> str:
    """The script again, with what came of its commands this time."""
    lines: list[str] = []
    for line in text.splitlines():
        if line.startswith("  "):
            continue
        lines.append(line)
        if line and not line.startswith("#"):
            command, *words = line.split()
            lines += [f"  {came}" for came in world.do(command, words)]
    return "\n".join(lines) + "\n"


def check(path: Path, world: World) -> None:
    written = path.read_text(encoding="utf-8")
    played = replay(written, world)
    if os.environ.get("ZABTEST_REWRITE") == "1":
        path.write_text(played, encoding="utf-8")
    else:
        assert played == written


def zxid(text: str) -> int:
    """1.a is the tenth txn of epoch 1."""
    epoch, counter = text.split(".")
    return int(epoch) << 32 | int(counter, 16)


def shown(number: int) -> str:
    return f"{number >> 32}.{number & 0xFFFFFFFF:x}"


def options(words: Sequence[str]) -> dict[str, str]:
    """key=value words."""
    return dict(word.split("=", 1) for word in words if "=" in word)
