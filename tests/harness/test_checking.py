"""Does the command tell the truth, in one line where it must and with the right exit status?"""

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from checker.check import check
from checker.formats import jsonl
from checker.models.register import CasRegister
from checker.verdict import Verdict
from harness.__main__ import app, main
from harness.checking import Request, check_files

LEGAL = """\
{"index":0,"time_ns":0,"process":0,"type":"invoke","f":"write","key":"r0","value":1}
{"index":1,"time_ns":5,"process":0,"type":"ok","f":"write","key":"r0","value":1}
{"index":2,"time_ns":10,"process":1,"type":"invoke","f":"read","key":"r0","value":null}
{"index":3,"time_ns":15,"process":1,"type":"ok","f":"read","key":"r0","value":1}
"""
ILLEGAL = LEGAL.replace(
    '"ok","f":"read","key":"r0","value":1', '"ok","f":"read","key":"r0","value":2'
)


def run(*arguments: str | Path) -> tuple[int, str, str]:
    """Exit status, standard output and standard error of the command in this process."""
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result.exit_code, result.stdout, result.stderr


@pytest.fixture
def legal(tmp_path: Path) -> Path:
    path = tmp_path / "legal.jsonl"
    path.write_text(LEGAL)
    return path


@pytest.fixture
def illegal(tmp_path: Path) -> Path:
    path = tmp_path / "illegal.jsonl"
    path.write_text(ILLEGAL)
    return path


def test_valid_is_0(legal: Path) -> None:
    status, out, _ = run("check", legal)
    assert status == 0
    assert out.startswith("✓ valid")


def test_invalid_is_1_and_says_why(illegal: Path) -> None:
    status, out, _ = run("check", illegal)
    assert status == 1
    assert "p1 read 2" in out
    assert "nobody had begun to write 2" in out


def test_inconclusive_is_3_and_says_how_far(tmp_path: Path) -> None:
    path = tmp_path / "wide.jsonl"
    calls = [("write", 1), ("write", 2), ("write", 1), ("read", 1), ("read", 2)]
    lines = [_event(p, p, "invoke", f, v) for p, (f, v) in enumerate(calls)]
    lines += [_event(5 + p, p, "ok", f, v) for p, (f, v) in enumerate(calls)]
    path.write_text("".join(lines))
    assert run("check", path)[0] == 0
    status, out, _ = run("check", path, "--steps", "0")
    assert status == 3
    assert "budget of 0 steps" in out


def _event(time: int, process: int, kind: str, f: str, value: object) -> str:
    told = {"time_ns": time, "process": process, "type": kind, "f": f, "value": value}
    return json.dumps(told) + "\n"


def test_the_worst_of_several_counts(legal: Path, illegal: Path) -> None:
    assert run("check", legal, illegal)[0] == 1
    assert run("check", legal, legal)[0] == 0


def test_json_is_one_object_and_nothing_else(illegal: Path) -> None:
    status, out, _ = run("check", illegal, "--json")
    told = json.loads(out)
    assert status == 1
    assert told["verdict"] == "invalid"
    key = told["files"][0]["keys"][0]
    assert key["key"] == "r0"
    assert key["core"] == [1]
    assert "read 2" in key["sentence"]


def test_a_run_folder_is_judged_by_its_history(legal: Path) -> None:
    legal.rename(legal.parent / "history.jsonl")
    assert run("check", legal.parent)[0] == 0


def test_a_legal_order_is_verified(legal: Path) -> None:
    status, out, _ = run("check", legal, "--verify")
    assert status == 0
    assert "verified independently" in out


def test_a_page_is_drawn(illegal: Path, tmp_path: Path) -> None:
    page = tmp_path / "why.html"
    assert run("check", illegal, "--html", page)[0] == 1
    assert "nobody had begun to write 2" in page.read_text()


def test_a_core_is_written_and_is_illegal(illegal: Path, tmp_path: Path) -> None:
    core = tmp_path / "core.jsonl"
    status, out, _ = run("shrink", illegal, "-o", core)
    assert status == 1
    assert "1 of 2 calls" in out
    model = CasRegister()
    assert check(jsonl.read(core, model), model).verdict is Verdict.INVALID


def test_models_and_formats_are_listed() -> None:
    assert "cas-register" in run("list", "models")[1]
    assert "porcupine-etcd" in run("list", "formats")[1]


