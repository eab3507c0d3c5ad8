import json
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from checker import models
from checker.formats.detect import read_history
from checker.formats.event import HistoryError, Truth
from checker.formats.jepsen_export import write_edn, write_json
from checker.history import History, Note, Op
from checker.models.multi_register import Get, Set, Txn
from checker.models.queue import EMPTY, Dequeue, Enqueue
from checker.models.register import MISMATCH, Cas, Read, Write
from checker.models.set import Add, Contains, ListAll, Remove
from checker.outcome import DONE, Failed, Ok, Unknown


@pytest.fixture
def edn(tmp_path: Path) -> Callable[[str], Path]:
    def put(text: str) -> Path:
        path = tmp_path / "history.edn"
        path.write_text(text)
        return path

    return put


def deeds(history: History) -> list[tuple[Any, Any, Any]]:
    return [(op.key, op.call, op.outcome) for op in history]


CAS = """{:process 0, :type :invoke, :f :write, :value 1, :time 10, :index 0}
{:process 1, :type :invoke, :f :read, :value nil, :time 11, :index 1}
{:process :nemesis, :type :info, :f :kill, :value {"n1" :killed}, :time 12, :index 2}
{:process 1, :type :ok, :f :read, :value nil, :time 13, :index 3}
{:process 0, :type :ok, :f :write, :value 1, :time 14, :index 4}
{:process 1, :type :invoke, :f :cas, :value [2 3], :time 15, :index 5}
{:process 0, :type :invoke, :f :cas, :value [1 3], :time 16, :index 6}
{:process 1, :type :fail, :f :cas, :value [2 3], :error :mismatch, :time 17, :index 7}
{:process 0, :type :info, :f :cas, :value [1 3], :error [:timed-out "n1"], :time 18, :index 8}
"""


@pytest.mark.parametrize(
    "shape",
    [
        lambda text: text,
        lambda text: f"[{text}]",
        lambda text: f"; from a test\n({text})",
        lambda text: text.replace("{:process", "#jepsen.history.Op{:process"),
        lambda text: text.replace(", ", ",\n   ").replace("}\n", "} "),
    ],
)
def test_reads_edn(edn: Callable[[str], Path], shape: Callable[[str], str]) -> None:
    history, model = read_history(edn(shape(CAS)))
    assert model.name == "cas-register"
    assert deeds(history) == [
        (None, Write(1), Ok(DONE)),
        (None, Read(), Ok(None)),
        (None, Cas(2, 3), Failed("mismatch")),
        (None, Cas(1, 3), Unknown("timed-out n1")),
    ]
    assert [(op.called_ns, op.returned_ns) for op in history] == [
        (10, 14),
        (11, 13),
        (15, 17),
        (16, 18),
    ]
    assert history.notes == [Note(12, "nemesis", "info", "kill", {"n1": ":killed"})]
    assert history.has_times


CAS_AS_JSON = [
    {"process": 0, "type": "invoke", "f": "write", "value": 1, "time": 10},
    {"process": 1, "type": "invoke", "f": "read", "value": None, "time": 11},
    {"process": "nemesis", "type": "info", "f": "kill", "value": {"n1": "killed"}, "time": 12},
    {"process": 1, "type": "ok", "f": "read", "value": None, "time": 13},
    {"process": 0, "type": "ok", "f": "write", "value": 1, "time": 14},
    {"process": 1, "type": "invoke", "f": "cas", "value": [2, 3], "time": 15},
    {"process": 0, "type": "invoke", "f": "cas", "value": [1, 3], "time": 16},
    {"process": 1, "type": "fail", "f": "cas", "value": [2, 3], "error": "mismatch", "time": 17},
    {"process": 0, "type": "info", "f": "cas", "value": [1, 3], "error": "timed-out", "time": 18.0},
]


@pytest.mark.parametrize("is_array", [True, False])
@pytest.mark.parametrize("colon", ["", ":"])
def test_reads_json(tmp_path: Path, is_array: bool, colon: str) -> None:
    ops = [op | {"f": f"{colon}{op['f']}"} for op in CAS_AS_JSON]
    path = tmp_path / "history.json"
    path.write_text(json.dumps(ops, indent=1) if is_array else "\n".join(map(json.dumps, ops)))
    history, model = read_history(path, failed="auto")
    assert model.name == "cas-register"
    assert deeds(history)[2:] == [
        (None, Cas(2, 3), Ok(MISMATCH)),
        (None, Cas(1, 3), Unknown("timed-out")),
    ]
    assert history.notes == [Note(12, "nemesis", "info", "kill", {"n1": "killed"})]


