"""What is left of a directory when the power fails?

What programs see lies in a directory below; here it is kept how each change that is not durable yet
is taken back.

Rules of this file:
1. A sync of a file makes its bytes durable. Any sync makes all names durable that were there, gone
   or changed by then, as a journal does that is written in order (ext4). So who syncs a new file
   has its name, too; what is asked here is never more than that.
2. A file that takes the name of another is synced by that (ext4 again: `auto_da_alloc`).
3. Of a file's changes a prefix is left, and of the one behind it any part; of all changes of names
   a prefix. If nothing is torn, nothing is left.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import RLock

Draw = Callable[[int], int]


@dataclass(frozen=True, slots=True)
class _Written:
    at: int
    data: bytes
    before: bytes
    size: int

    def take_back(self, fd: int) -> None:
        os.ftruncate(fd, self.size)
        _write(fd, self.before, self.at)

    def tear(self, fd: int, draw: Draw) -> None:
        part = self.data[: draw(len(self.data) + 1)]
        _write(fd, part, self.at)
        if draw(4) == 2:  # the length came before the bytes, which were never anything there
            zeros_at = max(self.at + len(part), self.size)
            _write(fd, bytes(max(0, self.at + len(self.data) - zeros_at)), zeros_at)


@dataclass(frozen=True, slots=True)
class _Resized:
    to: int
    tail: bytes
    size: int

    def take_back(self, fd: int) -> None:
        os.ftruncate(fd, self.size)
        _write(fd, self.tail, self.to)

    def tear(self, fd: int, draw: Draw) -> None:
        """It is done or not, and it was not."""


@dataclass(slots=True)
class _Doubts:
    """About the bytes of one file, under whichever name."""

    fd: int
    changes: list[_Written | _Resized] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Named:
    """A change of names; `gone` is what nobody needs any more once it is durable."""

    take_back: Callable[[], None]
    gone: Path | None = None


@dataclass(frozen=True, slots=True)
class Lost:
    """How many changes of bytes and of names."""

    bytes: int = 0
    names: int = 0


class Remains:
    """Of the files below this folder, which holds `files` and what may have to come back."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "files"
        self._away = folder / "away"
        for one in (self.root, self._away):
            one.mkdir(parents=True, exist_ok=True)
        self._number = 0
        self._bytes: dict[int, _Doubts] = {}  # by inode
        self._names: list[_Named] = []
        self.lock = RLock()

    # Changes of bytes.

    def write(self, fd: int, data: bytes, at: int) -> None:
        with self.lock:
            size = os.fstat(fd).st_size
            before = os.pread(fd, len(data), at) if at < size else b""
            self._about(fd).changes.append(_Written(at, data, before, size))
            _write(fd, data, at)

    def resize(self, fd: int, to: int) -> None:
        with self.lock:
            size = os.fstat(fd).st_size
            if size != to:
                tail = os.pread(fd, size - to, to) if to < size else b""
                self._about(fd).changes.append(_Resized(to, tail, size))
                os.ftruncate(fd, to)

    # Changes of names.

    def create(self, path: str, mode: int) -> int:
        with self.lock:
            fd = os.open(self.at(path), os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
            self._names.append(_Named(lambda: _remove(self.at(path))))
            return fd

    def make_folder(self, path: str, mode: int) -> None:
        with self.lock:
            os.mkdir(self.at(path), mode)
            self._names.append(_Named(lambda: os.rmdir(self.at(path))))

    def remove_folder(self, path: str) -> None:
        with self.lock:
            os.rmdir(self.at(path))
            self._names.append(_Named(lambda: os.mkdir(self.at(path))))

    def remove(self, path: str) -> None:
        with self.lock:
            gone = self._put_away(path)
            self._names.append(_Named(lambda: os.rename(gone, self.at(path)), gone))

    def rename(self, old: str, new: str) -> None:
        with self.lock:
            gone = None
            if self.at(new).is_file():
                self._settle_bytes(os.stat(self.at(old)).st_ino)
                gone = self._put_away(new)
            os.rename(self.at(old), self.at(new))

            def take_back() -> None:
                os.rename(self.at(new), self.at(old))
                if gone is not None:
                    os.rename(gone, self.at(new))

            self._names.append(_Named(take_back, gone))

    # What lasts, and what does not.

    def sync(self, fd: int) -> None:
        """This file lasts, and all names."""
        with self.lock:
            self._settle_bytes(os.fstat(fd).st_ino)
            self.sync_names()

    def sync_names(self) -> None:
        with self.lock:
            for one in self._names:
                if one.gone is not None:
                    _remove(one.gone)
            self._names.clear()

    def sync_all(self) -> None:
        """As if all this had been there for long."""
        with self.lock:
            for inode in list(self._bytes):
                self._settle_bytes(inode)
            self.sync_names()

    def lose(self, draw: Draw, *, torn: bool) -> Lost:
        """The power fails: only what was synced stays, or a part of the rest, too."""
        with self.lock:
            lost_bytes = 0
            for doubts in self._bytes.values():
                kept = draw(len(doubts.changes) + 1) if torn else 0
                lost = doubts.changes[kept:]
                for change in reversed(lost):
                    change.take_back(doubts.fd)
                if torn and lost:
                    lost[0].tear(doubts.fd, draw)
                lost_bytes += len(lost)
            kept = draw(len(self._names) + 1) if torn else 0
            lost_names = len(self._names) - kept
            while len(self._names) > kept:
                self._names.pop().take_back()
            self.sync_all()
            return Lost(lost_bytes, lost_names)

    def at(self, path: str) -> Path:
        """Where it lies."""
        return self.root / path.lstrip("/")

    def _about(self, fd: int) -> _Doubts:
        inode = os.fstat(fd).st_ino
        if inode not in self._bytes:
            self._bytes[inode] = _Doubts(os.dup(fd))
        return self._bytes[inode]

    def _settle_bytes(self, inode: int) -> None:
        if (doubts := self._bytes.pop(inode, None)) is not None:
            os.close(doubts.fd)

    def _put_away(self, path: str) -> Path:
        self._number += 1
        gone = self._away / str(self._number)
        os.rename(self.at(path), gone)
        return gone


def _write(fd: int, data: bytes, at: int) -> None:
    written = 0
    while written < len(data):
        written += os.pwrite(fd, data[written:], at + written)


def _remove(path: Path) -> None:
    with suppress(FileNotFoundError):
        os.unlink(path)
