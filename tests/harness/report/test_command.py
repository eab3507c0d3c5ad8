"""Does `zabtest report` draw what is stored, whatever was left?"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from checker.verdict import Verdict
from harness.__main__ import app
from harness.plan import Results
from harness.report import CORE, REPORT, draw
from harness.report.command import drawn, results_of
from tests.harness.report.runs import MS, Story, elections, traffic
from workloads.workload import Finding, Wrong


def zabtest(*arguments: object) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.stdout, result.stderr


def test_what_is_stored_is_drawn_as_it_was_after_judging(tmp_path: Path) -> None:
    story = Story(tmp_path)
    elections(story)
    traffic(story)
    wrong = Wrong("not linearizable", "key r0: p1 read 5", (4, 5))
    found = Finding(judge="linearizable", verdict=Verdict.INVALID, calls=600, wrongs=(wrong,))
    run, results = story.written([found])
    page = draw(run, results)
    before = page.read_bytes(), (page.parent / CORE).read_bytes()
    page.unlink()
    status, out, err = zabtest("report", tmp_path / "latest")
    assert (status, err) == (0, "")
    assert Path(out.strip()) == page
    assert (page.read_bytes(), (page.parent / CORE).read_bytes()) == before


def test_a_run_that_nobody_has_judged_is_judged(tmp_path: Path) -> None:
    story = Story(tmp_path)
    traffic(story)
    story.call(0, "write", -1, 9_100 * MS, 10 * MS)
    story.call(2, "read", None, 9_300 * MS, 10 * MS, answer=3)
    run, _ = story.written(died=True)
    status, _, err = zabtest("report", run.path)
    assert (status, err) == (0, "")
    text = (run.path / REPORT).read_text()
    assert '<h1 id="verdict">Invalid</h1>' in text
    assert "read 3" in text
    assert (run.path / CORE).exists()
    assert not (run.path / "results.json").exists()


def test_a_run_of_a_workload_nobody_knows_is_drawn_without_its_calls(tmp_path: Path) -> None:
    story = Story(tmp_path, workload="gone")
    traffic(story)
    run, _ = story.written()
    assert results_of(run).findings == ()
    status, _, err = zabtest("report", run.path)
    assert (status, err) == (0, "")
    assert "Nobody here knows the workload" in (run.path / REPORT).read_text()


def test_what_is_no_run_gets_one_clear_line(tmp_path: Path) -> None:
    status, out, err = zabtest("report", tmp_path)
    assert (status, out) == (2, "")
    assert "no folder of a run" in err
    for text in ("{", "[]", "{}", json.dumps({"plan": {}})):
        (tmp_path / "run.json").write_text(text)
        status, out, err = zabtest("report", tmp_path)
        assert (status, out) == (2, "")
        assert "is not as a run leaves it" in err
        assert err.count("\n") == 1


def test_that_it_cannot_be_drawn_says_nothing_against_a_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run, results = Story(tmp_path).written()
    (run.path / "run.json").write_text("{")
    assert drawn(run, Results(played=results.played, findings=()), None) is None
    assert "no report: " in capsys.readouterr().err
