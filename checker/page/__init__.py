"""What does a judged history look like, to a person who wants to know what happened?

One file that opens anywhere: its style, its script and its data are inside, and its own policy
forbids it to fetch anything or to run any script but that one. Values of a history only ever reach
it as text.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections import defaultdict
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, Final

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from checker.explanation import Explanation
from checker.history import History
from checker.model import Model
from checker.page import picture, words
from checker.page.picture import Subject
from checker.verdict import Judgement, PartVerdict, Verdict, worst

__all__ = ["fingerprint", "inside_script", "render"]

CALLS_A_KEY: Final = 2_000
FEWEST_CALLS: Final = 20
CHARACTERS: Final = 2_200_000
A_KEYS_SHARE: Final = 60_000
LISTED_KEYS: Final = 2_000
LISTED_CORE: Final = 100
LONGEST_SENTENCE: Final = 600
AN_HOUR_NS: Final = 3_600_000_000_000
ROOM_OF_A_LINE: Final = 420
ROOM_OF_A_FINDING: Final = 1_200

HEADLINES: Final = {
    Verdict.VALID: "Valid",
    Verdict.INVALID: "Not linearizable",
    Verdict.INCONCLUSIVE: "Inconclusive",
}
SIGNS: Final = {Verdict.VALID: "✓", Verdict.INVALID: "✕", Verdict.INCONCLUSIVE: "?"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A call of the core, as the table tells it."""

    index: int
    when: str
    took: str
    process: int
    sentence: str
    doubt: str
    stuck: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What the page says about one key in plain text; the picture comes on top."""

    number: int
    key: str | None
    verdict: Verdict
    headline: str
    sentence: str
    core: Sequence[Line]
    core_calls: int
    minimal: bool


def render(
    history: History,
    judgement: Judgement,
    model: Model[Any, Any, Any],
    *,
    title: str,
    explanations: Mapping[Hashable, Explanation],
) -> str:
    """The page about this history, as one HTML document."""
    subjects = _subjects(history, judgement, model, explanations)
    pictures, findings = _fit(subjects)
    first = subjects[0] if subjects else None
    data = {
        "timed": history.has_times,
        "parts": [
            [words.value(s.part.key), s.part.verdict.value, len(s.rows)]
            for s in subjects[:LISTED_KEYS]
        ],
        "pictures": pictures,
    }
    style, script = look() + _own("page.css"), _own("page.js")
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    return environment.from_string(_own("page.html")).render(
        title=words.visible(title, 200),
        verdict=judgement.verdict.value,
        headline=HEADLINES[judgement.verdict],
        sign=SIGNS[judgement.verdict],
        signs={verdict.value: sign for verdict, sign in SIGNS.items()},
        summary=_summary(judgement, first),
        facts=_facts(history, judgement, model),
        warnings=[words.visible(warning, 400) for warning in judgement.warnings[:20]],
        timed=history.has_times,
        since=_since(history),
        findings=findings,
        without_picture=len(subjects) - len(pictures),
        unlisted=max(0, len(subjects) - LISTED_KEYS),
        several=len(subjects) > 1,
        style=Markup(style),
        script=Markup(script),
        style_hash=fingerprint(style),
        script_hash=fingerprint(script),
        data=inside_script(data),
    )


def look() -> str:
    """The sheet of style that every page begins with."""
    return _own("look.css")


def _own(name: str) -> str:
    return files(__name__).joinpath(name).read_text(encoding="utf-8")


def fingerprint(text: str) -> str:
    """What a page's policy calls a style or a script that it allows."""
    digest = hashlib.sha256(text.encode()).digest()
    return f"sha256-{base64.b64encode(digest).decode()}"


def inside_script(data: Any) -> Markup:
    """The data as JSON that no value can break out of."""
    text = json.dumps(data, separators=(",", ":"), ensure_ascii=True)
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(text)


# -- what is there to tell ----------------------------------------------------------------------


