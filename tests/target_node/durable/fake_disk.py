"""What is left of a disk's directory after a crash, if the disk keeps its promises and no more?

Every change waits in a list until it is synced. A crash keeps some of what waits: of a file's bytes
a prefix, cut anywhere, with or without zeros behind it; of the directory's changes any choice.
`draw(n)`, 0 to n, decides: always 0 loses everything, always n keeps everything.
"""

from __future__ import annotations

import errno
from collections.abc import Callable
from dataclasses import dataclass, field

Draw = Callable[[int], int]


class PowerCut(BaseException):
    """The machine stopped; no `except Exception` of the code under test may hide it."""


@dataclass(slots=True)
class _Content:
    """A file apart from its names."""

    synced: bytes = b""
    waiting: list[bytes | int] = field(default_factory=list)  # appended bytes | a cut's new size

    def now(self) -> bytes:
        return _applied(self.synced, self.waiting)

    def survivors(self, draw: Draw) -> list[bytes | int]:
        kept = draw(len(self.waiting))
        changes = self.waiting[:kept]
        if kept < len(self.waiting) and isinstance(torn := self.waiting[kept], bytes):
            part = torn[: draw(len(torn))]
            zeros = len(torn) - len(part) if draw(3) == 2 else 0
            changes.append(part + bytes(zeros))
        return changes


@dataclass(frozen=True, slots=True)
class _Renaming:
    """Names that come and go in one step."""

    gone: str | None
    come: str | None
    content: _Content


class FakeFile:
    """A handle; all handles of a file see the same bytes."""

    def __init__(self, disk: FakeDisk, content: _Content, name: str) -> None:
        self._disk = disk
        self._content = content
        self._name = name
        self._life = disk.life

    def size(self) -> int:
        return len(self._content.now())

    def read(self, offset: int, length: int) -> bytes:
        self._disk.called("read", self._name, changes=False)
        return self._content.now()[offset : offset + length]

    def append(self, data: bytes) -> None:
        self._change("append")
        self._content.waiting.append(bytes(data))

    def truncate(self, size: int) -> None:
        if size > self.size():
            raise ValueError(f"{self._name} has {self.size()} bytes: no cut makes it {size}")
        self._change("truncate")
        self._content.waiting.append(size)

    def sync(self) -> None:
        self._change("sync")
        self._content.synced = self._content.now()
        self._content.waiting.clear()

    def close(self) -> None:
        pass

    def _change(self, call: str) -> None:
        assert self._life == self._disk.life, "a handle from before the crash"
        self._disk.called(call, self._name)


class FakeDisk:
    """A disk whose every call can be the last one, or fail."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.life = 0
        self.cut_power_at: int | None = None  # before the change with this number
        self.fail_at: int | None = None  # the call, reads included, with this number
        self.fail_with = errno.EIO
        self.all_calls = 0
        self._names: dict[str, _Content] = {}
        self._synced_names: dict[str, _Content] = {}
        self._waiting: list[_Renaming] = []

    def list(self) -> tuple[str, ...]:
        return tuple(sorted(self._names))

    def create(self, name: str) -> FakeFile:
        if name in self._names:
            raise FileExistsError(errno.EEXIST, "exists", name)
        self.called("create", name)
        self._rename(_Renaming(None, name, _Content()))
        return self.open(name)

    def open(self, name: str) -> FakeFile:
        if name not in self._names:
            raise FileNotFoundError(errno.ENOENT, "no such file", name)
        return FakeFile(self, self._names[name], name)

    def rename(self, old: str, new: str) -> None:
        self.called("rename", f"{old} {new}")
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

    def power_off(self, draw: Draw) -> None:
        """Only what was synced stays, and what the draws let through."""
        self._restart(draw)
        for content in self._names.values():
            content.synced = content.now()
            content.waiting.clear()
        self._synced_names = dict(self._names)
        self._waiting.clear()

    def kill(self, draw: Draw) -> None:
        """Some of what was not synced is lost, the rest is seen again, and still not synced."""
        self._restart(draw)

    def called(self, call: str, what: str, *, changes: bool = True) -> None:
        at = self.all_calls
        self.all_calls += 1
        if changes:
            if self.cut_power_at is not None and len(self.calls) >= self.cut_power_at:
                raise PowerCut
            self.calls.append(f"{call} {what}".strip())
        if at == self.fail_at:
            raise OSError(self.fail_with, f"injected into call {at}: {call}", what)

    def _rename(self, change: _Renaming) -> None:
        self._waiting.append(change)
        _apply(self._names, change)

    def _restart(self, draw: Draw) -> None:
        self.life += 1
        self.cut_power_at = self.fail_at = None
        self.calls = []
        self.all_calls = 0
        self._waiting = [change for change in self._waiting if draw(1)]
        self._names = dict(self._synced_names)
        for change in self._waiting:
            _apply(self._names, change)
        # By name, so that the draws mean the same in every run.
        for _, content in sorted(self._names.items()):
            content.waiting = content.survivors(draw)


def _apply(names: dict[str, _Content], change: _Renaming) -> None:
    # A change whose forerunner was lost does what is left of it.
    if change.gone is not None and names.get(change.gone) is change.content:
        del names[change.gone]
    if change.come is not None:
        names[change.come] = change.content


def _applied(content: bytes, changes: list[bytes | int]) -> bytes:
    for change in changes:
        content = content[:change] if isinstance(change, int) else content + change
    return content
