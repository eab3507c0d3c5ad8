"""Which calls does the picture hold, and how are they counted and timed?

Rules of this file: what is counted is counted over all calls. Of more calls than a page can hold,
those that any wrong speaks of are kept, and of each kind of ending every so-manieth; each that is
kept then stands for so many, and the page says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from checker.history import ABSENT_NS, History
from checker.model import Model
from checker.outcome import Failed, Ok, Outcome, Refused, Unknown
from checker.page import words
from checker.page.picture import Texts
from harness.report.reasons import key_of

ENDINGS: Final = ("ok", "refused", "fail", "unknown")
MOST_DRAWN: Final = 120_000
QUANTILES: Final = (0.5, 0.95, 0.99, 1.0)
MICRO: Final = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """All calls of one `f`: how many ended how, and how long the answered ones took, in ns."""

    f: str
    endings: Sequence[int]
    took_ns: Sequence[int]


@dataclass(frozen=True, slots=True)
class Drawn:
    """The rows in the picture; `every[ending]` is how many calls one of them stands for."""

    rows: Sequence[int]
    every: Sequence[int]


def ending(outcome: Outcome[Any]) -> int:
    """A number of `ENDINGS`: a refusal is an answer."""
    match outcome:
        case Ok(Refused()):
            return 1
        case Ok():
            return 0
        case Failed():
            return 2
        case Unknown():
            return 3


def endings_of(history: History) -> Sequence[int]:
    """How each deed ended."""
    return [ending(deed.outcome) for deed in history.deeds]


def fs_of(history: History, model: Model[Any, Any, Any]) -> Sequence[str]:
    """What each deed is called."""
    return [words.visible(str(model.write_call(deed.call)[0]), 40) for deed in history.deeds]


def table_of(history: History, model: Model[Any, Any, Any]) -> Sequence[Row]:
    """A line for each f, the most frequent first."""
    endings, fs = endings_of(history), fs_of(history, model)
    counts: dict[str, list[int]] = {}
    took: dict[str, list[int]] = {}
    for row, deed in enumerate(history.deed):
        of_f = counts.setdefault(fs[deed], [0] * len(ENDINGS))
        of_f[endings[deed]] += 1
        if endings[deed] < 2 and history.returned[row] != ABSENT_NS:
            took.setdefault(fs[deed], []).append(history.returned[row] - history.called[row])
    return [
        Row(f=f, endings=counts[f], took_ns=quantiles(took.get(f, ())))
        for f in sorted(counts, key=lambda f: (-sum(counts[f]), f))
    ]


def quantiles(lengths: Iterable[int]) -> Sequence[int]:
    """p50, p95, p99 and the longest; of nothing, nothing."""
    ordered = sorted(lengths)
    if not ordered:
        return ()
    return [ordered[min(int(q * len(ordered)), len(ordered) - 1)] for q in QUANTILES]


def drawn(history: History, wrong: Iterable[int], most: int = MOST_DRAWN) -> Drawn:
    """Which calls to keep."""
    endings = endings_of(history)
    counts = [0] * len(ENDINGS)
    for deed in history.deed:
        counts[endings[deed]] += 1
    every = _strides(counts, most)
    always = set(wrong)
    seen = [0] * len(ENDINGS)
    rows = []
    for row, deed in enumerate(history.deed):
        how = endings[deed]
        if seen[how] % every[how] == 0 or row in always:
            rows.append(row)
        seen[how] += 1
    return Drawn(rows, every)


def _strides(counts: Sequence[int], most: int) -> Sequence[int]:
    """The rarer an ending, the more of it is kept: all that do not fill their share."""
    every = [1] * len(counts)
    room = most
    order = sorted(range(len(counts)), key=lambda how: counts[how])
    for place, how in enumerate(order):
        share = max(room // (len(order) - place), 1)
        every[how] = max(1, -(-counts[how] // share))
        room = max(room - counts[how] // every[how], 0)
    return every


def columns(
    history: History,
    model: Model[Any, Any, Any],
    rows: Sequence[int],
    lanes: int,
    end_ns: int,
) -> Mapping[str, Any]:
    """The calls as columns of numbers, which are a fraction of the objects' size.

    Times are in µs; `called` is told by its differences. A call that nobody saw end has -1.
    """
    texts, fs = Texts(), Texts()
    endings, names = endings_of(history), fs_of(history, model)
    labels: dict[int, int] = {}
    told: dict[str, list[int]] = {
        name: [] for name in ("row", "called", "took", "process", "ending", "f", "label", "why")
    }
    keys, nodes = Texts(), Texts()
    where = history.details.get("node")
    before_us = before_row = 0
    told |= {"key": [], "node": []}
    for row in rows:
        deed = history.deed[row]
        if deed not in labels:
            labels[deed] = texts.number(words.label(history[row], model))
        called_us = history.called[row] // MICRO
        ended = history.returned[row]
        told["row"].append(row - before_row)
        told["called"].append(called_us - before_us)
        took = -1 if ended == ABSENT_NS else max(min(ended, end_ns) // MICRO - called_us, 0)
        told["took"].append(took)
        told["process"].append(history.process[row])
        told["ending"].append(endings[deed])
        told["f"].append(fs.number(names[deed]))
        told["label"].append(labels[deed])
        told["why"].append(texts.number(_why(history.deeds[deed].outcome)))
        told["key"].append(keys.number(key_of(history.keys[history.key[row]])))
        told["node"].append(nodes.number(str(where[row] or "") if where else ""))
        before_us, before_row = called_us, row
    return {
        **told,
        "texts": list(texts.known),
        "fs": list(fs.known),
        "keys": list(keys.known),
        "nodes": list(nodes.known),
        "lanes": lanes,
    }


def _why(outcome: Outcome[Any]) -> str:
    """What was said instead of an answer."""
    match outcome:
        case Ok(Refused(code)):
            return words.visible(code, words.LABEL)
        case Failed(reason) | Unknown(reason):
            return words.visible(reason, 200)
        case _:
            return ""
