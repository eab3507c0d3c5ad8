"""What comes and goes over a connection: packets, and what they mean to a session?"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Protocol, TypeAlias

from target_node.wire.codes import CreateMode
from target_node.wire.data import OPEN_ACL_UNSAFE
from target_node.wire.data import Stat as WireStat
from target_node.wire.frames import CLIENT_LIMIT
from target_node.wire.jute import INT, Malformed
from target_node.wire.multi import CheckResult, DeleteResult, WriteOperation
from target_node.wire.requests import (
    CheckVersionRequest,
    Create2Request,
    DeleteRequest,
    SetDataRequest,
)
from workloads.session import Check, Create, Delete, Reply, SetData, Stat, Step


class Writer(Protocol):
    """As much of an asyncio.StreamWriter as a session uses."""

    def write(self, data: bytes) -> None:
        """Send behind all else."""

    def close(self) -> None:
        """End the connection."""


Opener: TypeAlias = Callable[[str, int], Awaitable[tuple[asyncio.StreamReader, Writer]]]


async def packet(reader: asyncio.StreamReader) -> bytes:
    """The bytes of the next packet."""
    (length,) = INT.unpack(await reader.readexactly(INT.size))
    if not 0 <= length <= CLIENT_LIMIT + 1024:  # a node's data may fill it; there is more to say
        raise Malformed(f"packet with length {length}", 0)
    return await reader.readexactly(length)


def words(failure: BaseException) -> str:
    """Why a connection is of no use any more."""
    if isinstance(failure, EOFError):
        return "the server ended the connection"
    if isinstance(failure, Malformed):
        return f"the server's reply cannot be read: {failure}"
    told = failure.strerror if isinstance(failure, OSError) else None
    return (told or str(failure) or type(failure).__name__).lower()


def operation(step: Step) -> WriteOperation:
    """A step of a multi."""
    match step:
        case Create(path, data):
            return Create2Request(path, data, OPEN_ACL_UNSAFE, CreateMode.PERSISTENT)
        case SetData(path, data, version):
            return SetDataRequest(path, data, version)
        case Delete(path, version):
            return DeleteRequest(path, version)
        case Check(path, version):
            return CheckVersionRequest(path, version)


def reply(zxid: int, response: Any) -> Reply:
    """What the bodies of all replies have in common."""
    stat: WireStat | None = getattr(response, "stat", None)
    return Reply(
        zxid=zxid,
        stat=None if stat is None else _stat(stat),
        path=getattr(response, "path", ""),
        data=getattr(response, "data", None) or b"",
        names=getattr(response, "children", ()),
        bare=response is None or isinstance(response, DeleteResult | CheckResult),
    )


def _stat(stat: WireStat) -> Stat:
    return Stat(
        czxid=stat.czxid,
        mzxid=stat.mzxid,
        version=stat.version,
        cversion=stat.cversion,
        pzxid=stat.pzxid,
        ephemeral_owner=stat.ephemeral_owner,
        children=stat.num_children,
    )
