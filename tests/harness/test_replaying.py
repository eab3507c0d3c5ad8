"""Does a replay make the same calls and faults again, and know a failure when it sees it again?"""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

from checker.formats.detect import read_history
from harness.fault_notes import held_of, not_understood
from harness.scripting import NoScript, script_of
from nemesis.fault import Crash, Partition, Pause
from tests.harness.test_running import zabtest
from workloads.workload import Synced

PLUGIN = Path(__file__).parent / "memory_plugin.py"
MEMORY = ("--plugin", PLUGIN, "--target", "memory")
NODES = ("n1", "n2", "n3")

JEPSEN = """
{:process 0, :type :invoke, :f :write, :value [1 3], :time 1000000}
{:process 1, :type :invoke, :f :read, :value [1 nil], :time 2000000}
{:process 0, :type :ok, :f :write, :value [1 3], :time 5000000}
{:process 1, :type :info, :f :read, :value [1 nil], :time 40000000}
{:process 3, :type :invoke, :f :cas, :value [1 [3 4]], :time 50000000}
{:process 3, :type :ok, :f :cas, :value [1 [3 4]], :time 60000000}
{:process 2, :type :invoke, :f :write, :value [2 3], :time 61000000}
{:process 2, :type :info, :f :write, :value [2 3], :time 62000000}
{:process :nemesis, :type :info, :f :kill, :value :one, :time 200000000}
{:process :nemesis, :type :info, :f :kill, :value {"b" :killed}, :time 300000000}
{:process :nemesis, :type :info, :f :start, :value :all, :time 400000000}
{:process :nemesis, :type :info, :f :start, :value {"a" "", "b" :started}, :time 420000000}
{:process 0, :type :invoke, :f :read, :value [1 nil], :time 500000000}
{:process 0, :type :ok, :f :read, :value [1 4], :time 600000000}
"""


def run(store: Path, *more: object) -> dict[str, Any]:
    """The last run's results."""
    zabtest("run", *MEMORY, "--time", 1, "--nodes", 3, "--store", store, *more)
    said: dict[str, Any] = json.loads((store / "latest" / "results.json").read_bytes())
    return said


def calls_of(path: Path) -> dict[int, list[tuple[str, str, float]]]:
    """What each of ten clients asked during the run proper, and when, by the phase `load`."""
    asked = defaultdict(list)
    began = 0
    for line in (path / "history.jsonl").read_text().splitlines():
        event = json.loads(line)
        if event["f"] == "phase":
            began = event["time_ns"] if event["value"] == "load" else began
            if event["value"] == "last calls":
                break
        elif event["type"] == "invoke":
            at_s = (event["time_ns"] - began) / 1e9
            asked[event["process"] % 10].append((event["f"], event["key"], at_s))
    return asked


def test_a_failure_is_known_again(tmp_path: Path) -> None:
    run(tmp_path, "--bug", "stale read", "--seed", 5, "--rate", 500)
    original = (tmp_path / "latest").resolve()
    status, out, err = zabtest("replay", original, "--times", 2, "--json")
    told = json.loads(out)
    assert status == 1, err
    assert told["marks"][0] == "linearizable: not linearizable"
    assert (told["times"], told["failed"], told["same"]) == (2, 2, 2)
    status, out, _ = zabtest("replay", original / "history.jsonl")
    assert status == 1
    assert "1 of 1 replay failed the same way: linearizable: not linearizable" in out
    facts = json.loads((tmp_path / "latest" / "run.json").read_bytes())
    assert facts["replayed"] == str(original / "history.jsonl")


def test_a_run_with_its_seed_and_tape_draws_the_same(tmp_path: Path) -> None:
    run(tmp_path, "--rate", 500, "--seed", 4)
    original = (tmp_path / "latest").resolve()
    status, out, err = zabtest("replay", original, "--json")
    assert status == 0, err
    assert json.loads(out)["failed"] == 0
    tapes = [
        json.loads((path / "tape.json").read_bytes()) for path in (original, tmp_path / "latest")
    ]
    assert tapes[0].keys() == tapes[1].keys()
    for label, drawn in tapes[0].items():
        both = min(len(drawn), len(tapes[1][label]))
        assert both
        assert drawn[:both] == tapes[1][label][:both]


def test_a_history_is_made_again_call_by_call(tmp_path: Path) -> None:
    run(tmp_path, "--rate", 800, "--nemesis", "hiccup", "--time", 1, "--seed", 3)
    original = (tmp_path / "latest").resolve()
    status, out, err = zabtest("replay", original / "history.jsonl", "--json")
    assert status == 0, out + err
    again = (tmp_path / "latest").resolve()
    assert again != original
    before, after = calls_of(original), calls_of(again)
    assert before.keys() == after.keys()
    for place, asked in before.items():
        assert [call[:2] for call in after[place]] == [call[:2] for call in asked]
        for (_, _, was), (_, _, now) in zip(asked, after[place], strict=True):
            assert now >= was - 0.1, "no call comes early"
    faults = [
        json.loads((path / "results.json").read_bytes())["faults"] for path in (original, again)
    ]
    assert faults[0]["hiccup"]["proven"] >= 1
    assert faults[0] == faults[1]
    # What was made again can be made again.
    status, out, _ = zabtest("replay", again)
    assert status == 0
    assert "0 of 1 replay failed, and the original did not" in out


