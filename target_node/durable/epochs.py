"""Which epochs has this server promised to, and which did it last join?

`acceptedEpoch`: no leader of a smaller epoch will be followed. `currentEpoch`: the epoch whose
NEWLEADER was acknowledged. Both are decimal text, replaced whole and never made smaller.
"""

from __future__ import annotations

from typing import Final

from target_node.durable.disk import Disk, opened, write_whole
from target_node.durable.refusal import COPY_AFRESH, Corrupt

ACCEPTED: Final = "acceptedEpoch"
CURRENT: Final = "currentEpoch"


def temporary(name: str) -> str:
    """Where the next content waits until it is whole."""
    return f"{name}.tmp"


def write_epoch(disk: Disk, name: str, epoch: int) -> None:
    """The file holds this epoch, durably; after a crash on the way, what it held before."""
    write_whole(disk, name, temporary(name), [str(epoch).encode("ascii")])


def read_epoch(disk: Disk, name: str) -> int | None:
    """None if there is no such file."""
    if name not in disk.list():
        return None
    text = _text(disk, name)
    if (epoch := _number(text)) is None:
        raise Corrupt(name, 0, f"{text!r} is no epoch", COPY_AFRESH)
    return epoch


def read_unfinished(disk: Disk, name: str) -> int | None:
    """What a crash kept from becoming the file's content; None if it cannot be read."""
    if temporary(name) not in disk.list():
        return None
    return _number(_text(disk, temporary(name)))


def _text(disk: Disk, name: str) -> bytes:
    with opened(disk, name) as file:
        return file.read(0, 64).strip()


def _number(text: bytes) -> int | None:
    return int(text) if text.isdigit() else None
