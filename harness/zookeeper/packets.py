"""What comes and goes over a connection: packets, and what they mean to a session?"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Protocol, TypeAlias

from target_node.wire.codes import CreateMode
from target_node.wire.connect import (
    ConnectRequest,
    ConnectResponse,
    decode_connect_response,
    encode_connect_request,
)
from target_node.wire.data import OPEN_ACL_UNSAFE
from target_node.wire.data import Stat as WireStat
from target_node.wire.frames import CLIENT_LIMIT, frame
from target_node.wire.jute import INT, Malformed
from target_node.wire.multi import CheckResult, DeleteResult, WriteOperation
from target_node.wire.requests import (
    CheckVersionRequest,
    Create2Request,
    DeleteRequest,
    SetDataRequest,
)
from workloads.session import Check, Create, Delete, NotDone, Reply, SetData, Stat, Step


class Writer(Protocol):
    """As much of an asyncio.StreamWriter as a session uses."""

    def write(self, data: bytes) -> None:
        """Send behind all else."""

    def close(self) -> None:
        """End the connection."""


Opener: TypeAlias = Callable[[str, int], Awaitable[tuple[asyncio.StreamReader, Writer]]]
Door: TypeAlias = Callable[[], Awaitable[tuple[asyncio.StreamReader, Writer]]]
"""A way to one server."""


async def greeted(
    door: Door, hello: ConnectRequest, timeout_s: float
) -> tuple[asyncio.StreamReader, Writer, ConnectResponse]:
    """A connection to a server, and its answer; `NotDone` if there is none.

    A session that is over, or was never, it answers with session 0 and no timeout.
    """
    writer: Writer | None = None
    try:
        async with asyncio.timeout(timeout_s):
            reader, writer = await door()
            writer.write(frame(encode_connect_request(hello)))
            return reader, writer, decode_connect_response(await packet(reader))
    except BaseException as failure:
        if writer is not None:
            writer.close()
        if isinstance(failure, TimeoutError):
            raise NotDone(f"no session within {timeout_s:g} s") from None
        if isinstance(failure, OSError | EOFError | Malformed):
            raise NotDone(f"no session: {words(failure)}") from None
        raise


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
        case Create(path, data, ephemeral):
            mode = CreateMode.EPHEMERAL if ephemeral else CreateMode.PERSISTENT
            return Create2Request(path, data, OPEN_ACL_UNSAFE, mode)
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