@pytest.mark.parametrize(
    ("failed", "outcome"),
    [
        (None, Failed("mismatch")),
        ("dropped", Failed("mismatch")),
        ("auto", Ok(MISMATCH)),
        ("evidence", Ok(MISMATCH)),
    ],
)
def test_what_a_fail_means(edn: Callable[[str], Path], failed: str | None, outcome: Any) -> None:
    history, _ = read_history(edn(CAS), failed=failed)
    assert history[2].outcome == outcome


def test_values_keep_apart_what_differs(edn: Callable[[str], Path]) -> None:
    kinds = [":a", '"a"', "a", r"\a", "1", "true", "[1]", "#{1}", "{:k 1}", '#inst "x"', "nil"]
    text = "".join(
        f"{{:process 0 :type :invoke :f :write :value {kind}}} {{:process 0 :type :ok :f :write}}\n"
        for kind in kinds
    )
    history, _ = read_history(edn(text))
    assert len({op.call for op in history}) == len(kinds)
    assert history[0].call == Write(":a")
    assert history[5].call == Write(Truth.TRUE)


def test_without_times_the_lines_are_the_order(edn: Callable[[str], Path]) -> None:
    text = "\n".join(
        f"{{:process {p} :type :{t} :f :write :value 1}}"
        for p, t in [(0, "invoke"), (1, "invoke"), (1, "ok"), (0, "ok"), (1, "invoke")]
    )
    history, _ = read_history(edn(text))
    assert not history.has_times
    assert not history.warnings
    assert list(history.moments) == [0, 2, 3, 1, 4]
    assert [op.called_ns for op in history] == [0, 1, 4]


def test_times_that_go_back_are_not_believed(edn: Callable[[str], Path]) -> None:
    text = """{:process 0 :type :invoke :f :write :value 1 :time 50}

{:process 0 :type :ok :f :write :value 1 :time 60}
{:process 1 :type :invoke :f :read :value nil :time 55}
{:process 1 :type :ok :f :read :value 1 :time 70}
"""
    path = edn(text)
    history, _ = read_history(path)
    assert not history.has_times
    assert list(history.moments) == [0, 1, 2, 3]
    assert history.warnings == [
        f"{path}: time goes back at line 4; calls are ordered by line instead"
    ]


def test_a_process_may_go_on_after_info(edn: Callable[[str], Path]) -> None:
    text = """{:process 0 :type :invoke :f :write :value 1}
{:process 0 :type :info :f :write :value 1}
{:process 0 :type :invoke :f :write :value 2}
"""
    history, _ = read_history(edn(text))
    assert [op.outcome for op in history] == [
        Unknown("no answer"),
        Unknown("no completion was recorded"),
    ]


def test_transactions(edn: Callable[[str], Path]) -> None:
    text = """{:process 0 :type :invoke :f :txn :value [[:r :x nil] [:w :y 3]]}
{:process 0 :type :ok :f :txn :value [[:r :x nil] [:w :y 3]]}
{:process 0 :type :invoke :f :txn :value [[:read :y nil]]}
{:process 0 :type :ok :f :txn :value [[:read :y 3]]}
"""
    history, model = read_history(edn(text))
    assert model.name == "multi-register"
    assert deeds(history) == [
        (None, Txn((Get("x"), Set("y", 3))), Ok((None,))),
        (None, Txn((Get("y"),)), Ok((3,))),
    ]


def test_set_reads(edn: Callable[[str], Path]) -> None:
    text = """{:process 0 :type :invoke :f :add :value 1}
{:process 0 :type :ok :f :add :value 1}
{:process 0 :type :invoke :f :read :value nil}
{:process 0 :type :ok :f :read :value #{1}}
{:process 0 :type :invoke :f :read :value nil}
{:process 0 :type :ok :f :read :value (1)}
"""
    history, model = read_history(edn(text))
    assert model.name == "set"
    assert history[1].outcome == history[2].outcome == Ok(frozenset([1]))


# -- malformed ------------------------------------------------------------------------------------

WRITE = "{:process 0 :type :invoke :f :write :value 1}\n"


