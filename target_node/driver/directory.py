"""Whose is the data directory, and what does its disk hold?"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from target_node.durable.os_disk import OsDisk
from target_node.durable.recovery import Recovered
from target_node.durable.refusal import Corrupt, DiskFailed
from target_node.durable.snapshot import read_body
from target_node.durable.store import Store, open_store

HALTED: Final = 1
UNUSABLE: Final = 2
CORRUPT: Final = 3


class CannotStart(Exception):
    """One line for whoever started the node, and the exit status."""

    def __init__(self, line: str, status: int = UNUSABLE) -> None:
        super().__init__(line)
        self.line = line
        self.status = status


@dataclass(frozen=True, slots=True)
class Found:
    """What to begin with; `image` is the body of the newest snapshot."""

    store: Store
    recovered: Recovered
    image: bytes | None


@contextmanager
def locked(directory: Path) -> Iterator[None]:
    """While this lasts no other node gets the directory, which is made if there is none."""
    file = directory / "lock"
    try:
        directory.mkdir(parents=True, exist_ok=True)
        lock = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as problem:
        raise CannotStart(f"cannot use dataDir: {problem}") from problem
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as taken:
            owner = os.read(lock, 20).decode("ascii", "replace").strip() or "?"
            raise CannotStart(
                f"{directory} is in use by process {owner}: stop it, or give this node a dataDir "
                "of its own"
            ) from taken
        try:
            os.ftruncate(lock, 0)
            os.pwrite(lock, f"{os.getpid()}\n".encode("ascii"), 0)
        except OSError as problem:
            raise CannotStart(f"the disk failed: {problem.strerror}: {file}", HALTED) from problem
        yield
    finally:
        # The kernel gives the lock back, as it does after a kill; the file stays.
        os.close(lock)


def recovered_from(directory: Path) -> Found:
    """The disk, mended: files lie where ZooKeeper keeps them."""
    try:
        disk = OsDisk(directory / "version-2")
        store, recovered = open_store(disk)
        if recovered.snapshot is None:
            return Found(store, recovered, None)
        return Found(store, recovered, b"".join(read_body(disk, recovered.snapshot)))
    except Corrupt as corrupt:
        raise CannotStart(f"{directory / 'version-2'}: {corrupt}", CORRUPT) from corrupt
    except (OSError, DiskFailed) as problem:
        why = f"{directory / 'version-2'}: the disk failed: {problem}"
        raise CannotStart(why, HALTED) from problem
