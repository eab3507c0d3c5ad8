"""How is the library of ours built, told what is to be wrong, and asked what came of it?

Rules of this file: what is written and read here is laid out as in `shim.c`.
"""

from __future__ import annotations

import errno
import shutil
import struct
import subprocess
import tempfile
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Final

from nemesis.fault import Node
from nemesis.union import Skew, Union

SIZE: Final = 4096
"""Of the file that the process maps: at first only zeros."""
SEEN_AT: Final = 512
SEEN_SIZE: Final = 72
_WANTED: Final = struct.Struct("<QqqqqqQ")
_SOURCE: Final = Path(__file__).with_name("shim.c")
_BUILD_S: Final = 60
_CALM: Final = 2**64 - 1  # no number that is told otherwise
_MS: Final = 1_000_000
_RIGHT: Final = Skew()


class CannotBuild(Exception):
    """In one line, why."""


@cache
def built() -> bytes:
    """For machines such as this one."""
    if lacks():
        raise CannotBuild(lacks())
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / "shim.so"
        command = [
            "cc",
            "-O2",
            "-fPIC",
            "-shared",
            "-o",
            str(made),
            str(_SOURCE),
            "-ldl",
            "-pthread",
        ]
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=_BUILD_S, check=False
        )
        if done.returncode:
            why = (done.stderr.strip().splitlines() or ["it does not say why"])[0]
            raise CannotBuild(f"cc does not compile {_SOURCE.name}: {why}")
        return made.read_bytes()


def lacks() -> str:
    """What this machine lacks to build it; nothing, if it can."""
    if shutil.which("cc") is None:
        return "a C compiler on the controller (apt-get install gcc libc6-dev)"
    return ""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be wrong for a process."""

    skew: Skew = _RIGHT
    sync_ms: int = 0
    full: bool = False
    broken: bool | None = None
    """Whether writes fail too; None if nothing does."""

    def same_disk(self, other: Wanted) -> bool:
        """Whether only time differs, if anything."""
        return replace(self, skew=other.skew) == other

    @property
    def errors(self) -> tuple[int, int]:
        """Of syncs and of writes; 0 if there is none."""
        writes = errno.EIO if self.broken else errno.ENOSPC if self.full else 0
        return 0 if self.broken is None else errno.EIO, writes

    def as_bytes(self, number: int) -> bytes:
        """`number` is another one each time."""
        return _WANTED.pack(
            number,
            self.skew.offset_ms * _MS,
            round((self.skew.rate - 1) * 1_000_000),
            self.sync_ms * _MS,
            *self.errors,
            number,
        )


CALM: Final = Wanted().as_bytes(_CALM)
"""For whoever undoes everything, and has no number."""


def wanted_of(node: Node, so: Union, *, clock: bool) -> Wanted:
    """Of this node. Its clock may be bent in another way."""
    return Wanted(
        so.clocks.get(node, Skew()) if clock else Skew(),
        so.slow_disks.get(node, 0),
        node in so.full,
        so.broken.get(node),
    )


@dataclass(frozen=True, slots=True)
class Seen:
    """What the process has been told, in ns, and how often its disk failed."""

    attached: int = 0
    wall_real: int = 0
    wall_told: int = 0
    timer_asked: int = 0
    timer_real: int = 0
    timer_told: int = 0
    syncs_late: int = 0
    syncs_failed: int = 0
    writes_failed: int = 0


def seen(words: str) -> Seen:
    """From numbers in words, as `od` prints them; nothing, if they are none."""
    try:
        numbers = [int(word) for word in words.split()]
    except ValueError:
        return Seen()
    return Seen(*numbers) if len(numbers) == SEEN_SIZE // 8 else Seen()
