"""Which snapshot may be trusted, and where in its file does the tree stand?

A file is a header (`ZKSN`, version 2, database id -1), the body that the tree wrote, and a seal:
the Adler32 of all bytes before it, in eight bytes, then the string "/" (length 1 in four bytes).
Newer ZooKeepers put more behind that, each part under a seal of its own over everything before it:
a digest (3.6), the last zxid (3.9). We write none of these and read past them.

What a body holds is the tree's business. A snapshot named z holds every txn up to z. It may hold
effects of later ones, since the tree moves on while it is written, and replay bears that; but only
of *committed* ones, because no cut ever goes behind those.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final
from zlib import adler32

from target_node.durable.disk import Disk, opened, write_whole
from target_node.durable.names import snapshot_name, snapshots_in

FILE_HEADER: Final = struct.pack(">4siq", b"ZKSN", 2, -1)
_KIND: Final = FILE_HEADER[:8]
_SEAL: Final = struct.Struct(">qi1s")
_DIGEST_SIZE: Final = 8 + 4 + 8
_LAST_ZXID_SIZE: Final = 8
_BLOCK: Final = 1 << 18

# How far in front of the file's end the seals begin, first to last, for each known kind of ending.
_PLAIN: Final = (_SEAL.size,)
_WITH_DIGEST: Final = (2 * _SEAL.size + _DIGEST_SIZE, _SEAL.size)
_WITH_ZXID: Final = (2 * _SEAL.size + _LAST_ZXID_SIZE, _SEAL.size)
_WITH_BOTH: Final = (
    3 * _SEAL.size + _DIGEST_SIZE + _LAST_ZXID_SIZE,
    2 * _SEAL.size + _LAST_ZXID_SIZE,
    _SEAL.size,
)
_ENDINGS: Final = (_WITH_BOTH, _WITH_DIGEST, _WITH_ZXID, _PLAIN)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A file whose seals hold."""

    zxid: int
    name: str
    body_size: int


@dataclass(frozen=True, slots=True)
class Invalid:
    """A file that is no snapshot, although it is named as one."""

    zxid: int
    name: str
    problem: str


def write_snapshot(disk: Disk, zxid: int, body: Iterable[bytes], *, name: str = "") -> Snapshot:
    """The snapshot is on disk to stay; a crash before that leaves nothing that counts as one."""
    name = name or snapshot_name(zxid)
    size = 0

    def chunks() -> Iterator[bytes]:
        nonlocal size
        checksum = adler32(FILE_HEADER)
        yield FILE_HEADER
        for chunk in body:
            checksum = adler32(chunk, checksum)
            size += len(chunk)
            yield chunk
        yield _SEAL.pack(checksum, 1, b"/")

    write_whole(disk, name, f"{name}.tmp", chunks())
    return Snapshot(zxid, name, size)


def read_body(disk: Disk, snapshot: Snapshot) -> Iterator[bytes]:
    """What the tree wrote, in chunks of any size."""
    with opened(disk, snapshot.name) as file:
        end = len(FILE_HEADER) + snapshot.body_size
        for at in range(len(FILE_HEADER), end, _BLOCK):
            yield file.read(at, min(_BLOCK, end - at))


def newest_first(disk: Disk) -> Iterator[Snapshot | Invalid]:
    """Every snapshot, judged as it is asked for."""
    for zxid, name in reversed(snapshots_in(disk)):
        yield judge(disk, zxid, name)


def judge(disk: Disk, zxid: int, name: str) -> Snapshot | Invalid:
    """Read the whole file: only the last seal tells that nothing before it has changed."""
    with opened(disk, name) as file:
        size = file.size()
        if size < len(FILE_HEADER) + _SEAL.size:
            return Invalid(zxid, name, f"{size} bytes are too few")
        if file.read(0, len(_KIND)) != _KIND:
            return Invalid(zxid, name, "this is not the header of a snapshot, version 2")
        marks = sorted({size - back for ending in _ENDINGS for back in ending if back < size})
        sealed: dict[int, bool] = {}
        checksum, at = 1, 0
        for mark in marks:
            while at < mark:
                block = file.read(at, min(_BLOCK, mark - at))
                checksum = adler32(block, checksum)
                at += len(block)
            sealed[mark] = file.read(mark, _SEAL.size) == _SEAL.pack(checksum, 1, b"/")
    for ending in _ENDINGS:
        body_end = size - ending[0]
        if body_end >= len(FILE_HEADER) and all(sealed[size - back] for back in ending):
            return Snapshot(zxid, name, body_end - len(FILE_HEADER))
    return Invalid(zxid, name, "its seal does not match its bytes")