@pytest.mark.parametrize(
    ("text", "line", "cause"),
    [
        (WRITE + WRITE, 2, "process 0 calls write while its write is still open"),
        (WRITE + "{:process 1 :type :ok :f :write :value 1}", 2, "a call it never made"),
        (WRITE + "{:process 0 :type :ok :f :read}", 2, "a read completes here"),
        (WRITE + "{:process 0 :type :done :f :write}", 2, "unknown type 'done'"),
        (WRITE + "\n{:type :ok :f :write}", 3, "no process"),
        (WRITE + "{:process 0 :f :write}", 2, "no type"),
        (WRITE + "{:process 0 :type :ok}", 2, "no f"),
        (WRITE + "{:process 1.5 :type :ok :f :write}", 2, "process is 1.5, expected"),
        (WRITE + "{:process 0 :type :ok :f :write :time 1.5}", 2, "time is 1.5, expected"),
        (WRITE + "{:process 0 :type :ok :f :write :time 9999999999999999999}", 2, "64 bits"),
        (WRITE + "{:process 9999999999999999999 :type :ok :f :write}", 2, "64 bits"),
        (WRITE + "{:process 1 :type :invoke :f :cas :value 3}", 2, "no cas|a pair"),
        (WRITE + "[1 2]", 2, "an op is a map"),
        (WRITE + "{:process 1", 2, "never closed"),
        (f"[{WRITE}\n{WRITE}]", 3, "still open"),
        (f"[{WRITE}", 2, "never closed"),
        (f"[{WRITE}] 1", 2, "more behind"),
    ],
)
def test_refuses_malformed_edn(
    edn: Callable[[str], Path], text: str, line: int, cause: str
) -> None:
    path = edn(text)
    with pytest.raises(HistoryError, match=cause) as error:
        read_history(path)
    assert (error.value.path, error.value.line) == (str(path), line)
    assert "\n" not in str(error.value)


JSON_WRITE = '{"process": 0, "type": "invoke", "f": "write", "value": 1}'


@pytest.mark.parametrize(
    ("text", "line", "cause"),
    [
        (f"{JSON_WRITE}\n\n{JSON_WRITE}\n", 3, "process 0 calls write while"),
        (f"{JSON_WRITE}\n{{", 2, "no JSON"),
        (f"{JSON_WRITE}\n[1]", 2, "an op is an object"),
        (f'{JSON_WRITE}\n{{"process": [], "type": "ok", "f": "write"}}', 2, "process is"),
        (f'{JSON_WRITE}\n{{"process": 0, "type": {{}}, "f": "write"}}', 2, "unknown type"),
        (f'{JSON_WRITE}\n{{"process": true, "type": "ok", "f": "write"}}', 2, "process is True"),
        (f"[{JSON_WRITE},\n{JSON_WRITE}]", 2, "event 1: process 0 calls write while"),
        (f"[{JSON_WRITE},\n\n{{}}]", 3, "event 1: the event has no process"),
        (f"[{JSON_WRITE},\n\n{JSON_WRITE}x]", 3, "no JSON"),
        (f"[{JSON_WRITE},\n", 2, "no JSON"),
        (JSON_WRITE.replace("1}", "[" * 3000 + "]" * 3000 + "}"), 1, "no JSON|deep"),
    ],
)
def test_refuses_malformed_json(tmp_path: Path, text: str, line: int, cause: str) -> None:
    path = tmp_path / "history.json"
    path.write_text(text)
    with pytest.raises(HistoryError, match=cause) as error:
        read_history(path)
    assert error.value.line == line


@given(st.text('[]{}()#_"\\:; \n-.01') | st.text(), st.sampled_from(["", WRITE, "[", JSON_WRITE]))
@settings(max_examples=200, deadline=None)
def test_any_text_is_a_history_or_refused(text: str, before: str) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "history"
        path.write_text(before + text, encoding="utf-8", errors="replace")
        for format in (None, "jepsen-edn", "jepsen-json", "porcupine-etcd", "porcupine-kv"):
            with suppress(HistoryError):
                read_history(path, format=format)


# -- export ---------------------------------------------------------------------------------------

