"""How is a call, an answer or a state written in a few words?

Values of a history are anybody's: a text here is never longer than asked, holds no character that
a person could not see, and costs no more than its length, however large the value is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from itertools import islice
from typing import Any, Final

from checker.history import Op
from checker.model import Model
from checker.outcome import ANYTHING, Done, Failed, Ok, Refused, Unknown

LABEL: Final = 60
SENTENCE: Final = 280
STATE: Final = 240
LISTED_MEMBERS: Final = 64
LONGEST_INTEGER_BITS: Final = 256


def visible(text: str, limit: int) -> str:
    """The text in at most `limit` characters, with invisible ones written as escapes."""
    cut = text[: limit + 1]
    if not cut.isprintable():
        cut = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in cut)
    return cut if len(cut) <= limit else cut[: limit - 1].rstrip() + "…"


def value(given: Any, limit: int = LABEL) -> str:
    """The value as a person would write it: nothing, 3, "a", [1, 2]."""
    match given:
        case None:
            return "nothing"
        case bool():
            return "true" if given else "false"
        case int():
            if given.bit_length() > LONGEST_INTEGER_BITS:
                return f"an integer of {given.bit_length():,} bits"
            return str(given)
        case str():
            shown = visible(given, max(limit - 2, 1)).replace('"', '\\"')
            return f'"{shown}"'
        case tuple() | list():
            return _listed("[", given, "]", limit, value)
        case frozenset() | set():
            if len(given) > LISTED_MEMBERS:
                return f"{len(given):,} members"
            return _listed("{", sorted(given, key=repr), "}", limit, value)
        case Mapping():
            return _listed("{", given.items(), "}", limit, _pair)
        case Refused(code):
            return f"refused: {visible(code, limit)}"
        case _:
            return visible(str(given), limit)


def _pair(pair: tuple[Any, Any], limit: int) -> str:
    return f"{value(pair[0], limit)}: {value(pair[1], limit)}"


def _listed(
    opening: str, items: Iterable[Any], closing: str, limit: int, word: Callable[[Any, int], str]
) -> str:
    """As many of the items as fit."""
    room = limit - 2
    told: list[str] = []
    for item in islice(items, LISTED_MEMBERS + 1):
        if room <= 1 or len(told) == LISTED_MEMBERS:
            told.append("…")
            break
        told.append(word(item, room))
        room -= len(told[-1]) + 2
    return opening + ", ".join(told) + closing


def label(op: Op[Any, Any], model: Model[Any, Any, Any]) -> str:
    """The call as it stands on its bar: write 3, read → 4, cas 1→2 ✗."""
    f, asked = model.write_call(op.call)
    match asked:
        case None:
            text = f
        case [old, new] if f == "cas":
            text = f"{f} {value(old, LABEL // 3)}→{value(new, LABEL // 3)}"
        case list() | tuple():
            return told(model, op.call, heard(op), LABEL)
        case _:
            text = f"{f} {value(asked)}"
    match op.outcome:
        case Ok(Refused(code)):
            text += f" ✗ {code}"
        case Ok(result) if not isinstance(result, Done):
            answer = model.write_result(op.call, result)
            if asked is None or answer != asked:
                text += f" → {value(answer)}"
        case _:
            pass
    return visible(text, LABEL)


def sentence(op: Op[Any, Any], model: Model[Any, Any, Any]) -> str:
    """What became of the call, in the past tense."""
    return told(model, op.call, heard(op), SENTENCE)


def told(model: Model[Any, Any, Any], call: Any, result: Any, limit: int) -> str:
    """The model's words for the call, or plainer ones if it has none for such a value."""
    try:
        return visible(model.tell(call, result), limit)
    except ValueError:  # Python does not write out an integer of thousands of digits
        f, asked = model.write_call(call)
        return visible(f"{f} {value(asked, limit)}", limit)


def heard(op: Op[Any, Any]) -> Any:
    """The answer that the caller got, or ANYTHING."""
    return op.outcome.result if isinstance(op.outcome, Ok) else ANYTHING


def doubt(op: Op[Any, Any]) -> str:
    """What to add to the sentence of a call that got no answer; else nothing."""
    match op.outcome:
        case Unknown(reason):
            return visible(f"nobody knows whether it took effect: {reason}", SENTENCE)
        case Failed(reason):
            return visible(f"it surely had no effect: {reason}", SENTENCE)
        case _:
            return ""


UNITS: Final = ((1_000_000_000, "s", 6), (1_000_000, "ms", 3), (1_000, "µs", 1), (1, "ns", 0))


def moment(at: int, scale: int, *, timed: bool) -> str:
    """A time in the unit in which `scale` reads well, or the number of an event."""
    if not timed:
        return f"event {at:,}"
    size, unit, digits = next((u for u in UNITS if abs(scale) >= u[0]), UNITS[-1])
    return f"{at / size:,.{digits}f} {unit}"


def duration(length: int) -> str:
    """A length of time with three digits that matter."""
    size, unit, _ = next((u for u in UNITS if abs(length) >= u[0]), UNITS[-1])
    shown = length / size
    return f"{shown:,.{0 if shown >= 100 else 1 if shown >= 10 else 2}f} {unit}"


def count(number: int, one: str, many: str = "") -> str:
    """1 call, 2 calls."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"
