"""What does a disk keep when the power fails?

What it promised in `durable.disk`, and no more. Every change waits in a list until it is synced. A
crash keeps some of what waits: of a file's bytes a prefix, cut anywhere, with or without zeros
behind it; of the directory's changes any choice. Draws decide: always 0 loses everything, always
the largest keeps everything.
"""

from __future__ import annotations

import errno
from dataclasses import dataclass, field
from typing import Final

from harness.chance import Draw

FULL: Final = errno.ENOSPC
BROKEN: Final = errno.EIO
_SYNCS: Final = ("sync", "sync_dir")


class PowerCut(BaseException):
    """The machine stopped; no `except Exception` of the code under test may hide it."""


@dataclass(slots=True)
class _Content:
    """A file apart from its names: what is seen now, and how it differs from what is synced."""

    seen: bytearray = field(default_factory=bytearray)
    waiting: list[bytes | int] = field(default_factory=list)  # appended bytes | a cut's new size
    synced_size: int = 0
    before_cut: bytes | None = None  # what is synced, where that is no beginning of what is seen

    def append(self, data: bytes) -> None:
        self.waiting.append(data)
        self.seen += data

    def cut(self, size: int) -> None:
        if self.before_cut is None:
            self.before_cut = bytes(self.seen[: self.synced_size])
        self.waiting.append(size)
        del self.seen[size:]

    def sync(self) -> None:
        self.waiting.clear()
        self.synced_size = len(self.seen)
        self.before_cut = None

    def lose(self, draw: Draw) -> None:
        """Only some of what waits was done."""
        if not self.waiting:
            return
        survivors = self._survivors(draw)
        synced = self.before_cut
        if synced is None:
            synced = bytes(self.seen[: self.synced_size])
        self.seen[:] = synced
        self.waiting, self.before_cut, self.synced_size = [], None, len(synced)
        for change in survivors:
            if isinstance(change, int):
                self.cut(change)
            else:
                self.append(change)

    def _survivors(self, draw: Draw) -> list[bytes | int]:
        kept = draw(len(self.waiting) + 1)
        changes = self.waiting[:kept]
        if kept < len(self.waiting) and isinstance(torn := self.waiting[kept], bytes):
            part = torn[: draw(len(torn) + 1)]
            zeros = len(torn) - len(part) if draw(4) == 2 else 0
            changes.append(part + bytes(zeros))
        return changes


@dataclass(frozen=True, slots=True)
class _Renaming:
    """Names that come and go in one step."""

    gone: str | None
    come: str | None
    content: _Content


class SimFile:
    """A handle; all handles of a file see the same bytes."""

    def __init__(self, disk: SimDisk, content: _Content, name: str) -> None:
        self._disk = disk
        self._content = content
        self._name = name
        self._life = disk.life

    def size(self) -> int:
        return len(self._content.seen)

    def read(self, offset: int, length: int) -> bytes:
        self._disk.called("read", self._name, changes=False)
        return bytes(self._content.seen[offset : offset + length])

    def append(self, data: bytes) -> None:
        self._change("append")
        self._content.append(bytes(data))

    def truncate(self, size: int) -> None:
        if size > self.size():
            raise ValueError(f"{self._name} has {self.size()} bytes: no cut makes it {size}")
        self._change("truncate")
        self._content.cut(size)

    def sync(self) -> None:
        self._change("sync")
        self._content.sync()

    def close(self) -> None:
        pass

    def _change(self, call: str) -> None:
        assert self._life == self._disk.life, "a handle from before the crash"
        self._disk.called(call, self._name)


