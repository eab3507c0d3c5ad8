"""Is what a hunt catches counted, kept and told as it is?"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from harness.__main__ import app
from harness.power.campaign import Asked, Campaign
from harness.power.hunting import Hunted, Small
from harness.power.measuring import measured
from harness.power.page import page
from harness.power.summing import CANNOT_SAY, HARNESS_FAILED, LOST, sum_of
from harness.sim.rotation import Wishes
from target_node.bugs.bug import find, names

EASY = Wishes(time_s=12.0, rate=20.0, workload="set", nemeses=("kill",))
ASKED = Asked(
    bugs=["ack-before-fsync", "touches-not-forwarded"], wishes=EASY, budget_s=600.0, shrink_s=0.0
)
CAUGHT = Hunted(bug="ack-before-fsync", seed=3, marks=("membership: lost",), tried=4, seconds=2.5)


def campaign(store: Path, asked: Asked = ASKED) -> Campaign:
    return Campaign.of(asked, store)[0]


def test_a_catch_is_counted_and_made_small(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = replace(ASKED, bugs=["ack-before-fsync"], shrink_s=4.0)
    whole = measured(asked, tmp_path, jobs=1, dask=None)
    (one,) = whole.caught
    assert one.seed is not None
    assert one.tried == one.seed + 1
    assert one.marks
    assert one.simulated_s > 12 * one.tried
    assert one.cpu_s > 0
    small = whole.small[one.bug]
    assert small.mark in one.marks
    assert (Path(small.path) / "story.txt").exists()
    assert whole.status == 0
    # It has come to its end, so the next is a new one.
    assert Campaign.of(asked, tmp_path)[1] is False
    assert f"ack-before-fsync: {one.marks[0]}" in capsys.readouterr().err


def test_what_is_known_is_not_hunted_for_again(tmp_path: Path) -> None:
    begun = campaign(tmp_path)
    begun.note(CAUGHT)
    with (begun.path / "notes.jsonl").open("a") as file:
        file.write('{"hunted": {"bug": "touches-no')  # as if it had been torn
    again, goes_on = Campaign.of(ASKED, tmp_path)
    assert (again.path, goes_on) == (begun.path, True)
    whole = sum_of(again)
    assert whole.caught == [CAUGHT]
    assert whole.open == ["touches-not-forwarded"]
    assert whole.status == CANNOT_SAY
    asked = replace(ASKED, bugs=["ack-before-fsync"])
    begun = campaign(tmp_path / "other", asked)
    begun.note(CAUGHT)
    assert measured(asked, tmp_path / "other", jobs=1, dask=None).caught == [CAUGHT]


def test_another_wish_is_another_measurement(tmp_path: Path) -> None:
    campaign(tmp_path)
    assert Campaign.of(replace(ASKED, budget_s=1.0), tmp_path)[1] is False


def test_a_watched_bug_that_is_not_caught_is_a_loss(tmp_path: Path) -> None:
    begun = campaign(tmp_path)
    begun.note(CAUGHT)
    begun.note(Hunted(bug="touches-not-forwarded", tried=50, seconds=600.0))
    whole = sum_of(begun)
    assert find("touches-not-forwarded").watched
    assert whole.lost == ["touches-not-forwarded"]
    assert whole.status == LOST
    assert "1 of 2 watched bugs" in whole.line
    assert "not caught: touches-not-forwarded" in whole.line


def test_one_that_nobody_watches_is_no_loss(tmp_path: Path) -> None:
    bug = next(name for name in names() if find(name).unwatched)
    begun = campaign(tmp_path, replace(ASKED, bugs=[bug]))
    begun.note(Hunted(bug=bug, tried=50, seconds=600.0))
    whole = sum_of(begun)
    assert whole.status == 0
    assert find(bug).unwatched in page(whole)


def test_where_the_harness_fails_nothing_is_said(tmp_path: Path) -> None:
    begun = campaign(tmp_path, replace(ASKED, bugs=["ack-before-fsync"]))
    begun.note(Hunted(bug="ack-before-fsync", tried=1, broke="Traceback ..."))
    assert sum_of(begun).status == HARNESS_FAILED


def test_a_large_catch_is_told(tmp_path: Path) -> None:
    begun = campaign(tmp_path, replace(ASKED, bugs=["ack-before-fsync"], shrink_s=1.0))
    begun.note(CAUGHT)
    begun.note(Small(bug="ack-before-fsync", calls=21, faults=1, nodes=3))
    whole = sum_of(begun)
    assert "0 of 1 small" in whole.line
    row = next(line for line in page(whole).splitlines() if "`ack-before-fsync`" in line)
    assert row.endswith("| 21 | 1 | 3 |")


def test_a_bug_that_there_is_not_is_one_line(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["power", "--bugs", "nonsense", "--store", str(tmp_path)])
    assert done.exit_code == 2
    assert done.stderr.count("\n") == 1
    assert "ack-before-fsync" in done.stderr


def test_the_object_in_json_holds_all(tmp_path: Path) -> None:
    words = ["power", "--bugs", "forgotten-epoch", "--budget", "1", "--json", "--jobs", "1"]
    begun = Campaign.of(Asked(bugs=["forgotten-epoch"], budget_s=1.0), tmp_path)[0]
    begun.note(replace(CAUGHT, bug="forgotten-epoch"))
    begun.note(Small(bug="forgotten-epoch", calls=2, faults=1, nodes=3))
    done = CliRunner().invoke(app, [*words, "--store", str(tmp_path)])
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert told["bugs"][0]["small"]["calls"] == 2
    assert told["facts"]["code"]
