"""Is what a hunt catches made small, told as a story, and played again byte for byte?"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from checker.verdict import Verdict
from harness.__main__ import app
from harness.originals import Asked
from harness.sim.hunt import Hunt, hunt
from harness.sim.replaying import replay
from harness.sim.rotation import Wishes
from harness.sim.stored import case_in, is_simulated, read_script, written_script
from harness.sim.story import fault_words, story_of
from harness.store import StoredRun
from nemesis.fault import Partition
from nemesis.grudge import between
from workloads.names import workload

MOST_CALLS = 20
MOST_FAULTS = 5
CAUGHT = ("ack-before-fsync", "commit-without-quorum", "forgotten-epoch", "stale-synced-reads")


def caught(bug: str, directory: Path, seeds: int = 40, workload: str | None = None) -> Path:
    """The run that a hunt for this bug leaves."""
    wishes = Wishes(bug=bug, time_s=20.0, rate=20.0, workload=workload)
    asked = Hunt(wishes=wishes, seeds=seeds, jobs=1, store=directory)
    assert hunt(asked) == Verdict.INVALID.exit_status
    return (directory / "latest").resolve()


def shrunk(path: Path, budget_s: float, capsys: pytest.CaptureFixture[str]) -> dict[str, object]:
    capsys.readouterr()
    done = CliRunner().invoke(app, ["shrink", str(path), "--json", "--budget", str(budget_s)])
    assert done.exit_code == Verdict.INVALID.exit_status, done.output
    told: dict[str, object] = json.loads(done.stdout)
    return told


@pytest.mark.parametrize(
    ("bug", "workload"), [("ack-before-fsync", "set"), ("stale-synced-reads", "register")]
)
def test_a_catch_is_small_and_plays_again(
    bug: str, workload: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = caught(bug, tmp_path, workload=workload)
    assert is_simulated(path)
    told = shrunk(path, 900, capsys)  # it ends by itself long before, on an idle machine
    calls, faults = told["calls"], told["faults"]
    assert isinstance(calls, int)
    assert isinstance(faults, int)
    assert calls <= MOST_CALLS
    assert 1 <= faults <= MOST_FAULTS
    small = Path(str(told["path"]))
    assert "</svg>" in (small / "story.html").read_text()
    assert (small / "story.txt").read_text().startswith(" 1. ")
    assert any(one.kind == "fault" for one in story_of(StoredRun(small)))
    assert replay(small, Asked(json=True)) == Verdict.INVALID.exit_status
    assert json.loads(capsys.readouterr().out)["same"] is True


@pytest.mark.prove
@pytest.mark.parametrize("bug", CAUGHT)
def test_every_catch_is_small(
    bug: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], record_property: object
) -> None:
    path = caught(bug, tmp_path, seeds=400)
    told = shrunk(path, 180, capsys)
    calls, faults, nodes = told["calls"], told["faults"], told["nodes"]
    assert callable(record_property)
    record_property("measured", f"{calls} calls, {faults} faults, {nodes} nodes")
    assert isinstance(calls, int)
    assert isinstance(faults, int)
    assert calls <= MOST_CALLS
    assert faults <= MOST_FAULTS


def test_a_hunt_keeps_only_what_failed(tmp_path: Path) -> None:
    wishes = Wishes(time_s=12.0, nemeses=("kill",), workload="register")
    assert hunt(Hunt(wishes=wishes, seeds=2, jobs=1, store=tmp_path)) == 0
    assert not (tmp_path / "latest").exists()


def test_what_a_run_left_is_the_case_that_was_played(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = "run --on sim -t 6 --rate 40 --seed 5 --nodes 3 -n kill --json --store"
    done = CliRunner().invoke(app, [*words.split(), str(tmp_path)])
    assert json.loads(done.stdout)["verdict"] in ("valid", "inconclusive"), done.output
    store = StoredRun((tmp_path / "latest").resolve())
    case = case_in(store)
    assert case.plan.seed == 5
    assert case.conditions.nodes == 3
    replay(store.path, Asked(json=True))
    assert json.loads(capsys.readouterr().out)["same"] is True
    replay(store.path, Asked(times=2))
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "  played once, not 2 times: a simulated run is always the same"
    assert lines[2] == "  the same history and tape, byte for byte"
    assert all(line == line.rstrip() for line in lines)
    assert replay(store.path, Asked(json=True, bug="forgotten-epoch")) != 2
    assert json.loads(capsys.readouterr().out)["same"] is False


def test_disks_that_fail_are_played_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = "run --on sim -t 30 --rate 20 --seed 7 -n disk,power-loss --json --store"
    done = CliRunner().invoke(app, [*words.split(), str(tmp_path)])
    (told,) = json.loads(done.stdout)["runs"]
    assert told["verdict"] == "valid", done.output
    assert told["faults"]["power-loss"]["proven"] > 5
    store = StoredRun((tmp_path / "latest").resolve())
    assert replay(store.path, Asked(json=True)) == 0
    assert json.loads(capsys.readouterr().out)["same"] is True


def test_scripts_are_written_and_read(tmp_path: Path) -> None:
    model = workload("register").model
    said = {
        "parts": [[{"at_ns": 5, "key": "r1", "f": "cas", "value": [1, 2]}], []],
        "held": [
            {
                "nemesis": "kill",
                "aim": "one",
                "from_ns": 1,
                "until_ns": 2,
                "faults": [{"kind": "crash", "node": "n2"}],
                "when": {
                    "node": "n2",
                    "event": "joined",
                    "times": 1,
                    "waited_ns": 7,
                    "delay_ns": 8,
                },
            },
            {
                "nemesis": "kill",
                "aim": "one",
                "from_ns": 3,
                "until_ns": 4,
                "faults": [{"kind": "crash", "node": "n1"}],
                "when": None,
            },
        ],
        "last": [{"key": "r1", "f": "read", "value": None}],
        "faults_ns": 1,
    }
    assert json.loads(json.dumps(written_script(read_script(said, model), model))) == said
    old = json.loads(json.dumps(said))
    for one in old["held"]:
        del one["when"]
    assert [one.when for one in read_script(old, model).held] == [None, None]


def test_faults_are_told_in_words() -> None:
    begins, _ = fault_words(Partition(between(["n3"], ["n1", "n2"])))
    assert begins == "Nothing passes any more between n3 and n1, n2"
    begins, _ = fault_words(Partition(frozenset({("n1", "n2")})))
    assert begins == "Nothing passes any more from n1 to n2"
