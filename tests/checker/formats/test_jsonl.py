import io
import json
from array import array
from collections import Counter
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from checker import models
from checker.formats import jsonl
from checker.formats.event import HistoryError, Truth
from checker.history import DETAILS, History, Note, Op
from checker.models.register import MISMATCH, Cas, CasRegister, Read, Write
from checker.models.set import SetOfValues
from checker.outcome import DONE, Failed, Ok, Unknown


def event(process: Any = 0, kind: str = "invoke", f: str = "write", **more: Any) -> str:
    return json.dumps({"time_ns": 1, "process": process, "type": kind, "f": f} | more)


def read(tmp_path: Path, *lines: str, end: str = "\n", **options: Any) -> History:
    path = tmp_path / "history.jsonl"
    path.write_text("\n".join(lines) + end)
    return jsonl.read(path, options.pop("model", CasRegister()), **options)


# -- what is read ---------------------------------------------------------------------------------


def test_every_kind_of_outcome(tmp_path: Path) -> None:
    history = read(
        tmp_path,
        event(0, value=1, time_ns=1, key="k"),
        event(1, f="read", time_ns=2),
        event(1, "ok", "read", value=None, time_ns=3),
        event(0, "ok", value=1, time_ns=4),
        event(0, f="cas", value=[2, 3], time_ns=5),
        event(1, f="read", time_ns=6),
        event(0, "fail", "cas", value=[2, 3], error="mismatch", time_ns=7),
        event(1, "fail", "read", error="no connection", time_ns=8),
        event(2, value="a", time_ns=9),
        event(3, value="b", time_ns=9),
        event(3, "info", time_ns=10, error="timeout"),
    )
    assert [(op.key, op.call, op.outcome, op.called_ns, op.returned_ns) for op in history] == [
        ("k", Write(1), Ok(DONE), 1, 4),
        (None, Read(), Ok(None), 2, 3),
        (None, Cas(2, 3), Ok(MISMATCH), 5, 7),
        (None, Read(), Failed("no connection"), 6, 8),
        (None, Write("a"), Unknown("no completion was recorded"), 9, None),
        (None, Write("b"), Unknown("timeout"), 9, 10),
    ]


@pytest.mark.parametrize(
    ("failed", "outcomes"),
    [
        ("auto", [Ok(MISMATCH), Failed("timeout")]),
        ("dropped", [Failed("mismatch"), Failed("timeout")]),
        ("evidence", [Ok(MISMATCH), Ok(MISMATCH)]),
    ],
)
def test_what_a_fail_means(tmp_path: Path, failed: str, outcomes: list[Any]) -> None:
    lines = []
    for error in ("mismatch", "timeout"):
        lines += [event(f="cas", value=[1, 2]), event(0, "fail", "cas", error=error)]
    assert [op.outcome for op in read(tmp_path, *lines, failed=failed)] == outcomes


def test_notes(tmp_path: Path) -> None:
    history = read(
        tmp_path,
        event("nemesis", "info", "kill", value={"node": "n1", "of": [1]}, time_ns=7),
        event(0, value=1, time_ns=8),
    )
    assert history.notes == [Note(7, "nemesis", "info", "kill", {"node": "n1", "of": [1]})]
    assert len(history) == 1


def test_equal_times_are_concurrent(tmp_path: Path) -> None:
    history = read(
        tmp_path,
        event(0, value=1, time_ns=5),
        event(0, "ok", value=1, time_ns=6),
        event(1, f="read", time_ns=6),
        event(0, f="read", time_ns=6),
        event(1, "ok", "read", value=2, time_ns=6),
        event(0, "ok", "read", value=1, time_ns=7),
    )
    assert list(history.moments) == [0, 2, 4, 1, 3, 5]
    assert list(history.moments) == history.in_order()


@pytest.mark.parametrize("wrap", [lambda v: v, lambda v: [v, [v]], lambda v: {"k": v}])
def test_truth_equals_no_number(tmp_path: Path, wrap: Any) -> None:
    lines = []
    for value in (True, 1, False, 0):
        lines += [event(value=wrap(value)), event(0, "ok", value=wrap(value))]
    history = read(tmp_path, *lines)
    assert len({op.call for op in history}) == 4


