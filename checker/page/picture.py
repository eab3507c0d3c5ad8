"""Which calls of a key does a person need to see, where do they stand, and with what states?"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from checker.explanation import Explanation
from checker.history import History
from checker.model import Model
from checker.outcome import Failed, Ok, Outcome, Refused, Unknown
from checker.page import words
from checker.verdict import PartVerdict, Stuck, Verdict

OK, REFUSED, UNKNOWN, FAILED = range(4)
IN_CORE, IS_STUCK, FROM_BEFORE = 1, 2, 4

MOST_OF_A_CORE: Final = 400
MOST_ORDERS: Final = 8
MOST_STRETCHES: Final = 12
MOST_STATES: Final = 64


@dataclass(slots=True)
class Texts:
    """Every text once; calls refer to it by its number."""

    known: dict[str, int] = field(default_factory=dict)

    def number(self, text: str) -> int:
        """The number of this text."""
        return self.known.setdefault(text, len(self.known))


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """One key's calls, and what was found out about them."""

    history: History
    model: Model[Any, Any, Any]
    part: PartVerdict
    explanation: Explanation
    shrunk: bool
    rows: Sequence[int]
    origin: int

    @property
    def core(self) -> tuple[int, ...]:
        """The rows of the core that can be shown, in order of invocation."""
        return tuple(sorted(self.explanation.core)[:MOST_OF_A_CORE])

    @property
    def stuck_row(self) -> int | None:
        """The row of the call that fits nowhere, if there is one."""
        return self.part.stuck.row if self.part.stuck else None

    @property
    def anchors(self) -> list[int]:
        """The rows that must be seen whatever else is."""
        stuck = self.stuck_row
        return sorted({*self.core, *(() if stuck is None else (stuck,))})


@dataclass(frozen=True, slots=True)
class Window:
    """The rows to show: a run of neighbours, and some from elsewhere.

    `undrawn` counts the calls from before that never ended and that nothing places here.
    """

    near: Sequence[int]
    before: frozenset[int]
    far: frozenset[int]
    undrawn: int = 0

    @property
    def rows(self) -> list[int]:
        """All of them, in order of invocation."""
        return sorted({*self.near, *self.before, *self.far})


