from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from checker.formats import edn
from checker.formats.edn import Char, Keyword, Map, Seq, Symbol, Tagged
from checker.formats.edn_reader import DEEPEST, EdnError, Reader, read_all
from checker.formats.event import Truth

K = Keyword


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("nil", None),
        ("true", Truth.TRUE),
        ("false", Truth.FALSE),
        ("12", 12),
        ("-3", -3),
        ("+0", 0),
        ("12345678901234567890123N", 12345678901234567890123),
        ("1.5", 1.5),
        ("1e3", 1000.0),
        ("1.50M", Decimal("1.50")),
        ("##Inf", float("inf")),
        (":a/b.c", K("a/b.c")),
        ("foo/bar", Symbol("foo/bar")),
        ("-", Symbol("-")),
        (r"\newline", Char("\n")),
        (r"\(", Char("(")),
        (r"\u00e9", Char("é")),
        (r'"a\n\t\"\\ é"', 'a\n\t"\\ é'),
        (r'"\uD83D\uDE00"', "😀"),
        ("[1, 2 ,,3]", (1, 2, 3)),
        ("(1 2)", Seq((1, 2))),
        ("#{1 #{2}}", frozenset([1, frozenset([2])])),
        ("{:a 1, [1] {}}", Map({K("a"): 1, (1,): Map()})),
        ('#inst "2020-01-01"', Tagged("inst", "2020-01-01")),
        ("#jepsen.history.Op{:f :read}", Tagged("jepsen.history.Op", Map({K("f"): K("read")}))),
        ('#object[foo.Bar 0x1f "x"]', Tagged("object", (Symbol("foo.Bar"), 31, "x"))),
        ('#error {:cause "no"}', Tagged("error", Map({K("cause"): "no"}))),
        ("#a #b 1", Tagged("a", Tagged("b", 1))),
        ("[#_ 1 2 #_ #_ 3 4 #_[5 6]]", (2,)),
        ("; a remark\n1 ; and another", 1),
        ("{1 2};", Map({1: 2})),
    ],
)
def test_reads(text: str, value: Any) -> None:
    assert read_all(text) == [value]


def test_truth_is_no_number() -> None:
    assert read_all("#{1 true 0 false}") == [frozenset([1, 0, Truth.TRUE, Truth.FALSE])]


def test_keywords_are_no_strings() -> None:
    assert K("a") is K("a")
    assert len({K("a"), "a", ":a"}) == 3
    assert repr(K("a")) == ":a"


@pytest.mark.parametrize(
    ("text", "line", "cause"),
    [
        ("[1\n 2", 1, "never closed"),
        ("[1\n}", 2, r"} comes where the \[ of line 1 is open"),
        ("\n]", 2, "nothing is open"),
        ('\n"abc\n', 2, "never ends"),
        (r'"\q"', 1, "unknown escape"),
        (r'"\ud800"', 1, "half a character"),
        ("{:a}", 1, "no value"),
        ("{:a 1 :a 2}", 1, "same key twice"),
        ("007", 1, "no number"),
        ("1x", 1, "no number"),
        ("9" * 5000, 1, "too large"),
        (":", 1, "no keyword"),
        ("::a", 1, "no keyword"),
        ("#", 1, "no tag"),
        ("#inst", 1, "followed by nothing"),
        ("[#_]", 1, "comes where the #_"),
        (r"\foo", 1, "no character"),
        (r"\ud800", 1, "no character"),
        ("@a", 1, "no value"),
        ("\\", 1, "no character"),
        ("[" * 5000, 1, f"deeper than {DEEPEST}"),
        ("#a " * 5000, 1, f"deeper than {DEEPEST}"),
    ],
)
def test_refuses_with_line_and_cause(text: str, line: int, cause: str) -> None:
    with pytest.raises(EdnError, match=cause) as error:
        read_all(text)
    assert error.value.line == line


@pytest.mark.parametrize(
    "text", ["{:a 1}\n{:b 2}", "[{:a 1}\n{:b 2}]", "(; x\n {:a 1}\n{:b 2}\n)\n"]
)
def test_unwraps_one_vector_or_list_around_all(text: str) -> None:
    reader = Reader(unwrap=True)
    found = [*reader.feed(text), *reader.finish()]
    assert [value for _, value in found] == [Map({K("a"): 1}), Map({K("b"): 2})]
    assert found[1][0] == found[0][0] + 1


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("[1] 2", "more behind"),
        ("[1] [2]", "more behind"),
        ("[1", "never closed"),
        ("[1)", "nothing is"),
    ],
)
def test_refuses_a_bad_wrapper(text: str, cause: str) -> None:
    reader = Reader(unwrap=True)
    with pytest.raises(EdnError, match=cause):
        [*reader.feed(text), *reader.finish()]


chars = st.characters(exclude_categories=["Cs"])
names = st.from_regex(r"[a-z][a-z0-9.*+!_?-]{0,5}", fullmatch=True)
atoms = (
    st.none()
    | st.sampled_from(Truth)
    | st.integers()
    | st.floats(allow_nan=False)
    | st.decimals(allow_nan=False, allow_infinity=False)
    | st.text(chars)
    | names.map(K)
    | names.filter(lambda name: name not in ("nil", "true", "false")).map(Symbol)
    | chars.filter(lambda c: ord(c) < 0x10000 or c.isprintable()).map(Char)
)
inner: st.SearchStrategy[Any] = st.deferred(lambda: values)
few = st.lists(inner, max_size=3)
values: st.SearchStrategy[Any] = (
    atoms
    | few.map(tuple)
    | few.map(Seq)
    | few.map(frozenset)
    | few.map(lambda keys: Map(zip(keys, reversed(keys), strict=True)))
    | st.builds(Tagged, names, inner)
)


@given(st.lists(values, max_size=3), st.integers(1, 7))
@settings(max_examples=150, deadline=None)
def test_round_trip_in_pieces_of_any_size(wanted: list[Any], size: int) -> None:
    text = "\n".join(edn.write(value) for value in wanted)
    assert read_all(text) == wanted
    reader = Reader()
    found = [v for at in range(0, len(text), size) for _, v in reader.feed(text[at : at + size])]
    found += [v for _, v in reader.finish()]
    assert found == wanted


@given(st.text() | st.text('[]{}()#_"\\:;,^~ \n-+.0123456789eNMnilu'))
@settings(max_examples=400, deadline=None)
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        found = read_all(text)
    except EdnError:
        return
    for value in found:
        hash(value)
        edn.write(value)
