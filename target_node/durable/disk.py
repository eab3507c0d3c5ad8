"""What does the node need of a disk, and what does a disk owe it after a crash?

A disk here is one flat directory. Its promises, on which every safety argument of this package
stands, and which one suite of tests asks of every implementation:

- after `File.sync` the bytes and the length of the file outlive any crash;
- after `Disk.sync_dir` so do all creations, renames and deletions before it;
- without these, anything done since may be there, be gone, or (appended bytes) be cut short
  at any place, with nothing or zeros behind the cut;
- a rename is one step: after a crash a name leads to the old file or to the new one;
- a call that raises may have done its work, part of it or nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Protocol


class File(Protocol):
    """An open file. `read` and `size` count what this handle has appended but not synced."""

    def size(self) -> int: ...

    def read(self, offset: int, length: int) -> bytes:
        """The bytes there; fewer where the file ends."""

    def append(self, data: bytes) -> None: ...

    def truncate(self, size: int) -> None:
        """Keep the first `size` bytes; never makes a file longer."""

    def sync(self) -> None: ...

    def close(self) -> None:
        """Give the handle back; what was not synced stays in doubt."""


class Disk(Protocol):
    """One directory of files, and no directories in it."""

    def list(self) -> tuple[str, ...]:
        """All names, sorted."""

    def create(self, name: str) -> File:
        """A new, empty file; `FileExistsError` if the name is taken."""

    def open(self, name: str) -> File:
        """`FileNotFoundError` if there is none."""

    def rename(self, old: str, new: str) -> None:
        """A file that had the new name is replaced."""

    def delete(self, name: str) -> None: ...

    def sync_dir(self) -> None: ...


@contextmanager
def opened(disk: Disk, name: str) -> Iterator[File]:
    """The file of that name, closed behind the block."""
    file = disk.open(name)
    try:
        yield file
    finally:
        file.close()


def write_whole(disk: Disk, name: str, temporary: str, chunks: Iterable[bytes]) -> None:
    """The file holds just these chunks, durably; after a crash on the way, what it had before."""
    if temporary in disk.list():
        disk.delete(temporary)
    file = disk.create(temporary)
    try:
        for chunk in chunks:
            file.append(chunk)
        # The bytes before the name: a name must never lead to half a file.
        file.sync()
    finally:
        file.close()
    disk.rename(temporary, name)
    # A rename is a promise only once the directory says so.
    disk.sync_dir()