def test_truth_is_written_as_such(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    jsonl.write(path, read(tmp_path, event(value=[True, 1])), CasRegister())
    assert '"value":[true,1]' in path.read_text()
    assert jsonl.read(path, CasRegister())[0].call == Write((Truth.TRUE, 1))


def test_details_from_the_first_chunk_that_has_some(tmp_path: Path) -> None:
    """A chunk is 64 KiB: only lines in the middle of many know more than others."""
    lines = []
    for number in range(3000):
        told: dict[str, Any] = {"session": 9, "zxid": number, "version": 1}
        lines += [event(value=number, time_ns=number)]
        lines += [
            event(0, "ok", value=number, time_ns=number, **(told if 1000 <= number < 1010 else {}))
        ]
    history = read(tmp_path, *lines)
    assert sorted(history.details) == ["session", "version", "zxid"]
    assert {len(column) for column in history.details.values()} == {3000}
    known = {"session": 9, "zxid": 1005, "version": 1}
    assert {name: getattr(history[1005], name) for name in known} == known
    for row in (0, 999, 1010, 2999):
        assert [getattr(history[row], name) for name in DETAILS] == [None] * len(DETAILS)


def test_unknown_fields_are_passed_over(tmp_path: Path) -> None:
    history = read(tmp_path, event(value=1, weather="fine"), event(0, "ok", value=1, index=1))
    assert [op.outcome for op in history] == [Ok(DONE)]


def test_memory_stays_columnar(tmp_path: Path) -> None:
    lines = []
    for number in range(5000):
        lines += [event(value=number % 5), event(0, "ok", value=number % 5)]
    history = read(tmp_path, *lines)
    columns = (history.process, history.deed, history.key, history.called, history.returned)
    assert {len(column) for column in columns} == {5000}
    assert all(isinstance(column, array) for column in (*columns, history.moments))
    assert len(history.deeds) == 5
    assert not history.details


def test_a_torn_last_line_is_left_out_and_said(tmp_path: Path) -> None:
    for cut in (1, 20, len(event()) - 1):
        history = read(tmp_path, event(value=1), event(0, "ok", value=1)[:cut], end="")
        assert [op.outcome for op in history] == [Unknown("no completion was recorded")]
        assert len(history.warnings) == 1
        assert "history.jsonl:2: the last line is torn" in history.warnings[0]


def test_a_last_line_without_its_end_is_a_line(tmp_path: Path) -> None:
    history = read(tmp_path, event(value=1), event(0, "ok", value=1), end="")
    assert [op.outcome for op in history] == [Ok(DONE)]
    assert not history.warnings


def test_an_empty_file_is_an_empty_history(tmp_path: Path) -> None:
    assert len(read(tmp_path, end="")) == 0


# -- what is refused ------------------------------------------------------------------------------

OPEN = event(value=1, time_ns=5)
WIDE = 1 << 63


@pytest.mark.parametrize(
    ("line", "cause"),
    [
        (event(value=2, time_ns=6), "process 0 calls write while its write is still open"),
        (event(1, "ok", time_ns=6), "process 1 completes a call it never made"),
        (event(1, "info", time_ns=6), "process 1 completes a call it never made"),
        (event(0, "done", time_ns=6), "unknown type 'done'; it is one of invoke, ok, fail, info"),
        (event(0, "ok", "read", time_ns=6), "a read completes here, but .* open call is a write"),
        (event(0, "info", "read", time_ns=6), "a read completes here, but"),
        (event(1, f="cas", value=3, time_ns=6), r"the value of a cas is a pair \[old, new\]"),
        (event(1, f="cas", value=[1, 2, 3], time_ns=6), "the value of a cas is a pair"),
        (event(1, f="fly", time_ns=6), "a cas-register has no call 'fly'"),
        (event(1, value=1, time_ns=4), "time goes back from 5 to 4 ns"),
        (event(1, value=1, time_ns=None), "the event has no time_ns"),
        ('{"process":1,"type":"invoke","f":"read"}', "the event has no time_ns"),
        ('{"time_ns":6,"type":"invoke","f":"read"}', "the event has no process"),
        ('{"time_ns":6,"process":1,"f":"read"}', "the event has no type"),
        ('{"time_ns":6,"process":1,"type":"invoke"}', "the event has no f"),
        (event(1.5, time_ns=6), "process is float, expected"),
        (event(None, time_ns=6), "process is null, expected"),
        (event(1, time_ns=6.5), "time_ns is float, expected"),
        (event(1, time_ns="6"), "time_ns is str, expected"),
        (event(1, time_ns=WIDE), f"time_ns {WIDE} does not fit in 64 bits"),
        (event(0, "ok", time_ns=WIDE), f"time_ns {WIDE} does not fit in 64 bits"),
        (event(WIDE, time_ns=6), f"process {WIDE} does not fit in 64 bits"),
        ("", "the line is empty"),
        ("  ", "the line is empty"),
        ("{", "this is no JSON"),
        ("not json", "this is no JSON"),
        (event(1, time_ns=6) * 2, "this is no JSON"),
        ("[1]", "this is no event"),
        ("\x00", "this is no JSON"),
    ],
)
def test_refuses(tmp_path: Path, line: str, cause: str) -> None:
    with pytest.raises(HistoryError, match=cause) as error:
        read(tmp_path, event("nemesis", "info", "kill"), OPEN, line)
    assert str(error.value).startswith(f"{tmp_path / 'history.jsonl'}:3: ")
    assert "\n" not in str(error.value)


def test_refuses_what_is_no_text(tmp_path: Path) -> None:
    path = tmp_path / "history.jsonl"
    path.write_bytes(OPEN.encode() + b'\n{"process":"\xff"}\n')
    with pytest.raises(HistoryError, match=":2: this is no JSON"):
        jsonl.read(path, CasRegister())


@pytest.mark.parametrize("depth", [600, 5000])
def test_refuses_what_is_too_deep(tmp_path: Path, depth: int) -> None:
    deep = event(1, value=0, time_ns=6).replace(
        '"value": 0', '"value":' + "[" * depth + "]" * depth
    )
    with pytest.raises(HistoryError, match=r"nested too deeply|no JSON"):
        read(tmp_path, OPEN, deep)


def test_the_line_is_right_far_into_a_file(tmp_path: Path) -> None:
    lines = [event(p, value=1) for p in range(3000)]
    with pytest.raises(HistoryError, match=r":2501: process 7 calls"):
        read(tmp_path, *lines[:2500], event(7, value=1), *lines[2501:])


def test_a_result_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(HistoryError, match=":2: read answers a list of members, not 3"):
        read(tmp_path, event(f="read"), event(0, "ok", "read", value=3), model=SetOfValues())


# -- round trip -----------------------------------------------------------------------------------

values = st.none() | st.integers() | st.text() | st.sampled_from(Truth) | st.just((1, ("a", None)))
kinds = (
    st.tuples(st.just(Read()), values.map(Ok) | st.builds(Failed, st.text(min_size=1)))
    | st.tuples(values.map(Write), st.just(Ok(DONE)) | st.builds(Unknown, st.just("timeout")))
    | st.tuples(st.builds(Cas, values, values), st.sampled_from([Ok(DONE), Ok(MISMATCH)]))
)


@st.composite
def histories(draw: st.DrawFn) -> History:
    """Calls of three processes; a process may call again in the instant in which it returned."""
    free = dict.fromkeys(range(3), 0)
    ops: list[Op[Any, Any]] = []
    drawn: list[tuple[Any, Any]] = draw(st.lists(kinds, max_size=10))
    for call, outcome in drawn:
        process = draw(st.sampled_from(sorted(free)))
        called = free[process] + draw(st.integers(0, 2))
        free[process] = called + draw(st.integers(0, 2))
        op = Op(
            process=process,
            call=call,
            outcome=outcome,
            called_ns=called,
            returned_ns=free[process],
            key=draw(st.sampled_from([None, "k", 3])),
        )
        if draw(st.booleans()):
            op = replace(op, session=process + 10, zxid=draw(st.integers(0, 99)))
        ops.append(op)
    return History.of(ops)


@given(histories())
@settings(max_examples=150, deadline=None)
def test_what_was_written_reads_the_same(history: History) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "history.jsonl"
        jsonl.write(path, history, models.named("cas-register"))
        again = jsonl.read(path, models.named("cas-register"))
    assert Counter(again) == Counter(history)
    assert list(again.moments) == again.in_order()


def test_notes_are_written_in_their_place(tmp_path: Path) -> None:
    history = read(
        tmp_path,
        event(0, value=1, time_ns=1),
        event("nemesis", "info", "kill", value={"n1": True}, time_ns=2),
        event(0, "ok", value=1, time_ns=3),
    )
    path = tmp_path / "out.jsonl"
    jsonl.write(path, history, CasRegister())
    assert jsonl.read(path, CasRegister()).notes == history.notes
    assert [json.loads(line)["index"] for line in path.read_text().splitlines()] == [0, 1, 2]
    assert '"kill"' in path.read_text().splitlines()[1]


def test_a_crash_tears_at_most_one_line() -> None:
    class Slow(io.StringIO):
        flushed = 0

        def flush(self) -> None:
            self.flushed += 1

    file = Slow()
    writer = jsonl.Writer(file)
    writer.event(time_ns=1, process=0, type="invoke", f="read")
    writer.event(time_ns=2, process="nemesis", type="info", f="kill", value=Truth.TRUE)
    assert file.flushed == 2
    assert [json.loads(line) for line in file.getvalue().splitlines()] == [
        {"index": 0, "time_ns": 1, "process": 0, "type": "invoke", "f": "read"},
        {
            "index": 1,
            "time_ns": 2,
            "process": "nemesis",
            "type": "info",
            "f": "kill",
            "value": True,
        },
    ]
