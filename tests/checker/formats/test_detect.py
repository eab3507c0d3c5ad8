from pathlib import Path

import pytest

from checker.formats.detect import FORMATS, guess_format, guess_model, read_history
from checker.formats.event import HistoryError

OWN = '{"index":0,"time_ns":1,"process":0,"type":"invoke","f":"write","value":1}\n'


@pytest.mark.parametrize(
    ("text", "format"),
    [
        (OWN, "jsonl"),
        ("\n\n" + OWN, "jsonl"),
        (OWN[:40], "jsonl"),
        (OWN.replace("_ns", ""), "jepsen-json"),
        (OWN.replace('"time_ns":1,', ""), "jepsen-json"),
        (f"[\n{OWN}]", "jepsen-json"),
        ("[]", "jepsen-json"),
        ("{:process 0 :type :invoke}", "jepsen-edn"),
        ("; remark\n{:process 0}", "jepsen-edn"),
        ("({:process 0})", "jepsen-edn"),
        ("[; remark\n{:process 0}]", "jepsen-edn"),
        ("#jepsen.history.Op{:process 0}", "jepsen-edn"),
        ("[#jepsen.history.Op{:process 0}]", "jepsen-edn"),
        ('{:process 0, :type :invoke, :f :get, :key "0"}', "porcupine-kv"),
        ('{:process 0, :type :invoke, :f :get, :value ["k" nil]}', "jepsen-edn"),
        ("INFO  jepsen.util - 0\t:invoke\t:read\tnil", "porcupine-etcd"),
        ("some\nother lines\nINFO  jepsen.util - 0 :invoke :read nil", "porcupine-etcd"),
    ],
)
def test_format(tmp_path: Path, text: str, format: str) -> None:
    path = tmp_path / "history"
    path.write_text(text)
    assert guess_format(path) == format
    assert format in FORMATS


@pytest.mark.parametrize(
    ("calls", "model"),
    [
        ("write read", "register"),
        ("read write", "register"),
        ("read", "register"),
        ("write read write cas", "cas-register"),
        ("read cas", "cas-register"),
        ("get put", "kv"),
        ("append", "kv"),
        ("dequeue", "fifo-queue"),
        ("enqueue", "fifo-queue"),
        ("txn", "multi-register"),
        ("acquire release", "mutex"),
        ("add add", "set"),
        ("read add", "set"),
        ("contains", "set"),
        ("add remove", "set"),
        ("add read=7", "counter"),
        ("add read=[7]", "set"),
        ("add read=[]", "set"),
    ],
)
@pytest.mark.parametrize("format", ["jsonl", "jepsen-json"])
def test_model(tmp_path: Path, calls: str, model: str, format: str) -> None:
    path = tmp_path / "history"
    lines = ['{"time_ns":0,"process":"nemesis","type":"info","f":"kill"}\n']
    for number, (f, _, answer) in enumerate(call.partition("=") for call in calls.split()):
        start = f'{{"time_ns":0,"process":{number},"f":"{f}","type":'
        lines += [f'{start}"invoke"}}\n']
        lines += [f'{start}"ok","value":{answer}}}\n'] if answer else []
    path.write_text("".join(lines))
    assert guess_model(path, format) == model


@pytest.mark.parametrize(
    ("text", "options", "cause"),
    [
        ("", {}, "holds no event"),
        ("time,process\n1,2", {}, "no history: looked for JSON .*--format"),
        (OWN, {"format": "xml"}, "unknown format 'xml'; it is one of jsonl, jepsen-edn"),
        (OWN, {"model_name": "heap"}, "unknown model 'heap'; it is one of register"),
        (OWN.replace("write", "fly"), {}, ":1: no model is known by its call 'fly'.*--model"),
        ("{:process :nemesis :type :info}", {}, "no call in it to tell the model by.*--model"),
        (OWN[:40] + "\n", {}, ":1: this is no JSON"),
        (OWN.replace('"process":0,', ""), {}, ":1: the event has no process"),
    ],
)
def test_says_what_mends_it(tmp_path: Path, text: str, options: dict[str, str], cause: str) -> None:
    path = tmp_path / "history"
    path.write_text(text)
    with pytest.raises(HistoryError, match=cause) as error:
        read_history(path, options.get("model_name"), options.get("format"))
    assert "\n" not in str(error.value)


def test_unreadable(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none"):
        with pytest.raises(HistoryError, match="cannot be read"):
            read_history(path)
    path = tmp_path / "history.edn"
    path.write_bytes(b"{:process 0 :type :invoke :f :read}\n{\xff\xfe}")
    with pytest.raises(HistoryError, match="no UTF-8"):
        read_history(path)


def test_own_history_with_a_model_guessed(tmp_path: Path) -> None:
    path = tmp_path / "history.jsonl"
    path.write_text(OWN)
    seen: list[float] = []
    history, model = read_history(path, progress=seen.append)
    assert (len(history), model.name, seen) == (1, "register", [1.0])


def test_progress_ends_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "history.edn"
    path.write_text(
        "{:process 0 :type :invoke :f :write}\n{:process 0 :type :ok :f :write}\n" * 3000
    )
    seen: list[float] = []
    read_history(path, "register", progress=seen.append)
    assert seen == sorted(seen)
    assert seen[-1] == 1.0
