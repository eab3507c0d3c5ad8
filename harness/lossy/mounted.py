"""How do programs see it? As a file system in user space, told what is to be wrong by a file in it.

It runs on a host as root, `python3 lossy.pyz FOLDER WHERE`, and needs Python and libfuse3. What is
written into `.zabtest` is one command: `fail SYNC_MS SYNC_ERRNO WRITE_ERRNO`, `lose TORN` or
`settle`; what can be read there are numbers: late syncs, failed syncs, failed writes, power losses,
and the changes of bytes and names that were lost.
"""

from __future__ import annotations

import errno
import os
import secrets
import stat
import sys
import time
from pathlib import Path
from typing import Any

from mfusepy import FUSE, FuseOSError, Operations

from harness.lossy.remains import Remains

CONTROL = "/.zabtest"
_SHOWN = 512  # bytes that can be read there
_NO_FILE = 1 << 40
_TIMES = ("st_atime", "st_mtime", "st_ctime")
_FACTS = ("st_mode", "st_nlink", "st_uid", "st_gid", "st_size", "st_blocks", "st_ino")


class Mounted(Operations):  # type: ignore[misc]
    """The calls of the kernel."""

    use_ns = True

    def __init__(self, remains: Remains) -> None:
        self._remains = remains
        self._sync_ms = self._sync_errno = self._write_errno = 0
        self._late = self._unsynced = self._unwritten = 0
        self._losses = self._lost_bytes = self._lost_names = 0

    # What is told.

    def _command(self, said: str) -> None:
        match said.split():
            case ["fail", sync_ms, sync_errno, write_errno]:
                self._sync_ms, self._sync_errno = int(sync_ms), int(sync_errno)
                self._write_errno = int(write_errno)
            case ["lose", torn]:
                lost = self._remains.lose(secrets.randbelow, torn=torn == "1")
                self._losses += 1
                self._lost_bytes += lost.bytes
                self._lost_names += lost.names
            case ["settle"]:
                self._remains.sync_all()
            case _:
                raise FuseOSError(errno.EINVAL)

    def _told(self) -> bytes:
        numbers = (
            *(self._late, self._unsynced, self._unwritten),
            *(self._losses, self._lost_bytes, self._lost_names),
        )
        return " ".join(map(str, numbers)).encode().ljust(_SHOWN - 1) + b"\n"

    # Files.

    def getattr(self, path: str, fh: int | None = None) -> dict[str, Any]:
        if path == CONTROL:
            now = time.time_ns()
            return {
                **{"st_mode": stat.S_IFREG | 0o600, "st_nlink": 1, "st_size": _SHOWN},
                **dict.fromkeys(_TIMES, now),
            }
        found = os.lstat(self._remains.at(path))
        facts = {name: getattr(found, name) for name in _FACTS}
        return facts | {name: getattr(found, f"{name}_ns") for name in _TIMES}

    def open(self, path: str, flags: int) -> int:
        if path == CONTROL:
            return _NO_FILE
        # Always for both: what a write replaces must be read.
        kept = flags & ~(os.O_ACCMODE | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_TRUNC)
        return os.open(self._remains.at(path), kept | os.O_RDWR | os.O_CLOEXEC)

    def create(self, path: str, mode: int, fi: object = None) -> int:
        return self._remains.create(path, mode)

    def read(self, path: str, size: int, offset: int, fh: int) -> bytes:
        if fh == _NO_FILE:
            return self._told()[offset : offset + size]
        return os.pread(fh, size, offset)

    def write(self, path: str, data: bytes, offset: int, fh: int) -> int:
        if fh == _NO_FILE:
            self._command(data.decode())
            return len(data)
        self._may_write()
        self._remains.write(fh, data, offset)
        return len(data)

    def truncate(self, path: str, length: int, fh: int | None = None) -> int:
        if path == CONTROL:
            return 0
        if length > os.lstat(self._remains.at(path)).st_size:
            self._may_write()
        fd = os.open(self._remains.at(path), os.O_RDWR | os.O_CLOEXEC) if fh is None else fh
        try:
            self._remains.resize(fd, length)
        finally:
            if fh is None:
                os.close(fd)
        return 0

    def _may_write(self) -> None:
        if self._write_errno:
            self._unwritten += 1
            raise FuseOSError(self._write_errno)

    def fsync(self, path: str, datasync: int, fh: int) -> int:
        if fh != _NO_FILE:
            self._may_sync()
            self._remains.sync(fh)
        return 0

    def fsyncdir(self, path: str, datasync: int, fh: int) -> int:
        self._may_sync()
        self._remains.sync_names()
        return 0

    def _may_sync(self) -> None:
        if self._sync_ms:
            time.sleep(self._sync_ms / 1000)
            self._late += 1
        if self._sync_errno:
            self._unsynced += 1
            raise FuseOSError(self._sync_errno)

    def release(self, path: str, fh: int) -> int:
        if fh != _NO_FILE:
            os.close(fh)
        return 0

    # Names.

    def readdir(self, path: str, fh: int) -> list[str]:
        return [".", "..", *os.listdir(self._remains.at(path))]

    def mkdir(self, path: str, mode: int) -> int:
        self._remains.make_folder(path, mode)
        return 0

    def rmdir(self, path: str) -> int:
        self._remains.remove_folder(path)
        return 0

    def unlink(self, path: str) -> int:
        self._remains.remove(path)
        return 0

    def rename(self, old: str, new: str) -> int:
        self._remains.rename(old, new)
        return 0

    # What lasts at once.

    def chmod(self, path: str, mode: int) -> int:
        os.chmod(self._remains.at(path), mode)
        return 0

    def chown(self, path: str, uid: int, gid: int) -> int:
        os.chown(self._remains.at(path), uid, gid)
        return 0

    def utimens(self, path: str, times: tuple[int, int] | None = None) -> int:
        os.utime(self._remains.at(path), ns=times or (time.time_ns(),) * 2)
        return 0

    def statfs(self, path: str) -> dict[str, int]:
        found = os.statvfs(self._remains.root)
        names = ("f_bsize", "f_frsize", "f_blocks", "f_bfree", "f_bavail", "f_files", "f_ffree")
        return {name: getattr(found, name) for name in (*names, "f_namemax")}


def main() -> None:
    """Until it is unmounted. It changes its directory, so paths must be whole."""
    folder, where = sys.argv[1:]
    FUSE(
        Mounted(Remains(Path(folder).absolute())),
        where,
        foreground=True,
        fsname="zabtest",
        hard_remove=True,
        attr_timeout=0,
        entry_timeout=0,
        negative_timeout=0,
    )
