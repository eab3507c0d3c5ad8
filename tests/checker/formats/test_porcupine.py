from pathlib import Path
from typing import Any

import pytest

from checker.formats.detect import read_history
from checker.formats.event import HistoryError
from checker.history import History
from checker.models.kv import Append, Get, KeyValue, Put
from checker.models.register import MISMATCH, Cas, Read, Write
from checker.outcome import DONE, Failed, Ok, Unknown

ETCD = """INFO  jepsen.core - Running test
INFO  jepsen.util - 0\t:invoke\t:read\tnil
INFO  jepsen.util - 1\t:invoke\t:write\t4
INFO  jepsen.util - 0\t:ok\t:read\tnil
INFO  jepsen.util - 1\t:ok\t:write\t4
INFO  jepsen.util - :nemesis\t:info\t:start\tnil
INFO  jepsen.util - 0\t:invoke\t:cas\t[3 0]
INFO  jepsen.util - 0\t:fail\t:cas\t[3 0]
INFO  jepsen.util - 1 :invoke :read nil
INFO  jepsen.util - 1 :fail :read :timed-out
INFO  jepsen.util - 1 :invoke :cas [4 2]
INFO  jepsen.util - 1 :fail :cas :connection-refused
INFO  jepsen.util - 0\t:invoke\t:write\t1
INFO  jepsen.util - 0\t:info\t:write\t:timed-out
INFO  jepsen.util - 0\t:invoke\t:read\tnil
"""


def read(tmp_path: Path, text: str, **options: Any) -> tuple[History, Any]:
    path = tmp_path / "test.log"
    path.write_text(text)
    return read_history(path, **options)


def told(history: History) -> list[tuple[Any, Any]]:
    return [(op.call, op.outcome) for op in history]


def test_etcd_log(tmp_path: Path) -> None:
    history, model = read(tmp_path, ETCD)
    assert model.name == "cas-register"
    assert told(history) == [
        (Read(), Ok(None)),
        (Write(4), Ok(DONE)),
        (Cas(3, 0), Ok(MISMATCH)),
        (Read(), Failed("timed-out")),
        (Cas(4, 2), Failed("connection-refused")),
        (Write(1), Unknown("timed-out")),
        (Read(), Unknown("no completion was recorded")),
    ]
    assert not history.has_times
    assert [(note.process, note.f) for note in history.notes] == [("nemesis", "start")]


def test_what_a_fail_means_can_be_said(tmp_path: Path) -> None:
    dropped, _ = read(tmp_path, ETCD, failed="dropped")
    assert dropped[2].outcome == Failed("mismatch")
    evidence, _ = read(tmp_path, ETCD, failed="evidence")
    assert evidence[2].outcome == evidence[4].outcome == Ok(MISMATCH)
    assert evidence[3].outcome == Failed("timed-out")


def test_newer_logs(tmp_path: Path) -> None:
    start = "2024-05-01 12:00:00,000{GMT}\tINFO\t[jepsen worker 0] jepsen.util: 0\t"
    text = f"{start}:invoke\t:write\t1\n{start}:info\t:write\t1\t[:timed-out 5]\n"
    history, model = read(tmp_path, text)
    assert model.name == "register"
    assert told(history) == [(Write(1), Unknown("timed-out 5"))]


@pytest.mark.parametrize(
    ("text", "line", "cause"),
    [
        ("x\nINFO jepsen.util - 0 :invoke :cas [1", 2, "never closed"),
        ("x\nINFO jepsen.util - 0 :ok :read nil", 2, "a call it never made"),
        ("INFO jepsen.util - 0 :invoke :write 1\n\n" * 2, 3, "still open"),
    ],
)
def test_refuses_a_malformed_log(tmp_path: Path, text: str, line: int, cause: str) -> None:
    with pytest.raises(HistoryError, match=cause) as error:
        read(tmp_path, text, model_name="cas-register")
    assert error.value.line == line


KV = """{:process 0, :type :invoke, :f :get, :key "7", :value nil}
{:process 0, :type :ok, :f :get, :key "7", :value ""}
{:process 1, :type :invoke, :f :append, :key "0", :value "x 0 1 y"}
{:process 0, :type :invoke, :f :put, :key "7", :value "x, 0"}
{:process 1, :type :ok, :f :append, :key "0", :value "x 0 1 y"}
{:process 0, :type :ok, :f :put, :key "7", :value "x, 0"}
"""


def test_kv_log(tmp_path: Path) -> None:
    history, model = read(tmp_path, KV)
    assert isinstance(model, KeyValue)
    assert model.initial() == ""
    assert [(op.key, op.call, op.outcome) for op in history] == [
        ("7", Get(), Ok("")),
        ("0", Append("x 0 1 y"), Ok(DONE)),
        ("7", Put("x, 0"), Ok(DONE)),
    ]
    assert read(tmp_path, KV, model_name="kv")[1].initial() == ""


def test_kv_answer_for_another_key(tmp_path: Path) -> None:
    with pytest.raises(HistoryError, match=":2: the get of key '7' completes with key '8'"):
        read(tmp_path, KV.replace(':key "7", :value ""', ':key "8", :value ""'))
