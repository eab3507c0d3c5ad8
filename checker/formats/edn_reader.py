"""What does a text in EDN say?

The text may come in pieces, so that a file is never in memory whole, and what is open is kept on a
list of our own, so that no text exhausts the stack. Whatever is wrong is an `EdnError`.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any, Final, TypeAlias

from checker.formats.edn import CHARS, Char, Keyword, Map, Seq, Symbol, Tagged
from checker.formats.event import Truth

DEEPEST: Final = 200  # who walks through a value recursively must not run out of stack


class EdnError(ValueError):
    """The text is no EDN."""

    def __init__(self, line: int, cause: str) -> None:
        super().__init__(f"line {line}: {cause}")
        self.line = line
        self.cause = cause


Placed: TypeAlias = tuple[int, Any]  # a value and the line it begins on

_TOKEN: Final = re.compile(
    r"""\n | [{}\[\]()]
      | "[^"\\]*+(?:\\.[^"\\]*+)*+" | ".*     # a string; one that does not end here
      | ;[^\n]* | \#[{_]
      | \\\S[^\s,;"{}\[\]()\\]*               # a character
      | [^\s,;"{}\[\]()\\]+ | [^\s,]""",
    re.VERBOSE | re.DOTALL,
)
_ESCAPE: Final = re.compile(r"\\(u[0-9a-fA-F]{4}|.)", re.DOTALL)
_ESCAPES: Final = {"t": "\t", "r": "\r", "n": "\n", "\\": "\\", '"': '"', "b": "\b", "f": "\f"}
_WORDS: Final[dict[str, Any]] = {
    "nil": None,
    "0": 0,
    "true": Truth.TRUE,
    "false": Truth.FALSE,
    "##Inf": float("inf"),
    "##-Inf": float("-inf"),
    "##NaN": float("nan"),
}
_WHOLE: Final = re.compile(r"[+-]?(?:0|[1-9][0-9]*)N?")
_REAL: Final = re.compile(r"[+-]?(?:0|[1-9][0-9]*)(?:\.[0-9]*)?(?:[eE][+-]?[0-9]+)?M?")
_HEX: Final = re.compile(r"0x[0-9a-fA-F]+")  # only Clojure's own; it stands in `#object[…]`
_NUMBER: Final = re.compile(r"[+-]?[0-9]")
_NAME: Final = re.compile(r"[^\W\d]|[.*+!\-?$%&=<>/|']")
_CLOSES: Final = {"{": "}", "#{": "}", "[": "]", "(": ")"}
_STRUCTURE: Final = frozenset(["\n", *_CLOSES, *_CLOSES.values()])


class Reader:
    """Reads EDN text that comes in pieces.

    With `unwrap`, the values may as well stand in one vector or list around them all.
    """

    def __init__(self, *, unwrap: bool = False) -> None:
        self.line = 1
        self._unwrap = unwrap
        self._wrapper = ""  # the bracket around all values, and once it closed, what closed it
        self._rest = ""
        self._done: list[Placed] = []
        self._atoms: dict[str, Any] = dict(_WORDS)
        self._open: list[tuple[str, list[Any], int]] = []  # bracket, `#_` or `#tag`; values; line

    def feed(self, text: str) -> list[Placed]:
        """The values that this piece completes, each with its line; it may end anywhere."""
        if not text:
            return []
        tokens = _TOKEN.findall(self._rest + text)
        self._rest = ""
        if tokens and not _is_whole(tokens[-1], text):
            self._rest = tokens.pop()
        return self._take(tokens)

    def finish(self) -> list[Placed]:
        """The values that only the end of the text completes."""
        done = self._take(_TOKEN.findall(self._rest))
        if self._open:
            opener, _, line = self._open[-1]
            raise EdnError(line, f"the {opener} is followed by nothing or never closed")
        if self._wrapper in _CLOSES:
            raise EdnError(self.line, f"the {self._wrapper} around all values is never closed")
        return done

    def _take(self, tokens: list[str]) -> list[Placed]:
        self._done = []
        atoms = self._atoms
        for token in tokens:
            if token in atoms:
                value = atoms[token]
            elif token[0] in "123456789":
                value = int(token) if token.isdecimal() and len(token) < 20 else self._number(token)
            elif token in _STRUCTURE or token[0] in "#;":
                self._structure(token)
                continue
            else:
                value = self._atom(token)
            if self._open and self._open[-1][0] in _CLOSES:
                self._open[-1][1].append(value)
            else:
                self._put(value, self.line)
        return self._done

    def _structure(self, token: str) -> None:
        if token == "\n":
            self.line += 1
        elif token in _CLOSES:
            self._begin(token)
        elif token in "}])":
            self._end(token)
        elif token[0] == "#":
            self._prefix(token)

    def _put(self, value: Any, line: int) -> None:
        """A value is complete: hand it to whatever it stands in."""
        while self._open:
            opener, values, began = self._open[-1]
            if opener in _CLOSES:
                values.append(value)
                return
            self._open.pop()
            if opener == "#_":
                return
            value, line = Tagged(opener[1:], value), began
        if self._wrapper and self._wrapper not in _CLOSES:
            raise EdnError(line, f"there is more behind the {self._wrapper} that ends it all")
        self._unwrap = False
        self._done.append((line, value))

    def _begin(self, token: str) -> None:
        if self._unwrap and not self._open and token in "[(":
            self._wrapper, self._unwrap = token, False
            return
        if len(self._open) >= DEEPEST:
            raise EdnError(self.line, f"values are nested deeper than {DEEPEST} levels")
        self._open.append((token, [], self.line))

    def _end(self, token: str) -> None:
        if not self._open:
            if _CLOSES.get(self._wrapper) != token:
                raise EdnError(self.line, f"nothing is open that {token} could close")
            self._wrapper = token
            return
        opener, values, line = self._open.pop()
        if _CLOSES.get(opener) != token:
            raise EdnError(self.line, f"{token} comes where the {opener} of line {line} is open")
        self._put(self._collection(opener, values, line), line)

    def _collection(self, opener: str, values: list[Any], line: int) -> Any:
        if opener == "[":
            return tuple(values)
        if opener == "(":
            return Seq(values)
        if opener == "#{":
            return frozenset(values)
        if len(values) % 2:
            raise EdnError(line, "the last key of a map has no value")
        made = Map(zip(values[::2], values[1::2], strict=True))
        if 2 * len(made) != len(values):
            raise EdnError(line, "a map has the same key twice")
        return made

    def _prefix(self, token: str) -> None:
        if token != "#_" and not (len(token) > 1 and token[1].isalpha()):
            raise EdnError(self.line, f"{token} is no tag")
        if len(self._open) >= DEEPEST:
            raise EdnError(self.line, f"values are nested deeper than {DEEPEST} levels")
        self._open.append((token, [], self.line))

    def _keyword(self, token: str) -> Keyword:
        if len(token) == 1 or token[1] == ":":
            raise EdnError(self.line, f"{token} is no keyword")
        keyword = self._atoms[token] = Keyword(token[1:])
        return keyword

    def _atom(self, token: str) -> Any:
        if token[0] == ":":
            return self._keyword(token)
        if token[0] == '"':
            return self._string(token)
        if token[0] == "\\":
            return self._char(token)
        if _NUMBER.match(token):
            return self._number(token)
        if _NAME.match(token):
            return Symbol(token)
        raise EdnError(self.line, f"{token} is no value")

    def _number(self, token: str) -> int | float | Decimal:
        try:
            if _WHOLE.fullmatch(token):
                return int(token.removesuffix("N"))
            if _HEX.fullmatch(token):
                return int(token, 16)
            if _REAL.fullmatch(token):
                return Decimal(token[:-1]) if token[-1] == "M" else float(token)
        except (ValueError, ArithmeticError):
            raise EdnError(self.line, f"{token[:20]}… is too large a number") from None
        raise EdnError(self.line, f"{token} is no number")

    def _string(self, token: str) -> str:
        if not _is_closed(token):
            raise EdnError(self.line, "a string begins here and never ends")
        text = token[1:-1]
        if "\\" in text:
            text = _ESCAPE.sub(self._escaped, text)
            try:  # two escapes may stand for the two halves of one character
                text = text.encode("utf-16", "surrogatepass").decode("utf-16")
            except UnicodeDecodeError:
                raise EdnError(self.line, "a string has half a character") from None
        self.line += token.count("\n")
        return text

    def _escaped(self, match: re.Match[str]) -> str:
        code = match[1]
        if len(code) == 5:
            return chr(int(code[1:], 16))
        if code not in _ESCAPES:
            raise EdnError(self.line, f"a string has the unknown escape \\{code}")
        return _ESCAPES[code]

    def _char(self, token: str) -> Char:
        name = token[1:]
        if len(name) == 1:
            return Char(name)
        if name in CHARS:
            return Char(CHARS[name])
        if re.fullmatch("u[0-9a-fA-F]{4}", name) and not 0xD800 <= int(name[1:], 16) < 0xE000:
            return Char(chr(int(name[1:], 16)))
        raise EdnError(self.line, f"{token} is no character")


def _is_closed(string: str) -> bool:
    if "\\" not in string:
        return len(string) > 1 and string[-1] == '"'
    return re.fullmatch(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"', string, re.DOTALL) is not None


def _is_whole(token: str, text: str) -> bool:
    """Whether this last token of a text cannot go on in the next piece."""
    if token[0] == '"':
        return _is_closed(token)
    return token[0] != ";" and (text[-1:].isspace() or text[-1:] in ",{}[]()")


def read_all(text: str) -> list[Any]:
    """Every value of this text."""
    reader = Reader()
    return [value for _, value in [*reader.feed(text), *reader.finish()]]
