from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from target_node.wire.codes import ErrorCode, OpCode
from target_node.wire.data import OPEN_ACL_UNSAFE
from target_node.wire.jute import Malformed
from target_node.wire.record import encode
from target_node.wire.txn import (
    TXNS,
    CloseSessionTxn,
    CreateSessionTxn,
    CreateTxn,
    CreateTxnV0,
    ErrorTxn,
    MultiTxn,
    SetDataTxn,
    Txn,
    TxnDigest,
    TxnHeader,
    decode_txn,
    decode_txn_body,
    encode_txn,
)
from tests.target_node.wire.values import longs, records, some

HEADER = TxnHeader(9, 1, 0x100000002, 1000, OpCode.SET_DATA)
HEADER_BYTES = "0000000000000009 00000001 0000000100000002 00000000000003e8"
DIGEST = TxnDigest(2, 77)


@pytest.mark.parametrize("op", sorted(TXNS), ids=lambda op: OpCode(op).name)
@some
@given(st.data(), longs)
def test_every_txn_survives_the_wire(op: int, data: st.DataObject, zxid: int) -> None:
    body = data.draw(records(TXNS[op]))
    header = TxnHeader(data.draw(longs), 1, zxid, 2, op)
    digest = data.draw(st.none() | records(TxnDigest))
    assert decode_txn(encode_txn(header, body, digest)) == (header, body, digest)
    assert decode_txn_body(op, encode(body)) == body
    with pytest.raises(Malformed):
        decode_txn(encode_txn(header, body, DIGEST) + b"\0")


def test_golden_bytes() -> None:
    body = SetDataTxn("/a", None, 4)
    assert encode_txn(HEADER, body, DIGEST) == bytes.fromhex(
        f"{HEADER_BYTES} 00000005 00000002 2f61 ffffffff 00000004 00000002 000000000000004d"
    )
    multi = MultiTxn((Txn(OpCode.ERROR, encode(ErrorTxn(ErrorCode.NO_NODE))),))
    assert encode_txn(replace(HEADER, type=OpCode.MULTI), multi) == bytes.fromhex(
        f"{HEADER_BYTES} 0000000e 00000001 ffffffff 00000004 ffffff9b"
    )
    session = replace(HEADER, type=OpCode.CREATE_SESSION)
    assert encode_txn(session, CreateSessionTxn(4000)) == bytes.fromhex(
        f"{HEADER_BYTES} fffffff6 00000fa0"
    )


def test_a_create_from_before_3_4_ends_early() -> None:
    header = replace(HEADER, type=OpCode.CREATE)
    old = CreateTxnV0("/a", b"x", OPEN_ACL_UNSAFE, ephemeral=True)
    assert decode_txn(encode_txn(header, old)) == (header, old, None)
    new = CreateTxn("/a", b"x", OPEN_ACL_UNSAFE, ephemeral=True, parent_cversion=1)
    assert encode_txn(header, new).startswith(encode_txn(header, old))
    with pytest.raises(Malformed):
        decode_txn(encode_txn(replace(header, type=OpCode.CREATE2), old))


def test_a_close_from_before_3_6_says_nothing() -> None:
    header = replace(HEADER, type=OpCode.CLOSE_SESSION)
    assert decode_txn(encode_txn(header, None)) == (header, None, None)
    empty = CloseSessionTxn(())
    assert decode_txn(encode_txn(header, empty, DIGEST)) == (header, empty, DIGEST)


@pytest.mark.parametrize(
    ("data", "what"),
    [
        ("", "32 bytes, but 0 are left"),
        (f"{HEADER_BYTES} 00000063", "no transaction has the type 99 at offset 32"),
        (f"{HEADER_BYTES} 00000004", "no transaction has the type 4"),
        (f"{HEADER_BYTES} ffffffff 00000000 0000", "12 bytes, but 2 are left at offset 36"),
        (f"{HEADER_BYTES} 0000000e 10000000", "vector of 268435456 elements"),
    ],
)
def test_refuses_a_txn(data: str, what: str) -> None:
    with pytest.raises(Malformed, match=what):
        decode_txn(bytes.fromhex(data))


def test_part_of_a_multi_has_data() -> None:
    with pytest.raises(Malformed, match="without data"):
        decode_txn_body(OpCode.DELETE, None)
