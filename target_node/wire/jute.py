"""How are numbers, strings and buffers written in jute, ZooKeeper's notation for records?

Rules of this file:
- All numbers are big endian and signed. A buffer or string is its length and its bytes.
- Length -1 is null. A null buffer is `None`; only `read_string_or_null` knows a null string.
- A length is believed only once that many bytes are seen to be there, so that no packet can make
  its reader allocate more than the packet's own size.
"""

from __future__ import annotations

from struct import Struct
from typing import Any, Final

NULL: Final = -1

BOOL: Final = Struct(">?")
INT: Final = Struct(">i")
LONG: Final = Struct(">q")


class Malformed(Exception):
    """These bytes are no such record: `what` is wrong, and at which `offset`."""

    def __init__(self, what: str, offset: int) -> None:
        super().__init__(f"{what} at offset {offset}")
        self.what = what
        self.offset = offset


class Truncated(Malformed):
    """The bytes end within the record; with `needed` bytes in all, more of it can be read."""

    def __init__(self, what: str, offset: int, needed: int) -> None:
        super().__init__(what, offset)
        self.needed = needed


class Reader:
    """Reads primitives one after the other; `offset` is where the next one starts."""

    __slots__ = ("_data", "_end", "offset")

    def __init__(self, data: bytes | bytearray | memoryview, offset: int = 0) -> None:
        self._data = data
        self._end = len(data)
        self.offset = offset

    @property
    def remaining(self) -> int:
        return self._end - self.offset

    def _advance(self, size: int, what: str) -> int:
        start = self.offset
        if size > self._end - start:
            raise Truncated(
                f"{what} of {size} bytes, but {self._end - start} are left", start, start + size
            )
        self.offset = start + size
        return start

    def unpack(self, layout: Struct) -> tuple[Any, ...]:
        start = self._advance(layout.size, "numbers")
        return layout.unpack_from(self._data, start)

    def read_bool(self) -> bool:
        """Any byte but zero is true, as it is to a Java server."""
        return bool(self._data[self._advance(1, "bool")])

    def read_int(self) -> int:
        value: int = INT.unpack_from(self._data, self._advance(4, "int"))[0]
        return value

    def read_long(self) -> int:
        value: int = LONG.unpack_from(self._data, self._advance(8, "long"))[0]
        return value

    def _read_length(self, what: str) -> int:
        start = self.offset
        length = self.read_int()
        if length < NULL:
            raise Malformed(f"{what} with length {length}", start)
        return length

    def read_buffer(self) -> bytes | None:
        length = self._read_length("buffer")
        if length == NULL:
            return None
        start = self._advance(length, "buffer")
        return bytes(self._data[start : self.offset])

    def read_string(self) -> str:
        start = self.offset
        text = self.read_string_or_null()
        if text is None:
            raise Malformed("null where a string must be", start)
        return text

    def read_string_or_null(self) -> str | None:
        length = self._read_length("string")
        if length == NULL:
            return None
        start = self._advance(length, "string")
        try:
            return str(self._data[start : self.offset], "utf-8")
        except UnicodeDecodeError as error:
            raise Malformed("string is not UTF-8", start + error.start) from None

    def read_count(self, least: int) -> int:
        """The length of a vector, or `NULL`; `least` is the size of its smallest element."""
        start = self.offset
        count = self._read_length("vector")
        if count * least > self.remaining:
            needed = self.offset + count * least
            what = f"vector of {count} elements, but {self.remaining} bytes are left"
            raise Truncated(what, start, needed)
        return count

    def read_rest(self) -> bytes:
        start, self.offset = self.offset, self._end
        return bytes(self._data[start:])

    def expect_end(self) -> None:
        if self.offset != self._end:
            raise Malformed(f"{self.remaining} bytes too many", self.offset)


class Writer:
    """Writes primitives one after the other.

    A number that does not fit its field is our own mistake, and a `struct.error`.
    """

    __slots__ = ("_parts",)

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def pack(self, layout: Struct, *values: Any) -> None:
        self._parts.append(layout.pack(*values))

    def write_bool(self, value: bool) -> None:  # noqa: FBT001 (it is the value that is written)
        self._parts.append(b"\1" if value else b"\0")

    def write_int(self, value: int) -> None:
        self._parts.append(INT.pack(value))

    def write_long(self, value: int) -> None:
        self._parts.append(LONG.pack(value))

    def write_buffer(self, value: bytes | None) -> None:
        if value is None:
            self._parts.append(INT.pack(NULL))
        else:
            self._parts.append(INT.pack(len(value)))
            self._parts.append(value)

    def write_string(self, value: str) -> None:
        self.write_buffer(value.encode("utf-8"))

    def write_string_or_null(self, value: str | None) -> None:
        self.write_buffer(None if value is None else value.encode("utf-8"))

    def write_raw(self, value: bytes) -> None:
        self._parts.append(value)

    def getvalue(self) -> bytes:
        return b"".join(self._parts)
