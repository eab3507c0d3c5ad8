"""Which system calls keep a disk's promises?

Rules of this file:
1. Appended bytes, and cuts, wait in this process until `sync`, which hands them to the kernel and
   fsyncs in one call. So a kill loses whatever was not synced, as a power loss would at least.
2. A file whose sync failed once never syncs again: the kernel may have dropped the pages, and a
   second fsync would report success for bytes that are gone.
"""

from __future__ import annotations

import errno
import os
from pathlib import Path

# On Linux, fdatasync leaves out the times but not the length.
_flush = getattr(os, "fdatasync", os.fsync)


class OsFile:
    """A file of the operating system's."""

    def __init__(self, fd: int, name: str) -> None:
        self._fd = fd
        self._name = name
        self._on_disk = os.fstat(fd).st_size
        self._kept = self._on_disk  # less than `_on_disk`: a cut that waits for `sync`
        self._waiting = bytearray()
        self._sync_failed = False

    def size(self) -> int:
        return self._kept + len(self._waiting)

    def read(self, offset: int, length: int) -> bytes:
        end = min(offset + length, self.size())
        parts: list[bytes] = []
        at = offset
        while at < min(end, self._kept):
            part = os.pread(self._fd, min(end, self._kept) - at, at)
            if not part:
                raise OSError(errno.EIO, "the file became shorter while it was read", self._name)
            parts.append(part)
            at += len(part)
        if end > max(self._kept, offset):
            parts.append(bytes(self._waiting[max(offset - self._kept, 0) : end - self._kept]))
        return b"".join(parts)

    def append(self, data: bytes) -> None:
        self._waiting += data

    def truncate(self, size: int) -> None:
        if size > self.size():
            raise ValueError(f"{self._name} has {self.size()} bytes: no cut makes it {size}")
        del self._waiting[max(size - self._kept, 0) :]
        self._kept = min(self._kept, size)

    def sync(self) -> None:
        if self._sync_failed:
            raise OSError(errno.EIO, "an earlier sync of this file failed", self._name)
        try:
            if self._kept < self._on_disk:
                os.ftruncate(self._fd, self._kept)
                self._on_disk = self._kept
            with memoryview(self._waiting) as waiting:
                written = 0
                while written < len(waiting):
                    written += os.pwrite(self._fd, waiting[written:], self._kept + written)
            _flush(self._fd)
        except OSError:
            self._sync_failed = True
            raise
        self._kept = self._on_disk = self.size()
        self._waiting.clear()

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


class OsDisk:
    """A directory of the operating system's, made if it is not there."""

    def __init__(self, path: Path) -> None:
        new = [part for part in (path, *path.parents) if not part.exists()]
        path.mkdir(parents=True, exist_ok=True)
        for part in new:
            _sync_directory(part.parent)
        self._path = path

    def list(self) -> tuple[str, ...]:
        return tuple(sorted(entry.name for entry in os.scandir(self._path) if entry.is_file()))

    def create(self, name: str) -> OsFile:
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        return OsFile(os.open(self._at(name), flags, 0o644), name)

    def open(self, name: str) -> OsFile:
        return OsFile(os.open(self._at(name), os.O_RDWR | os.O_CLOEXEC), name)

    def rename(self, old: str, new: str) -> None:
        os.replace(self._at(old), self._at(new))

    def delete(self, name: str) -> None:
        os.unlink(self._at(name))

    def sync_dir(self) -> None:
        _sync_directory(self._path)

    def _at(self, name: str) -> Path:
        if "/" in name:
            raise ValueError(f"{name!r} is no name in a flat directory")
        return self._path / name


def _sync_directory(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
