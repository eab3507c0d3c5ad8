"""Txns as small as they may be, and trees that are nothing but the txns they are made of."""

from __future__ import annotations

import struct
from collections.abc import Iterable

from target_node.durable.disk import Disk
from target_node.durable.recovery import Recovered
from target_node.durable.snapshot import read_body

_LENGTH = struct.Struct(">i")


def txn(epoch: int, counter: int, data: bytes = b"x") -> bytes:
    """A TxnHeader (session, cxid, zxid, time, type) and some bytes."""
    return struct.pack(">qiqqi", 7, 1, epoch << 32 | counter, 1000, 1) + data


def body(payloads: Iterable[bytes]) -> list[bytes]:
    """A tree that remembers every txn, in uneven chunks."""
    return [part for one in payloads for part in (_LENGTH.pack(len(one)), one)]


def history(disk: Disk, recovered: Recovered) -> list[bytes]:
    """Every txn that the recovered tree has seen."""
    seen: list[bytes] = []
    if recovered.snapshot is not None:
        whole = b"".join(read_body(disk, recovered.snapshot))
        at = 0
        while at < len(whole):
            (length,) = _LENGTH.unpack_from(whole, at)
            seen.append(whole[at + 4 : at + 4 + length])
            at += 4 + length
    return seen + [one.payload for one in recovered.txns]
