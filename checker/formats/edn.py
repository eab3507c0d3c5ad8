"""Which values does EDN, the notation of Clojure's data, know, and how are they written?

A vector is a tuple, a list a `Seq`, a set a frozenset, a map a `Map`; `true` and `false` are
`Truth`, since Python's own would equal 1 and 0. All of them are hashable.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any, ClassVar, Final

from checker.formats.event import Truth

CHARS: Final = {
    "newline": "\n",
    "return": "\r",
    "space": " ",
    "tab": "\t",
    "backspace": "\b",
    "formfeed": "\f",
}


class Keyword:
    """`:name`. There is one object a name, so that comparing and hashing cost nothing."""

    __slots__ = ("name",)
    _known: ClassVar[dict[str, Keyword]] = {}
    name: str

    def __new__(cls, name: str) -> Keyword:
        known = cls._known.get(name)
        if known is None:
            known = cls._known[name] = super().__new__(cls)
            known.name = name
        return known

    def __repr__(self) -> str:
        return f":{self.name}"


@dataclass(frozen=True, slots=True)
class Symbol:
    """A bare name."""

    name: str

    def __repr__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class Char:
    r"""One character, written `\a` or `\newline`."""

    text: str


@dataclass(frozen=True, slots=True)
class Tagged:
    """`#tag value`; records are such values too, with their class for a tag."""

    tag: str
    value: Any


class Seq(tuple[Any, ...]):
    """A list; it equals the vector of the same values, as in Clojure."""

    __slots__ = ()


class Map(dict[Any, Any]):
    """A map that may itself be a key or a member of a set: nobody changes it once it is read."""

    __slots__ = ()

    def __hash__(self) -> int:  # type: ignore[override]  # a dict's is None
        return hash(frozenset(self.items()))


def write(value: Any) -> str:
    """The value as EDN, on one line."""
    match value:
        case None:
            return "nil"
        case Truth():
            return value.value
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case float():
            return _float(value)
        case Decimal():
            return f"{value}M"
        case str():
            return _string(value)
        case Char():
            return _char(value.text)
        case Keyword() | Symbol():
            return repr(value)
        case _:
            return _collection(value)


def _collection(value: Any) -> str:
    match value:
        case Tagged():
            return f"#{value.tag} {write(value.value)}"
        case dict():
            return "{" + ", ".join(f"{write(k)} {write(v)}" for k, v in value.items()) + "}"
        case frozenset() | set():
            return "#{" + " ".join(sorted(map(write, value))) + "}"
        case Seq():
            return "(" + " ".join(map(write, value)) + ")"
        case tuple() | list():
            return "[" + " ".join(map(write, value)) + "]"
        case _:
            raise TypeError(f"{value!r} has no EDN form")


def _float(value: float) -> str:
    if value != value:
        return "##NaN"
    if value in (float("inf"), float("-inf")):
        return "##Inf" if value > 0 else "##-Inf"
    return repr(value)


def _string(value: str) -> str:
    for char, escape in {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"}.items():
        value = value.replace(char, escape)
    return f'"{value}"'


def _char(text: str) -> str:
    for name, char in CHARS.items():
        if char == text:
            return f"\\{name}"
    return f"\\{text}" if text.isprintable() else f"\\u{ord(text):04x}"
