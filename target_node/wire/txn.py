"""What does a transaction say: as proposed, as logged, and as every replica applies it?

It is a `TxnHeader`, the record that the header's type calls for, and since 3.6 perhaps a digest of
the whole tree as it should be afterwards.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from target_node.wire.codes import OpCode
from target_node.wire.data import ACL
from target_node.wire.jute import Malformed, Reader, Truncated, Writer
from target_node.wire.record import (
    Bool,
    Buffer,
    Int,
    Long,
    String,
    Vector,
    read_record,
    record,
    write_record,
)


@record
class TxnHeader:
    """Whose request it was, and when the leader took it; `type` is an `OpCode`."""

    session: Long
    cxid: Int
    zxid: Long
    time_ms: Long
    type: Int


@record
class CreateTxn:
    """create and create2, of a path that already has its suffix."""

    path: String
    data: Buffer
    acl: Vector[ACL]
    ephemeral: Bool
    parent_cversion: Int


@record
class CreateTxnV0:
    """As before 3.4: it does not know the parent's cversion."""

    path: String
    data: Buffer
    acl: Vector[ACL]
    ephemeral: Bool


@record
class CreateTTLTxn:
    """createTTL."""

    path: String
    data: Buffer
    acl: Vector[ACL]
    parent_cversion: Int
    ttl_ms: Long


@record
class CreateContainerTxn:
    """createContainer."""

    path: String
    data: Buffer
    acl: Vector[ACL]
    parent_cversion: Int


@record
class DeleteTxn:
    """delete and deleteContainer."""

    path: String


@record
class SetDataTxn:
    """setData and reconfig; `version` is the new one."""

    path: String
    data: Buffer
    version: Int


@record
class SetACLTxn:
    """setACL; `version` is the new aversion."""

    path: String
    acl: Vector[ACL]
    version: Int


@record
class CheckVersionTxn:
    """check, which occurs within a MultiTxn only."""

    path: String
    version: Int


@record
class CreateSessionTxn:
    """createSession; the session is the header's."""

    timeout_ms: Int


@record
class CloseSessionTxn:
    """closeSession, with the ephemeral nodes that go with it; before 3.6 it said nothing."""

    paths_to_delete: Vector[String]


@record
class ErrorTxn:
    """A request that was refused, with its `ErrorCode`: it takes a zxid and changes nothing."""

    err: Int


@record
class Txn:
    """One part of a MultiTxn; `decode_txn_body` knows the data."""

    type: Int
    data: Buffer


@record
class MultiTxn:
    """multi: all of it under one zxid."""

    txns: Vector[Txn]


@record
class TxnDigest:
    """What the tree's digest is once this is applied; an ErrorTxn comes without."""

    version: Int
    tree_digest: Long


TxnBody = (
    CreateTxn
    | CreateTxnV0
    | CreateTTLTxn
    | CreateContainerTxn
    | DeleteTxn
    | SetDataTxn
    | SetACLTxn
    | CheckVersionTxn
    | CreateSessionTxn
    | CloseSessionTxn
    | ErrorTxn
    | MultiTxn
)

TXNS: Final[Mapping[int, type[TxnBody]]] = MappingProxyType(
    {
        OpCode.CREATE: CreateTxn,
        OpCode.CREATE2: CreateTxn,
        OpCode.CREATE_TTL: CreateTTLTxn,
        OpCode.CREATE_CONTAINER: CreateContainerTxn,
        OpCode.DELETE: DeleteTxn,
        OpCode.DELETE_CONTAINER: DeleteTxn,
        OpCode.SET_DATA: SetDataTxn,
        OpCode.RECONFIG: SetDataTxn,
        OpCode.SET_ACL: SetACLTxn,
        OpCode.CHECK: CheckVersionTxn,
        OpCode.CREATE_SESSION: CreateSessionTxn,
        OpCode.CLOSE_SESSION: CloseSessionTxn,
        OpCode.ERROR: ErrorTxn,
        OpCode.MULTI: MultiTxn,
    }
)


def encode_txn(header: TxnHeader, body: TxnBody | None, digest: TxnDigest | None = None) -> bytes:
    """The transaction as in a PROPOSAL and in the log."""
    writer = Writer()
    write_record(writer, header)
    if body is not None:
        write_record(writer, body)
    if digest is not None:
        write_record(writer, digest)
    return writer.getvalue()


def decode_txn(data: bytes | memoryview) -> tuple[TxnHeader, TxnBody | None, TxnDigest | None]:
    """The body is None in a closeSession from before 3.6."""
    reader = Reader(data)
    header = read_record(reader, TxnHeader)
    if header.type == OpCode.CLOSE_SESSION and not reader.remaining:
        return header, None, None
    body = _read_body(reader, header.type)
    digest = read_record(reader, TxnDigest) if reader.remaining else None
    reader.expect_end()
    return header, body, digest


def decode_txn_body(type_: int, data: bytes | None) -> TxnBody:
    """The part of a MultiTxn."""
    if data is None:
        raise Malformed("part of a multi without data", 0)
    reader = Reader(data)
    body = _read_body(reader, type_)
    reader.expect_end()
    return body


def _read_body(reader: Reader, type_: int) -> TxnBody:
    cls = TXNS.get(type_)
    if cls is None:
        raise Malformed(f"no transaction has the type {type_}", reader.offset)
    start = reader.offset
    try:
        return read_record(reader, cls)
    except Truncated:
        if type_ != OpCode.CREATE:
            raise
        reader.offset = start  # perhaps one from before 3.4, which ends here
        return read_record(reader, CreateTxnV0)
