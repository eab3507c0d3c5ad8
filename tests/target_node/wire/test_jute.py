from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from target_node.wire.jute import Malformed, Reader, Truncated, Writer
from tests.target_node.wire.values import ints, longs, some, texts


def test_golden_bytes() -> None:
    writer = Writer()
    writer.write_int(-2)
    writer.write_long(1 << 32)
    writer.write_bool(True)
    writer.write_bool(False)
    writer.write_buffer(b"ab")
    writer.write_buffer(b"")
    writer.write_buffer(None)
    writer.write_string("/é")
    writer.write_string_or_null(None)
    assert writer.getvalue().hex(" ") == (
        "ff ff ff fe 00 00 00 01 00 00 00 00 01 00 00 00 00 02 61 62 00 00 00 00 ff ff ff ff"
        " 00 00 00 03 2f c3 a9 ff ff ff ff"
    )


@some
@given(ints, longs, st.booleans(), st.none() | st.binary(), texts)
def test_what_is_written_is_read(
    number: int, long: int, truth: bool, buffer: bytes | None, text: str
) -> None:
    writer = Writer()
    writer.write_int(number)
    writer.write_long(long)
    writer.write_bool(truth)
    writer.write_buffer(buffer)
    writer.write_string(text)
    for form in (bytes, bytearray, memoryview):
        reader = Reader(form(writer.getvalue()))
        assert reader.read_int() == number
        assert reader.read_long() == long
        assert reader.read_bool() is truth
        assert reader.read_buffer() == buffer
        assert reader.read_string() == text
        reader.expect_end()


@pytest.mark.parametrize(
    ("data", "read", "what"),
    [
        ("", "read_bool", "bool of 1 bytes, but 0 are left at offset 0"),
        ("000000", "read_int", "int of 4 bytes, but 3 are left at offset 0"),
        ("00", "read_long", "long of 8 bytes, but 1 are left at offset 0"),
        ("fffffffe", "read_buffer", "buffer with length -2 at offset 0"),
        ("80000000", "read_string", "string with length -2147483648 at offset 0"),
        ("7fffffff00", "read_buffer", "buffer of 2147483647 bytes, but 1 are left at offset 4"),
        ("ffffffff", "read_string", "null where a string must be at offset 0"),
        ("0000000261ff", "read_string", "string is not UTF-8 at offset 5"),
        ("00000003eda080", "read_string", "string is not UTF-8 at offset 4"),
        ("00", "expect_end", "1 bytes too many at offset 0"),
    ],
)
def test_says_what_is_wrong_and_where(data: str, read: str, what: str) -> None:
    with pytest.raises(Malformed) as caught:
        getattr(Reader(bytes.fromhex(data)), read)()
    assert str(caught.value) == what


def test_a_count_is_believed_only_if_so_many_fit() -> None:
    assert Reader(bytes.fromhex("00000002") + bytes(8)).read_count(4) == 2
    with pytest.raises(Truncated) as caught:
        Reader(bytes.fromhex("40000000") + bytes(8)).read_count(4)
    assert caught.value.needed == 4 + 4 * 0x40000000
    with pytest.raises(Malformed, match="vector with length -2"):
        Reader(bytes.fromhex("fffffffe")).read_count(4)


def test_any_byte_but_zero_is_true() -> None:
    assert Reader(b"\x02").read_bool() is True