def window(subject: Subject, most: int) -> Window:
    """The `most` calls around what went wrong, or the first ones; the core in any case."""
    rows, anchors = subject.rows, subject.anchors
    if len(rows) <= most:
        return Window(rows, frozenset(), frozenset())
    middle = 0
    if anchors:
        first, last = bisect_left(rows, anchors[0]), bisect_left(rows, anchors[-1])
        stuck = subject.stuck_row
        centre = last if stuck is None else bisect_left(rows, stuck)
        middle = (first + last) // 2 if last - first < most * 3 // 4 else centre
    elif subject.part.verdict is Verdict.INCONCLUSIVE:
        middle = int(len(rows) * min(max(subject.part.reached, 0.0), 1.0))
    low = max(0, min(middle - most // 2, len(rows) - most))
    near = rows[low : low + most]
    inside = set(near)
    open_before, endless = _open_at(subject, rows[:low], subject.history.called[near[0]])
    before = open_before | _placed_among(subject, inside, near[0])
    far = set(anchors) - inside
    undrawn = len(endless - before - far)
    return Window(near, frozenset(before - far), frozenset(far), undrawn)


def _open_at(subject: Subject, earlier: Sequence[int], start: int) -> tuple[set[int], set[int]]:
    """The calls made before the window that return in it, and those that never do."""
    history = subject.history
    known: set[int] = set()
    endless: set[int] = set()
    for row in earlier:
        if isinstance(history.deeds[history.deed[row]].outcome, Unknown):
            endless.add(row)
        elif history.returned[row] >= start:
            known.add(row)
    return known, endless


def _placed_among(subject: Subject, inside: set[int], first: int) -> set[int]:
    """The calls from before the window that the order places between calls of it."""
    order = next(iter(orders(subject.part)), ())
    places = [place for place, row in enumerate(order) if row in inside]
    if not places:
        return set()
    between = order[places[0] : min(places[-1] + 1, places[0] + 2 * len(inside))]
    return {row for row in between if row < first}


def orders(part: PartVerdict) -> list[tuple[int, ...]]:
    """The legal order of all calls, or the longest legal beginnings of one."""
    if part.order is not None:
        return [part.order]
    return [prefix.order for prefix in part.stuck.prefixes[:MOST_ORDERS]] if part.stuck else []


def stretches(subject: Subject, shown: Window) -> list[tuple[int, int]]:
    """The pieces of time that the axis runs through; between them, it breaks."""
    history = subject.history
    if not shown.near:
        return []
    low = history.called[shown.near[0]]
    high = max(max(history.called[row], _returned(history, row)) for row in shown.near)
    pad = max((high - low) // 60, 1)
    pieces = [(low, high)]
    for row in shown.far:
        called, returned = history.called[row], _returned(history, row)
        if returned < called:
            pieces.append((called - pad, called + pad))
        elif returned - called <= 4 * pad:
            pieces.append((called - pad, returned + pad))
        else:
            pieces += [(called - pad, called + pad), (returned - pad, returned + pad)]
    joined: list[tuple[int, int]] = []
    for start, end in sorted(pieces):
        if joined and start - joined[-1][1] <= 4 * pad:
            joined[-1] = (joined[-1][0], max(joined[-1][1], end))
        else:
            joined.append((start, end))
    while len(joined) > MOST_STRETCHES:
        closest = min(range(len(joined) - 1), key=lambda i: joined[i + 1][0] - joined[i][1])
        joined[closest : closest + 2] = [(joined[closest][0], joined[closest + 1][1])]
    return joined


def _returned(history: History, row: int) -> int:
    """When the call's answer came; -1 if none did."""
    endless = isinstance(history.deeds[history.deed[row]].outcome, Unknown)
    return -1 if endless else history.returned[row]


def picture(subject: Subject, most: int) -> dict[str, Any]:
    """All that the page needs to draw one key, in as few numbers and texts as will do."""
    texts = Texts()
    shown = window(subject, most)
    rows = shown.rows
    index = {row: i for i, row in enumerate(rows)}
    return {
        "calls": [_call(subject, shown, row, texts) for row in rows],
        "stretches": [
            [low - subject.origin, high - subject.origin] for low, high in stretches(subject, shown)
        ],
        "orders": [
            _placed(subject, order, index, texts, number)
            for number, order in enumerate(orders(subject.part))
        ],
        "dropped": _dropped(subject.part.stuck),
        "shown": _shown(subject, shown),
        "texts": list(texts.known),
    }


def _dropped(stuck: Stuck | None) -> int:
    return stuck.dropped_prefixes + max(0, len(stuck.prefixes) - MOST_ORDERS) if stuck else 0


def _call(subject: Subject, shown: Window, row: int, texts: Texts) -> list[Any]:
    """row, process, called, returned, kind, label, sentence, doubt, flags, details."""
    history, op = subject.history, subject.history[row]
    flags = IN_CORE if row in subject.core else 0
    flags |= IS_STUCK if row == subject.stuck_row else 0
    flags |= FROM_BEFORE if row in shown.before else 0
    details = ", ".join(
        f"{name} {words.value(column[row])}"
        for name, column in history.details.items()
        if column[row] is not None
    )
    return [
        row,
        op.process,
        op.called_ns - subject.origin,
        None if op.returned_ns is None else op.returned_ns - subject.origin,
        _kind(op.outcome),
        texts.number(words.label(op, subject.model)),
        texts.number(words.sentence(op, subject.model)),
        texts.number(words.doubt(op)),
        flags,
        texts.number(words.visible(details, words.SENTENCE)),
    ]


def _kind(outcome: Outcome[Any]) -> int:
    match outcome:
        case Ok(Refused()):
            return REFUSED
        case Ok():
            return OK
        case Unknown():
            return UNKNOWN
        case Failed():
            return FAILED


def _placed(
    subject: Subject, order: Sequence[int], index: dict[int, int], texts: Texts, number: int
) -> dict[str, Any]:
    """Where the order puts each shown call, and the states around it."""
    history, model = subject.history, subject.model
    states: list[Any] = [model.initial()]
    told = _told(states)
    at: list[list[int]] = []
    for place, row in enumerate(order):
        wanted = row in index
        if wanted and not told:
            told = _told(states)
        states = _after(model, states, history, row)
        if wanted:
            before, told = told, _told(states)
            at.append([index[row], place, texts.number(before), texts.number(told)])
        else:
            told = ""
    stuck = subject.part.stuck
    end = _told(states)
    expected = ""
    if stuck is not None and subject.part.order is None:
        if not states:
            end = words.value(stuck.prefixes[number].state, words.STATE)
        expected = _expected(model, states, history, stuck.row)
    return {
        "at": at,
        "length": len(order),
        "end": texts.number(end),
        "expected": texts.number(expected),
    }


def _after(model: Model[Any, Any, Any], states: list[Any], history: History, row: int) -> list[Any]:
    """The states in which the object may be after this call with this answer."""
    call, outcome = history.deeds[history.deed[row]]
    reached: dict[Any, None] = {}
    for state in states:
        for after, result in model.outcomes(state, call):
            if not isinstance(outcome, Ok) or result == outcome.result:
                reached[after] = None
    return list(reached)[:MOST_STATES]


def _told(states: Iterable[Any]) -> str:
    several = [words.value(state, words.STATE) for state in states]
    return words.visible(" or ".join(several), words.STATE) if several else "no state fits"


def _expected(
    model: Model[Any, Any, Any], states: Iterable[Any], history: History, row: int
) -> str:
    """What the call would have to say at the end of the order."""
    call = history.deeds[history.deed[row]].call
    told = dict.fromkeys(
        words.told(model, call, result, words.SENTENCE)
        for state in states
        for _, result in model.outcomes(state, call)
    )
    return words.visible(" or ".join(told), words.SENTENCE)


def _shown(subject: Subject, shown: Window) -> str:
    """Which of the calls the picture holds, said plainly."""
    history, total = subject.history, len(subject.rows)
    if total == len(shown.near):
        if total == 0:
            return "There are no calls."
        return "The call is shown." if total == 1 else f"All {total:,} calls are shown."
    low, high = (
        min(history.called[row] for row in shown.near) - subject.origin,
        max(max(history.called[row], _returned(history, row)) for row in shown.near)
        - subject.origin,
    )
    scale = max(abs(low), abs(high))
    said = (
        f"Showing {len(shown.near):,} of {total:,} calls, "
        f"from {words.moment(low, scale, timed=history.has_times)} "
        f"to {words.moment(high, scale, timed=history.has_times)}"
    )
    extra = []
    if shown.far:
        extra.append(f"{words.count(len(shown.far), 'call')} of the core from elsewhere")
    if shown.before:
        extra.append(f"{words.count(len(shown.before), 'call')} begun before")
    said = ", and ".join([said, " and ".join(extra)]) if extra else said
    dropped = len(subject.explanation.core) - len(subject.core)
    said += "."
    if shown.undrawn:
        said += f" Not drawn: {words.count(shown.undrawn, 'call')} begun before that never ended."
    return said + (f" {dropped:,} calls of the core are left out." if dropped else "")
