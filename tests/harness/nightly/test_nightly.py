"""Does a night find what is wrong, say what is new, survive a crash, and hide no failure?"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from harness.nightly.junit import junit
from harness.nightly.matrix import read
from harness.nightly.night import GOES_ON, Night, Ran, nights, tonight
from harness.nightly.page import page
from harness.nightly.playing import save
from harness.nightly.summing import results_of, sum_of
from tests.harness.report.browser import Browser
from tests.harness.test_running import zabtest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[3]
PLUGIN = ROOT / "tests" / "harness" / "memory_plugin.py"
EXAMPLE = ROOT / "docs" / "examples" / "nightly.toml"
TINY = f"""
workloads = ["register"]
nemeses = ["none", "hiccup"]
seeds = [1]
time = 1
budget = 100
nodes = 3
rate = 2000
target = "memory"
plugins = ["{PLUGIN}"]
store = "store"
[planted]
bug = "stale read"
nemesis = "none"
time = 1
tries = 1
"""
PATIENCE_S = 180.0


def written(folder: Path, text: str) -> Path:
    file = folder / "night.toml"
    file.write_text(text)
    return file


def results(store: Path) -> dict[str, Any]:
    """Of the newest night."""
    return dict(nights(store)[-1].results())


def test_a_night_from_evening_to_morning(tmp_path: Path) -> None:
    """The example, as short as can be, and in memory."""
    text = EXAMPLE.read_text()
    for was, now in (
        ('"60s"', "1"),
        ('"12s"', "1"),
        ('["register", "set", "lock"]', '["register"]'),
        ('"partition", "kill,pause", "clock", "wipe"]', '"hiccup"]'),
        ('"../../store/nightly"', f'"store"\ntarget = "memory"\nplugins = ["{PLUGIN}"]'),
        ("commit-without-quorum", "stale read"),
        ("partition-isolate-leader", "none"),
        ("seeds = 3 ", "seeds = 1 "),
    ):
        assert was in text
        text = text.replace(was, now)
    file = written(tmp_path, text)
    status, out, _ = zabtest("nightly", file, "--check-fresh")
    assert (status, out) == (4, "✗ no night has ever come to its end\n")
    status, out, err = zabtest("nightly", file)
    assert status == 0, out + err
    assert "2 valid; the planted bug was found" in out
    assert len(out.splitlines()) == 2
    said = results(tmp_path / "store")
    assert [run["verdict"] for run in said["runs"]] == ["invalid", "valid", "valid"]
    night = nights(tmp_path / "store")[-1].path
    page = (night / "index.html").read_text()
    assert "found" in page
    assert "src=" not in page
    HTMLParser().feed(page)
    suite = ElementTree.parse(night / "junit.xml").getroot()
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("4", "0", "0")
    status, out, _ = zabtest("nightly", file, "--check-fresh", "--within", 1)
    assert status == 0, out
    assert zabtest("nightly", file, "--check-fresh", "--within", 0)[0] == 4


def test_after_a_crash_it_goes_on(tmp_path: Path) -> None:
    file = written(tmp_path, TINY.replace('"none", "hiccup"', '"none"'))
    process = subprocess.Popen(
        [sys.executable, "-m", "harness", "nightly", str(file)],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    store = tmp_path / "store"
    try:
        until = time.monotonic() + PATIENCE_S
        while len(list(store.glob("runs/*/2*/history.jsonl"))) < 2:  # the second has begun
            assert time.monotonic() < until
            assert process.poll() is None
            time.sleep(0.02)
        assert zabtest("nightly", file)[0] == 2, "somebody is at it"
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    (night,) = nights(store)
    known = [ran.number for ran in night.ran()]
    assert known == [0]
    assert night.results()["ended"] == ""
    assert (night.path / "index.html").exists()
    with (night.path / "runs.jsonl").open("a") as log:
        log.write('{"number": 1, "verd')  # as if it had been torn
    status, out, err = zabtest("nightly", file)
    assert status == 0, out + err
    assert "going on with" in err
    assert [ran.number for ran in night.ran()] == [0, 1]
    assert len(nights(store)) == 1
    assert night.ran()[0].path, "what was known was not run again"
    paths = sorted(str(path.parent) for path in store.glob("runs/*/2*/results.json"))
    # The run that was going may have come to its own end when the night was killed.
    assert {ran.path for ran in night.ran()} <= set(paths)
    assert len(paths) <= 3


def night_of(
    folder: Path,
    verdicts: list[str],
    *,
    mark: str = "linearizable: stale",
    runs: Path = Path("/runs"),
) -> Night:
    """A night as if it had been; the first verdict is that of the planted bug."""
    text = TINY.replace('"none", "hiccup"]', '"none", "hiccup", "kill", "pause"]')
    night = Night.create(read(written(folder, text)))
    for number, verdict in enumerate(verdicts):
        marks = (mark, "replies: late") if verdict == "invalid" else ()
        night.note(
            Ran(
                number=number,
                verdict=verdict,
                status=0,
                seconds=1.0,
                path=f"{runs / str(number)}",
                marks=marks,
                sentence="it is \x00 <so>",
            )
        )
    return night


def test_a_night_in_which_the_planted_bug_is_not_found_is_void(tmp_path: Path) -> None:
    night = night_of(tmp_path, ["valid", "valid", "valid", "valid", "valid"])
    whole = sum_of(night, None, over=True)
    assert whole.status == 4
    assert "VOID" in whole.line
    save(night, whole)
    assert "This night is void" in (night.path / "index.html").read_text()
    status, out, _ = zabtest("nightly", tmp_path / "night.toml", "--check-fresh")
    assert status == 4
    assert "no night has ever come to its end (1 were void)" in out


@pytest.mark.parametrize(
    ("verdicts", "status"),
    [
        (["invalid", "valid", "valid", "valid", "valid"], 0),
        (["invalid", "inconclusive", "valid", "valid", "valid"], 3),
        (["invalid", "crashed", "inconclusive", "valid", "valid"], 4),
        (["invalid", "inconclusive", "crashed", "invalid", "valid"], 1),
        (["valid", "inconclusive", "crashed", "invalid", "valid"], 1),
        (["crashed", "valid", "valid", "valid", "valid"], 4),
        (["invalid", "valid", "valid", "valid"], 3),  # one pair was never tried
    ],
)
def test_a_failure_is_never_hidden(tmp_path: Path, verdicts: list[str], status: int) -> None:
    whole = sum_of(night_of(tmp_path, verdicts), None, over=True)
    assert whole.status == status, whole.line
    assert whole.line[0] == {0: "✓", 3: "?"}.get(status, "✗")
    shown = page(whole)
    assert ("What failed" in shown) == ("invalid" in verdicts[1:])
    assert "<so>" not in shown
    suite = ElementTree.fromstring(junit(whole).encode())
    assert suite.get("failures") == str(verdicts[1:].count("invalid"))
    bad = int(str(suite.get("failures"))) + int(str(suite.get("errors")))
    assert bool(bad) == bool(status), "who reads this file alone is misled"
    if "invalid" in verdicts[1:]:
        number = verdicts.index("invalid", 1)
        assert f"zabtest replay /runs/{number}" in shown
        assert f"zabtest run -w register -t 1 --seed 1 -n {whole.planned[number].nemesis}" in shown


def test_every_run_is_a_touch_away_on_a_narrow_screen_too(tmp_path: Path) -> None:
    runs = tmp_path / "store" / "runs"
    verdicts = ["invalid", "inconclusive", "valid", "invalid", "crashed"]
    for number in range(4):
        (runs / str(number)).mkdir(parents=True)
        (runs / str(number) / "report.html").touch()
    night = night_of(tmp_path, verdicts, runs=runs)
    whole = sum_of(night, None, over=True)
    save(night, whole)
    shown = (night.path / "index.html").read_text()
    for number in range(4):
        assert f'href="../../runs/{number}/report.html"' in shown
    assert f"It is in {runs / '4'}" in shown, "a run without a page"
    for number in (1, 3, 4):
        assert f"\nzabtest check {runs / str(number)}" in shown
    browser = Browser(tmp_path)
    assert browser.width(night.path / "index.html", 390) <= 390


def test_what_is_new_is_told(tmp_path: Path) -> None:
    bad = ["invalid", "invalid", "valid", "invalid", "valid"]
    first = night_of(tmp_path, bad)
    then = sum_of(first, None, over=True)
    first.write("results.json", json.dumps(results_of(then)))
    assert "2 invalid (1 finding, 1 new)" in then.line
    same = sum_of(night_of(tmp_path, bad), first, over=True)
    assert "2 invalid (1 finding, 0 new)" in same.line
    other = sum_of(night_of(tmp_path, bad, mark="versions: odd"), first, over=True)
    assert other.groups[0].new
    assert other.gone == ["register: linearizable: stale"]


def test_a_night_of_long_ago_is_left_alone(tmp_path: Path) -> None:
    old = night_of(tmp_path, ["invalid"])
    matrix = read(tmp_path / "night.toml")
    assert tonight(matrix)[0].path == old.path
    when = datetime.now(UTC) - GOES_ON - timedelta(minutes=1)
    old.path.rename(old.path.with_name(when.strftime("%Y%m%dT%H%M%S.%fZ")))
    assert not tonight(matrix)[1]


@pytest.mark.prove
def test_a_real_night(tmp_path: Path, record_property: Any) -> None:
    """The example with real nodes, a pair each, and the bug it plants."""
    text = EXAMPLE.read_text()
    for was, now in (
        ('"60s"', "15"),
        ('"../../store/nightly"', '"store"'),
        ('"clock", "wipe"]', '"clock"]'),
        ("seeds = 3 ", "seeds = 1 "),
        ("nodes = 5", "nodes = 3"),
    ):
        text = text.replace(was, now)
    status, out, err = zabtest("nightly", written(tmp_path, text), "--json")
    said = json.loads(out)
    assert not said["void"], err
    assert said["counts"]["invalid"] == said["counts"]["crashed"] == 0, said["line"]
    assert status in (0, 3)
    record_property("measured", said["line"])