def _subjects(
    history: History,
    judgement: Judgement,
    model: Model[Any, Any, Any],
    explanations: Mapping[Hashable, Explanation],
) -> list[Subject]:
    """A subject a part, the wrong ones first, by the time at which they went wrong."""
    rows_of: dict[Hashable, list[int]] = {key: [] for key in history.keys}
    columns = [rows_of[key] for key in history.keys]
    for row, key in enumerate(history.key):
        columns[key].append(row)
    parts_of: dict[Hashable, int] = defaultdict(int)
    for part in judgement.parts:
        parts_of[part.key] += 1
    origin = _origin(history)
    subjects = [
        Subject(
            history=history,
            model=model,
            part=part,
            explanation=explanations.get(part.key) or _explain(history, model, part),
            shrunk=part.key in explanations and explanations[part.key].core != part.refutation,
            rows=_rows(history, model, part, rows_of.get(part.key, []), parts_of[part.key]),
            origin=origin,
        )
        for part in judgement.parts
    ]
    severity = [Verdict.INVALID, Verdict.INCONCLUSIVE, Verdict.VALID]
    return sorted(
        subjects,
        key=lambda s: (severity.index(s.part.verdict), s.anchors[-1] if s.anchors else 0),
    )


def _rows(
    history: History,
    model: Model[Any, Any, Any],
    part: PartVerdict,
    rows: list[int],
    parts_of_key: int,
) -> list[int]:
    """The calls of the part: those of its key, or of its partition of the key."""
    evidence = part.order or part.refutation or ((part.stuck.row,) if part.stuck else ())
    if parts_of_key == 1 or not evidence:
        return rows
    partition = model.partition(history[evidence[0]].call)
    return [row for row in rows if model.partition(history[row].call) == partition]


def _explain(history: History, model: Model[Any, Any, Any], part: PartVerdict) -> Explanation:
    """What can be said when nobody explained the part."""
    sentence = part.because
    if not sentence and part.verdict is Verdict.INVALID:
        sentence = "No order of these calls is legal."
        if part.stuck is not None:
            op = history[part.stuck.row]
            sentence = (
                f"Process {op.process} {words.sentence(op, model)}, "
                "and no legal order of the calls has a place for that."
            )
    elif not sentence and part.verdict is Verdict.INCONCLUSIVE:
        sentence = "The search was stopped before it found an order or a proof that there is none."
    return Explanation(sentence, part.refutation)


def _origin(history: History) -> int:
    """The moment that the page calls zero: the clock's own, unless that is far away."""
    first = min(history.called, default=0)
    return first if history.has_times and not 0 <= first < AN_HOUR_NS else 0


def _since(history: History) -> str:
    origin = _origin(history)
    return f"Times count from the first call, at {origin:,} ns of the clock." if origin else ""


def _summary(judgement: Judgement, first: Subject | None) -> str:
    """The sentence under the verdict."""
    if first is None or first.part.verdict is Verdict.VALID:
        return (
            "There is an order of the calls, each at one instant between its invocation "
            "and its return, that explains every answer."
        )
    said = first.explanation.sentence
    if len(judgement.parts) > 1 and first.part.key is not None:
        said = f"Key {words.value(first.part.key)}: {said}"
    alike = sum(part.verdict is first.part.verdict for part in judgement.parts) - 1
    if alike:
        verb = "is" if alike == 1 else "are"
        word = "wrong" if first.part.verdict is Verdict.INVALID else "undecided"
        said += f" {words.count(alike, 'other key')} {verb} {word} too."
    return words.visible(said, LONGEST_SENTENCE)