class SimDisk:
    """A disk whose every call can be the last one, or fail."""

    def __init__(self) -> None:
        self.life = 0
        self.calls: list[str] | None = None  # those that change something, if one wants to know
        self.changes = 0  # how many those were in this life
        self.all_calls = 0  # and those that read
        self.cut_power_at: int | None = None  # before the change with this number
        self.fail_at: int | None = None  # the call, reads included, with this number
        self.fail_with = BROKEN
        self.fails: int | None = None  # with this error, as long as it is set, and every change
        self.fails_to_sync = False
        self._names: dict[str, _Content] = {}
        self._synced_names: dict[str, _Content] = {}
        self._waiting: list[_Renaming] = []

    def list(self) -> tuple[str, ...]:
        return tuple(sorted(self._names))

    def create(self, name: str) -> SimFile:
        if name in self._names:
            raise FileExistsError(errno.EEXIST, "exists", name)
        self.called("create", name)
        self._rename(_Renaming(None, name, _Content()))
        return self.open(name)

    def open(self, name: str) -> SimFile:
        if name not in self._names:
            raise FileNotFoundError(errno.ENOENT, "no such file", name)
        return SimFile(self, self._names[name], name)

    def rename(self, old: str, new: str) -> None:
        self.called("rename", old)
        self._rename(_Renaming(old, new, self._names[old]))

    def delete(self, name: str) -> None:
        self.called("delete", name)
        self._rename(_Renaming(name, None, self._names[name]))

    def sync_dir(self) -> None:
        self.called("sync_dir", "")
        self._synced_names = dict(self._names)
        self._waiting.clear()

    def names_in_doubt(self) -> int:
        """How many changes of names the next `sync_dir` would make durable."""
        return len(self._waiting)

    def all_durable(self) -> bool:
        """Whether a power loss would change nothing."""
        return not self._waiting and not any(one.waiting for one in self._names.values())

    def power_off(self, draw: Draw) -> None:
        """Only what was synced stays, and what the draws let through."""
        self._restart(draw)
        for content in self._names.values():
            content.sync()
        self._synced_names = dict(self._names)
        self._waiting.clear()

    def kill(self, draw: Draw) -> None:
        """Some of what was not synced is lost, the rest is seen again, and still not synced."""
        self._restart(draw)

    def wipe(self) -> None:
        """Another disk is in its place, an empty one."""
        self.life += 1
        self._names.clear()
        self._synced_names.clear()
        self._waiting.clear()

    def seen(self, name: str) -> bytes:
        """This file, looked at from outside."""
        return bytes(self._names[name].seen)

    def flip(self, name: str, bit: int) -> None:
        """One bit of this file is not what it was."""
        seen = self._names[name].seen
        self.put(name, bit // 8, seen[bit // 8] ^ 1 << bit % 8)

    def put(self, name: str, at: int, byte: int) -> None:
        """This byte is not what it was."""
        self._names[name].seen[at] = byte

    def called(self, call: str, what: str, *, changes: bool = True) -> None:
        at = self.all_calls
        self.all_calls += 1
        if changes:
            if self.cut_power_at is not None and self.changes >= self.cut_power_at:
                raise PowerCut
            self.changes += 1
            if self.calls is not None:
                self.calls.append(f"{call} {what}".strip())
            if self.fails is not None:
                raise OSError(self.fails, f"injected: {call}", what)
            if self.fails_to_sync and call in _SYNCS:
                raise OSError(BROKEN, f"injected: {call}", what)
        if at == self.fail_at:
            raise OSError(self.fail_with, f"injected into call {at}: {call}", what)

    def _rename(self, change: _Renaming) -> None:
        self._waiting.append(change)
        _apply(self._names, change)

    def _restart(self, draw: Draw) -> None:
        self.life += 1
        self.cut_power_at = self.fail_at = None
        self.changes = self.all_calls = 0
        self._waiting = [change for change in self._waiting if draw(2)]
        self._names = dict(self._synced_names)
        for change in self._waiting:
            _apply(self._names, change)
        # By name, so that the draws mean the same in every run.
        for _, content in sorted(self._names.items()):
            content.lose(draw)


def _apply(names: dict[str, _Content], change: _Renaming) -> None:
    # A change whose forerunner was lost does what is left of it.
    if change.gone is not None and names.get(change.gone) is change.content:
        del names[change.gone]
    if change.come is not None:
        names[change.come] = change.content