values = st.integers(-3, 3) | st.sampled_from(["a", ":a", "'a", "", Truth.TRUE, (1, ":b"), "x y"])
failures = st.builds(Failed, st.sampled_from(["timed-out", "no route", ":x"]))
unknowns = st.builds(Unknown, st.sampled_from(["timed-out", "connection lost"]))
members = st.frozensets(values, max_size=3)

REGISTER = (
    st.tuples(st.just(Read()), values.map(Ok) | st.just(Ok(None)) | failures | unknowns)
    | st.tuples(values.map(Write), st.just(Ok(DONE)) | failures | unknowns)
    | st.tuples(st.builds(Cas, values, values), st.sampled_from([Ok(DONE), Ok(MISMATCH)]))
)
SET = (
    st.tuples(st.just(ListAll()), members.map(Ok) | unknowns)
    | st.tuples(values.map(Add) | values.map(Remove), st.just(Ok(DONE)) | failures | unknowns)
    | st.tuples(values.map(Contains), st.booleans().map(Ok))
)
QUEUE = st.tuples(values.map(Enqueue), st.just(Ok(DONE)) | failures | unknowns) | st.tuples(
    st.just(Dequeue()), values.map(Ok) | st.just(Ok(EMPTY)) | unknowns
)
TXN = st.lists(values, min_size=1, max_size=2).map(
    lambda vs: (Txn((Set("x", vs[0]), *[Get("y") for _ in vs[1:]])), Ok(tuple(vs[1:])))
)


@st.composite
def histories(draw: st.DrawFn, kinds: Any, *, keys: bool) -> History:
    """Up to twelve calls of three processes; times may be equal, an unknown call may be open."""
    free = dict.fromkeys(range(3), 0)
    ops = []
    for called, outcome in draw(st.lists(kinds, max_size=12)):
        if not free:
            break
        process = draw(st.sampled_from(sorted(free)))
        start = free[process] + draw(st.integers(0, 3))
        end: int | None = start + draw(st.integers(0, 5))
        if isinstance(outcome, Unknown) and draw(st.booleans()):
            end = None
            del free[process]
        else:
            assert end is not None
            free[process] = end
        key = draw(st.sampled_from(["k", 7])) if keys else None
        ops.append(
            Op(
                process=process,
                call=called,
                outcome=outcome,
                called_ns=start,
                returned_ns=end,
                key=key,
            )
        )
    return History.of(ops)


@pytest.mark.parametrize(
    ("write", "format"), [(write_edn, "jepsen-edn"), (write_json, "jepsen-json")]
)
@pytest.mark.parametrize(
    ("name", "kinds"),
    [("cas-register", REGISTER), ("set", SET), ("fifo-queue", QUEUE), ("multi-register", TXN)],
)
@pytest.mark.parametrize("keys", [True, False])
def test_what_was_written_reads_the_same(
    write: Any, format: str, name: str, kinds: Any, keys: bool
) -> None:
    @given(histories(kinds, keys=keys))
    @settings(max_examples=25, deadline=None)
    def check(history: History) -> None:
        model = models.named(name)
        with TemporaryDirectory() as folder:
            path = Path(folder) / "history"
            write(path, history, model)
            read, _ = read_history(path, name, format, "auto", keyed=keys)
        assert Counter(map(known, read)) == Counter(map(known, history))

    check()


def known(op: Op[Any, Any]) -> Op[Any, Any]:
    """The op without what no file holds: why nobody can say what an open call did."""
    if isinstance(op.outcome, Unknown) and op.returned_ns is None:
        return replace(op, outcome=Unknown(""))
    return op


@pytest.mark.parametrize("write", [write_edn, write_json])
def test_notes_and_keywords_are_written(edn: Callable[[str], Path], write: Any) -> None:
    source = edn(CAS.replace(":value 1", ":value :one"))
    history, model = read_history(source)
    write(source, history, model)
    again, _ = read_history(source)
    assert again.notes == history.notes
    assert deeds(again)[:3] == deeds(history)[:3]


def test_what_edn_looks_like(edn: Callable[[str], Path]) -> None:
    path = edn(CAS)
    history, model = read_history(path, failed="auto")
    write_edn(path, history, model)
    lines = path.read_text().splitlines()
    assert lines[0] == "{:process 0, :type :invoke, :f :write, :value 1, :time 10, :index 0}"
    assert lines[7] == (
        "{:process 1, :type :fail, :f :cas, :value [2 3], :error :mismatch, :time 17, :index 7}"
    )
