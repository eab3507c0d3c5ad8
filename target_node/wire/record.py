"""How does a class become a jute record: its fields written in their order, without tags?

    @record
    class DeleteRequest:
        path: String
        version: Int

declares a frozen, slotted dataclass and the layout that `encode` and `decode` follow.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from operator import attrgetter
from struct import Struct
from typing import Annotated, Any, Final, TypeVar, dataclass_transform, get_args, get_type_hints

from target_node.wire.jute import NULL, Malformed, Reader, Writer

R = TypeVar("R")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Number:
    """A field of fixed size; neighbours are packed and unpacked together."""

    code: str


@dataclass(frozen=True, slots=True)
class _Sized:
    """A field that starts with its own length."""

    read: Callable[[Reader], Any]
    write: Callable[[Writer, Any], None]


@dataclass(frozen=True, slots=True)
class _Many:
    """A vector, of whatever the annotation says."""

    null: bool


Bool = Annotated[bool, _Number("?")]
Int = Annotated[int, _Number("i")]
Long = Annotated[int, _Number("q")]
Buffer = Annotated[bytes | None, _Sized(Reader.read_buffer, Writer.write_buffer)]
String = Annotated[str, _Sized(Reader.read_string, Writer.write_string)]
StringOrNull = Annotated[
    str | None, _Sized(Reader.read_string_or_null, Writer.write_string_or_null)
]
Vector = Annotated[tuple[T, ...], _Many(null=False)]
VectorOrNull = Annotated[tuple[T, ...] | None, _Many(null=True)]


@dataclass(frozen=True, slots=True)
class _Part:
    """One step of a layout: it reads some fields onto a list, and writes them from a record."""

    least: int
    read: Callable[[Reader, list[Any]], None]
    write: Callable[[Writer, Any], None]


@dataclass(frozen=True, slots=True)
class _Layout:
    least: int  # bytes: no record of this class is shorter
    parts: tuple[_Part, ...]


_LAYOUTS: Final[dict[type, _Layout]] = {}


@dataclass_transform(frozen_default=True)
def record(cls: type[R]) -> type[R]:
    """Makes `cls` a frozen, slotted dataclass that `encode` and `decode` know."""
    made = dataclass(frozen=True, slots=True)(cls)
    hints = get_type_hints(made, include_extras=True)
    parts: list[_Part] = []
    numbers: list[str] = []
    codes = ""
    for field in fields(made):  # type: ignore[arg-type]  # mypy does not see that it is one
        kind = get_args(hints[field.name])[1] if get_args(hints[field.name]) else None
        if isinstance(kind, _Number):
            numbers.append(field.name)
            codes += kind.code
            continue
        if numbers:
            parts.append(_numbers(numbers, codes))
            numbers, codes = [], ""
        parts.append(_one(field.name, *_codec(hints[field.name])))
    if numbers:
        parts.append(_numbers(numbers, codes))
    _LAYOUTS[made] = _Layout(sum(part.least for part in parts), tuple(parts))
    return made


def _numbers(names: list[str], codes: str) -> _Part:
    layout = Struct(">" + codes)
    get = attrgetter(*names)
    single = len(names) == 1

    def read(reader: Reader, values: list[Any]) -> None:
        values.extend(reader.unpack(layout))

    def write(writer: Writer, value: Any) -> None:
        if single:
            writer.pack(layout, get(value))
        else:
            writer.pack(layout, *get(value))

    return _Part(layout.size, read, write)


def _one(
    name: str, least: int, read: Callable[[Reader], Any], write: Callable[[Writer, Any], None]
) -> _Part:
    get = attrgetter(name)
    return _Part(
        least,
        lambda reader, values: values.append(read(reader)),
        lambda writer, value: write(writer, get(value)),
    )


_Codec = tuple[int, Callable[[Reader], Any], Callable[[Writer, Any], None]]


def _codec(hint: Any) -> _Codec:
    """(least size, read, write) of one value of this annotated type."""
    if hint in _LAYOUTS:
        return _LAYOUTS[hint].least, lambda reader: read_record(reader, hint), write_record
    inner: Any
    kind: _Number | _Sized | _Many
    inner, kind = get_args(hint)
    match kind:
        case _Number(code):
            layout = Struct(">" + code)
            return (
                layout.size,
                lambda reader: reader.unpack(layout)[0],
                lambda writer, value: writer.pack(layout, value),
            )
        case _Sized(read, write):
            return 4, read, write
        case _Many(null):
            tuples = get_args(inner)[0] if null else inner  # `tuple | None` holds the tuple first
            return _vector(_codec(get_args(tuples)[0]), null=null)


def _vector(element: _Codec, *, null: bool) -> _Codec:
    least, read_one, write_one = element

    def read(reader: Reader) -> tuple[Any, ...] | None:
        start = reader.offset
        count = reader.read_count(least)
        if count != NULL:
            return tuple([read_one(reader) for _ in range(count)])
        if null:
            return None
        raise Malformed("null where a vector must be", start)

    def write(writer: Writer, values: tuple[Any, ...] | None) -> None:
        if values is None and null:
            writer.write_int(NULL)
            return
        assert values is not None, "this vector is never null"
        writer.write_int(len(values))
        for value in values:
            write_one(writer, value)

    return 4, read, write


def read_record(reader: Reader, cls: type[R]) -> R:
    """The record that starts here; what follows it is left."""
    values: list[Any] = []
    for part in _LAYOUTS[cls].parts:
        part.read(reader, values)
    return cls(*values)


def write_record(writer: Writer, value: object) -> None:
    """Appends `value`, whose class is a record."""
    for part in _LAYOUTS[type(value)].parts:
        part.write(writer, value)


def decode(cls: type[R], data: bytes | memoryview) -> R:
    """The record that `data` holds, and nothing behind it."""
    reader = Reader(data)
    value = read_record(reader, cls)
    reader.expect_end()
    return value


def encode(value: object) -> bytes:
    """The bytes of `value`, whose class is a record."""
    writer = Writer()
    write_record(writer, value)
    return writer.getvalue()
