"""Which zxid does a file begin with, and which zxid may follow another?

A log is named after its first txn, a snapshot after the last txn that it surely holds, both in
hexadecimal, as ZooKeeper names them.
"""

from __future__ import annotations

from typing import Final

from target_node.durable.disk import Disk

COUNTER_BITS: Final = 32
COUNTER_MASK: Final = (1 << COUNTER_BITS) - 1


def epoch_of(zxid: int) -> int:
    """The leader's epoch, the upper half."""
    return zxid >> COUNTER_BITS


def counter_of(zxid: int) -> int:
    """The place in the epoch, the lower half; 0 is NEWLEADER itself."""
    return zxid & COUNTER_MASK


def follows(zxid: int, previous: int) -> bool:
    """Whether no txn can be missing between the two, as far as zxids can tell.

    The end of an epoch does not show in its zxids, so a jump to the first txn of a later epoch
    has to be taken as it is.
    """
    if epoch_of(zxid) == epoch_of(previous):
        return zxid == previous + 1
    return epoch_of(zxid) > epoch_of(previous) and counter_of(zxid) == 1


def begins_history(zxid: int) -> bool:
    """Whether this is surely the first txn ever: the first of a lone server or of epoch 1."""
    return epoch_of(zxid) <= 1 and counter_of(zxid) == 1


def log_name(zxid: int) -> str:
    """Of the log that begins with this txn."""
    return f"log.{zxid:x}"


def snapshot_name(zxid: int) -> str:
    """Of the snapshot that holds all up to this txn."""
    return f"snapshot.{zxid:x}"


def logs_in(disk: Disk) -> list[tuple[int, str]]:
    """The logs with their first zxids, in order."""
    return _named(disk, "log")


def snapshots_in(disk: Disk) -> list[tuple[int, str]]:
    """The snapshots with their zxids, in order; whether they are valid is another question."""
    return _named(disk, "snapshot")


def _named(disk: Disk, prefix: str) -> list[tuple[int, str]]:
    found: list[tuple[int, str]] = []
    for name in disk.list():
        kind, _, number = name.partition(".")
        # Exactly two parts: `snapshot.5.tmp` is none, here as in ZooKeeper.
        if kind == prefix and number and all(digit in "0123456789abcdef" for digit in number):
            found.append((int(number, 16), name))
    return sorted(found)