def test_a_history_of_jepsen_is_made_again_with_its_faults(tmp_path: Path) -> None:
    history = tmp_path / "history.edn"
    history.write_text(JEPSEN)
    command = ("replay", history, "--store", tmp_path, "--nodes", 2, *MEMORY)
    status, out, err = zabtest(*command, "--json")
    assert status == 0, out + err
    events = [
        json.loads(line)
        for line in (tmp_path / "latest" / "history.jsonl").read_text().splitlines()
    ]
    asked = [(e["key"], e["f"], e["value"]) for e in events if e["type"] == "invoke"]
    assert asked[:5] == [
        ("1", "write", 1),
        ("1", "read", None),
        ("1", "cas", [1, 2]),
        ("2", "write", 3),
        ("1", "read", None),
    ]
    injected = [e["value"]["faults"] for e in events if e["f"] == "injected"]
    assert [[one["fault"] for one in faults] for faults in injected] == [
        [{"kind": "crash", "node": "n2"}]  # of the nodes that are named, b is the second
    ]


@pytest.mark.parametrize(
    ("begin", "value", "end", "faults"),
    [
        ("start-partition", '[:isolated {"a" #{"b" "c"}}]', "stop-partition", 1),
        ("start", '{"a" ["b"], "c" ["b"]}', "stop", 1),
        ("pause", '["a" "c"]', "resume", 2),
        ("bump", '{"a" 300}', "reset", 0),
    ],
)
def test_faults_in_jepsens_words(
    tmp_path: Path, begin: str, value: str, end: str, faults: int
) -> None:
    path = tmp_path / "history.edn"
    path.write_text(
        f"{{:process :nemesis, :type :info, :f :{begin}, :value {value}, :time 1000}}\n"
        f"{{:process 0, :type :invoke, :f :write, :value 1, :time 1500}}\n"
        f"{{:process :nemesis, :type :info, :f :{end}, :value nil, :time 2000}}\n"
    )
    history, _ = read_history(path)
    held = held_of(history.notes, 0, NODES)
    assert [(one.from_ns, one.until_ns) for one in held] == [(1000, 2000)] * bool(faults)
    found = [fault for one in held for fault in one.faults]
    assert len(found) == faults
    assert list(not_understood(history.notes)) == ([] if faults else [begin, end])
    assert {type(one) for one in found} <= {Partition, Pause, Crash}
    if begin == "start":
        assert found == [Partition(frozenset({("n2", "n1"), ("n2", "n3")}))]


def test_faults_that_cannot_be_made_again_are_named(tmp_path: Path) -> None:
    history = tmp_path / "history.edn"
    strobe = "{:process :nemesis, :type :info, :f :strobe, :value nil, :time 450000000}"
    history.write_text(JEPSEN + strobe)
    status, out, err = zabtest("replay", history, "--store", tmp_path, *MEMORY, "--json")
    assert status == 0, out + err
    assert json.loads(out)["left_out"] == ["strobe"]
    assert "faults that cannot be made again here, and are left out: strobe" in err


def test_what_nobody_can_make_again_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "history.edn"
    path.write_text("{:process 0, :type :invoke, :f :enqueue, :value 1, :time 1}\n")
    history, model = read_history(path)
    with pytest.raises(NoScript, match="fifo-queue cannot be made again"):
        script_of(history, model.name, Synced.LINEARIZABLE, NODES)


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("gone", None, "gone: there is no such file or folder"),
        ("folder/", None, "no run left this folder: there is no run.json in it"),
        ("folder/run.json", "{", "run.json: this is not what a run writes"),
        ("folder/run.json", '{"plan": {"nemeses": 3}}', "run.json: this is not what a run writes"),
        ("history.jsonl", "", "the file holds no event"),
        ("history.jsonl", "\x00\xff", "this is no history"),
    ],
)
def test_bad_input_gets_one_clear_line(
    tmp_path: Path, name: str, text: str | None, words: str
) -> None:
    path = tmp_path / name
    if "folder" in name:
        (tmp_path / "folder").mkdir()
    if text is not None:
        path.write_text(text)
    asked = path.parent if path.name == "run.json" else path
    status, out, err = zabtest("replay", asked, "--store", tmp_path / "store")
    assert (status, out) == (2, "")
    assert words in err
    assert len(err.strip().splitlines()) == 1
    assert not (tmp_path / "store").exists()