BAD = {
    "two open calls of one process": (
        LEGAL.splitlines()[0] + "\n" + LEGAL.splitlines()[0] + "\n",
        ":2: process 0 calls write while its write is still open",
    ),
    "a return without a call": (
        LEGAL.splitlines()[1] + "\n",
        ":1: process 0 completes a call it never made",
    ),
    "unknown type": (LEGAL.replace('"ok"', '"okay"', 1), ":2: unknown type 'okay'"),
    "bad JSON": (LEGAL.replace('"ok"', "ok", 1), ":2: this is no JSON"),
    "time going back": (LEGAL.replace('"time_ns":10', '"time_ns":1', 1), ":3: time goes back"),
    "no time": (LEGAL.replace('"time_ns":10,', "", 1), ":3: the event has no time_ns"),
    "no process": (LEGAL.replace('"process":1,', "", 1), ":3: the event has no process"),
    "no such call": (LEGAL.replace('"read"', '"peek"'), "peek"),
    "a cas of one value": (
        LEGAL.replace('"f":"read","key":"r0","value":null', '"f":"cas","key":"r0","value":4'),
        ":3: the value of a cas is a pair",
    ),
    "another call completes": (
        LEGAL.replace('"ok","f":"read"', '"ok","f":"write"'),
        ":4: a write completes here, but the process's open call is a read",
    ),
    "an empty line": (LEGAL.replace("\n", "\n\n", 1), ":2: the line is empty"),
    "nothing of ours": ("once upon a time\n", "format"),
    "binary": ("\x00\x01\x02\n", "format"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_gets_one_clear_line(case: str, tmp_path: Path) -> None:
    text, expected = BAD[case]
    path = tmp_path / "bad.jsonl"
    path.write_text(text)
    status, out, err = run("check", path)
    assert status == 2
    assert out == ""
    assert expected in err
    assert err.count("\n") == 1
    assert err.startswith("zabtest: ")
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("check", "nowhere.jsonl"), "nowhere.jsonl"),
        (("check", "/"), "history.jsonl"),
        (("check", "{legal}", "--model", "stack"), "stack"),
        (("check", "{legal}", "--format", "xml"), "xml"),
        (("check", "{legal}", "{legal}", "--html", "x.html"), "one history"),
        (("check", "{legal}", "--html", "/nowhere/x.html"), "/nowhere/x.html"),
        (("shrink", "{legal}"), "there is no core"),
        (("shrink", "{illegal}", "-o", "/nowhere/core.jsonl"), "/nowhere/core.jsonl"),
    ],
)
def test_a_wrong_word_on_the_command_line_gets_one_clear_line(
    arguments: tuple[str, ...], expected: str, legal: Path, illegal: Path
) -> None:
    filled = [a.format(legal=legal, illegal=illegal) for a in arguments]
    status, _, err = run(*filled)
    assert status == 2
    assert expected in err
    assert err.count("\n") == 1


def test_a_torn_last_line_is_recovered_from_and_said(legal: Path) -> None:
    legal.write_text(LEGAL + '{"index":4,"time_ns":20,"proc')
    status, out, _ = run("check", legal)
    assert status == 0
    assert "torn" in out


def test_the_installed_command_runs(legal: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "harness", "check", str(legal), "--json"],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0
    assert json.loads(done.stdout)["verdict"] == "valid"
    assert done.stderr == ""


def test_a_failure_of_the_harness_is_4_and_no_verdict(
    legal: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("out of luck")

    monkeypatch.setattr("harness.checking.check_files", fail)
    monkeypatch.setattr(sys, "argv", ["zabtest", "check", str(legal)])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 4
    told = capsys.readouterr().err
    assert "the harness itself failed: RuntimeError: out of luck" in told
    assert "Traceback" not in told


def test_progress_is_shown_on_a_terminal_once_it_takes_long(
    illegal: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("harness.telling.QUIET_S", 0.0)
    terminal, other_end = pty.openpty()
    with os.fdopen(other_end, "w") as stderr:
        monkeypatch.setattr(sys, "stderr", stderr)
        request = Request()
        assert check_files([illegal], request) == 1
    assert b"reading" in os.read(terminal, 10_000)
    os.close(terminal)


def test_what_is_not_needed_is_not_imported() -> None:
    heavy = "jinja2, rich.progress, asyncio, hypothesis, multiprocessing"
    code = (
        "import sys; import harness.checking; "
        f"print([m for m in '{heavy}'.split(', ') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=300
    )
    assert done.stdout.strip() == "[]"
