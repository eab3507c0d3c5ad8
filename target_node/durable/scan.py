"""Which bytes of a log file are txns, and how does the file end?

A file is a header (`ZKLG`, version 2, database id 0), then records: Adler32 of the payload in
eight bytes, its length in four, the payload, and 0x42. Zeros behind the last record are space that
was allocated ahead. The payload starts with ZooKeeper's TxnHeader (session 8, cxid 4, zxid 8 …);
all else in it is the tree's business.

Rules of this file:
1. A crash cuts what was appended since the last sync at one place. So a record that is not whole,
   with nothing whole behind it, is a torn tail: it was never acknowledged.
2. Anything else (a whole record with a wrong checksum, a broken record in front of a good one) is
   no crash's work, and acknowledged txns may be in it: refused.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final
from zlib import adler32

from target_node.durable.disk import File
from target_node.durable.refusal import Corrupt

FILE_HEADER: Final = struct.pack(">4siq", b"ZKLG", 2, 0)
TXN_HEADER_SIZE: Final = 32
_FRAME: Final = struct.Struct(">qi")
_ZXID_AT: Final = 12
_END: Final = 0x42
_BLOCK: Final = 1 << 18


@dataclass(frozen=True, slots=True)
class Txn:
    """One txn as it stands in the log: header, body and, from some servers, a digest."""

    zxid: int
    payload: bytes


def zxid_of(payload: bytes) -> int:
    """The zxid in the TxnHeader."""
    if len(payload) < TXN_HEADER_SIZE:
        raise ValueError(f"a txn begins with {TXN_HEADER_SIZE} bytes of header, not {len(payload)}")
    return int.from_bytes(payload[_ZXID_AT : _ZXID_AT + 8], "big", signed=True)


def encode(payload: bytes) -> bytes:
    """The record that holds this txn."""
    return b"%b%b%c" % (_FRAME.pack(adler32(payload), len(payload)), payload, _END)


class Scan:
    """The txns of one file, in order. Behind the last: where they `end`, and why if `torn`."""

    def __init__(self, file: File, name: str) -> None:
        self._file = file
        self._name = name
        self._size = file.size()
        self._block = b""
        self._block_at = 0
        self.end = 0
        self.torn: str | None = None

    def __iter__(self) -> Iterator[Txn]:
        last = -1
        if self._header_is_whole():
            self.end = len(FILE_HEADER)
            while (payload := self._payload(last)) is not None:
                zxid = zxid_of(payload)
                if zxid <= last:
                    raise self._corrupt(f"zxid 0x{zxid:x} stands behind zxid 0x{last:x}")
                last = zxid
                self.end += _FRAME.size + len(payload) + 1
                yield Txn(zxid, payload)

    def _header_is_whole(self) -> bool:
        header = self._at(0, len(FILE_HEADER))
        if header == FILE_HEADER:
            return True
        if FILE_HEADER.startswith(header.rstrip(b"\0")) and self._rest_is_zero(len(FILE_HEADER)):
            self.torn = f"only {len(header.rstrip(bytes(1)))} bytes of its header were written"
            return False
        raise self._corrupt("this is not the header of a ZooKeeper log, version 2")

    def _payload(self, last: int) -> bytes | None:
        """The next record's, or None where the records end."""
        frame = self._at(self.end, _FRAME.size)
        if not frame.strip(b"\0") and self._rest_is_zero(self.end):
            return None
        if len(frame) < _FRAME.size:
            self._end_torn("the record's frame is cut short", last)
            return None
        checksum, length = _FRAME.unpack(frame)
        if length < 0:
            raise self._corrupt(f"a record of length {length}")
        body = self._at(self.end + _FRAME.size, length + 1)
        if len(body) <= length:
            self._end_torn(f"the record is cut short: {len(body)} of {length + 1} bytes", last)
            return None
        if body[-1] != _END:
            self._end_torn("the record has no end mark", last)
            return None
        payload = body[:-1]
        if adler32(payload) != checksum:
            raise self._corrupt("the checksum of a whole record is wrong")
        if length < TXN_HEADER_SIZE:
            raise self._corrupt(f"a record of {length} bytes is too short to be a txn")
        return payload

    def _end_torn(self, why: str, last: int) -> None:
        # A tear has nothing whole behind it. If there is, this record was once whole and synced,
        # and dropping it would break a promise.
        if (whole := self._whole_record_behind(last)) is not None:
            raise self._corrupt(f"{why}, yet a whole record follows at byte {whole}")
        self.torn = why

    def _whole_record_behind(self, last: int) -> int | None:
        tail = self._file.read(self.end, self._size - self.end).rstrip(b"\0")
        at = 0
        # The upper half of the checksum's eight bytes is zero: that is quick to look for.
        while (at := tail.find(bytes(4), at + 1)) >= 0:
            checksum, length = _FRAME.unpack(tail[at : at + _FRAME.size].ljust(_FRAME.size, b"\0"))
            start = at + _FRAME.size
            if length < TXN_HEADER_SIZE or tail[start + length : start + length + 1] != b"B":
                continue
            payload = tail[start : start + length]
            if adler32(payload) == checksum and zxid_of(payload) > last:
                return self.end + at
        return None

    def _rest_is_zero(self, offset: int) -> bool:
        for at in range(offset, self._size, _BLOCK):
            if self._file.read(at, _BLOCK).strip(b"\0"):
                return False
        return True

    def _at(self, offset: int, length: int) -> bytes:
        if offset < self._block_at or offset + length > self._block_at + len(self._block):
            self._block = self._file.read(offset, max(length, _BLOCK))
            self._block_at = offset
        return self._block[offset - self._block_at : offset - self._block_at + length]

    def _corrupt(self, problem: str) -> Corrupt:
        return Corrupt(self._name, self.end, problem)