def _facts(
    history: History, judgement: Judgement, model: Model[Any, Any, Any]
) -> list[tuple[str, str]]:
    """Names and values of what the banner counts."""
    methods: dict[str, int] = defaultdict(int)
    for part in judgement.parts:
        methods[part.method] += 1
    often = sorted(methods.items(), key=lambda item: -item[1])
    proven = ", ".join(
        method if len(methods) == 1 else f"{method} ({words.count(parts, 'key')})"
        for method, parts in often[:4]
    )
    steps = sum(part.steps for part in judgement.parts)
    facts = [
        ("calls", f"{judgement.calls:,}"),
        ("keys", f"{len(judgement.parts):,}"),
        ("processes", f"{len(set(history.process)):,}"),
        ("model", words.visible(model.name, words.LABEL)),
        ("how it was judged", words.visible(proven, 160)),
        ("judged in", words.duration(int(judgement.seconds * 1e9)) if judgement.seconds else ""),
    ]
    if steps:
        facts.insert(5, ("steps", f"{steps:,}"))
    undecided = [part for part in judgement.parts if part.verdict is Verdict.INCONCLUSIVE]
    if worst(part.verdict for part in judgement.parts) is Verdict.INCONCLUSIVE:
        facts.append(("got through", f"{min(part.reached for part in undecided):.0%}"))
    return [(name, fact) for name, fact in facts if fact]


# -- what fits into the page --------------------------------------------------------------------


def _fit(subjects: Sequence[Subject]) -> tuple[list[dict[str, Any]], list[Finding]]:
    """Pictures for as many keys as the page has room for, in this order."""
    wrong = sum(subject.part.verdict is not Verdict.VALID for subject in subjects)
    room = CHARACTERS
    pictures: list[dict[str, Any]] = []
    findings: list[Finding] = []
    for number, subject in enumerate(subjects):
        # Wrong keys leave a third to the others: a right one beside them is worth comparing.
        sharing = wrong - number if number < wrong else len(subjects) - number
        common = room * 2 // 3 if number < wrong < len(subjects) else room
        share = min(max(common // sharing, A_KEYS_SHARE), room)
        drawn, size = _drawn(subject, share - ROOM_OF_A_FINDING)
        if drawn is None:
            break
        finding = _finding(subject, drawn, number)
        room -= size + ROOM_OF_A_FINDING + _room_of(finding)
        pictures.append(drawn)
        findings.append(finding)
        if room < A_KEYS_SHARE:
            break
    return pictures, findings


def _drawn(subject: Subject, room: int) -> tuple[dict[str, Any] | None, int]:
    """The largest picture of this key that fits, and its size."""
    most = min(CALLS_A_KEY, max(len(subject.rows), 1))
    while True:
        drawn = picture.picture(subject, most)
        size = len(inside_script(drawn))
        if size <= room:
            return drawn, size
        if most <= FEWEST_CALLS:
            return None, 0
        most = max(most // 2, FEWEST_CALLS)


def _room_of(finding: Finding) -> int:
    lines = sum(len(line.sentence) + len(line.doubt) + ROOM_OF_A_LINE for line in finding.core)
    return len(finding.sentence) + lines


def _finding(subject: Subject, drawn: dict[str, Any], number: int) -> Finding:
    part = subject.part
    index = {call[0]: i for i, call in enumerate(drawn["calls"])}
    history = subject.history
    core = subject.core
    scale = max((abs(history.called[row] - subject.origin) for row in core), default=0)
    return Finding(
        number=number,
        key=None if part.key is None else words.value(part.key),
        verdict=part.verdict,
        headline=HEADLINES[part.verdict],
        sentence=words.visible(subject.explanation.sentence, LONGEST_SENTENCE),
        core=[_line(subject, row, index[row], scale) for row in core[:LISTED_CORE]],
        core_calls=len(subject.explanation.core),
        minimal=subject.shrunk,
    )


def _line(subject: Subject, row: int, index: int, scale: int) -> Line:
    op, timed = subject.history[row], subject.history.has_times
    called = words.moment(op.called_ns - subject.origin, scale, timed=timed)
    returned, took = "", ""
    if not words.doubt(op) and op.returned_ns is not None:
        took = words.duration(op.returned_ns - op.called_ns) if timed else ""
        returned = words.moment(op.returned_ns - subject.origin, scale, timed=timed)
    return Line(
        index=index,
        when=f"{called} – {returned}" if returned else f"{called} – open",
        took=took,
        process=op.process,
        sentence=words.sentence(op, subject.model),
        doubt=words.doubt(op),
        stuck=row == subject.stuck_row,
    )
