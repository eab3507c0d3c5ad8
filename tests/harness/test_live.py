"""Does the live view say how the run goes, cost it little, and leave the terminal as it was?"""

from __future__ import annotations

import io
import json
import os
import pty
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from harness.leading import Epochs
from harness.live import RECENT, LiveView, watched
from harness.plan import Plan
from harness.rates import Rates
from harness.telling_runs import PlainLines

SECOND = 1_000_000_000
MS = 1_000_000
PLAN = Plan(workload="register", nemeses=("partition", "kill"), time_s=60, seed=7)
ROLES = {"n1": "leader", "n2": "follower", "n3": ""}


def partition(number: int = 0, **more: Any) -> dict[str, Any]:
    links = [["n1", "n3"], ["n2", "n3"], ["n3", "n1"], ["n3", "n2"]]
    fault = {"kind": "partition", "links": links}
    return {
        "nemesis": "partition",
        "aim": "one",
        "faults": [{"id": number, "fault": fault, **more}],
    }


def seen(view: LiveView, width: int = 100, height: int = 40) -> str:
    """The picture as text."""
    console = Console(file=io.StringIO(), width=width, force_terminal=False)
    console.print(view.picture(width, height))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def storm(view: LiveView) -> None:
    """The first seconds of a run, up to a partition."""
    view.phase("deploy", 0)
    view.phase("load", 2 * SECOND)
    view.roles(ROLES, 2 * SECOND)
    for number in range(3000):
        kind = "info" if number % 1000 == 999 else "refused" if number % 10 == 5 else "ok"
        kind = "fail" if number % 1000 == 5 else kind
        view.called("write", kind, 2 * SECOND + number * 2 * MS, 5 * MS)
    view.phase("faults", 12 * SECOND)
    view.noted("inject", partition(), 13 * SECOND)
    view.noted("injected", partition(moot=False, evidence="seen"), 13 * SECOND)


def test_it_shows_phase_progress_calls_leader_and_faults() -> None:
    view = LiveView(PLAN)
    storm(view)
    told = seen(view)
    assert "register with partition + kill, seed 7" in told
    assert "49 s until all faults are lifted" in told
    assert "2,697 ok  297 refused  3 failed  3 in doubt" in told
    assert "p50 5.0 ms  p99 5.0 ms" in told
    assert "n1 leads" in told
    assert "n3 serves nobody" in told
    assert "partition n1 n2 | n3" in told
    view.noted("lifted", partition(), 14 * SECOND)
    view.noted("skipped", {"nemesis": "kill", "aim": "x", "why": "nobody leads"}, 14 * SECOND)
    assert "partition n1" not in (told := seen(view))
    assert "skipped kill: nobody leads" in told
    view.noted("injected", partition(3), 15 * SECOND)
    view.noted("lifted-all", partition(3), 16 * SECOND)
    view.phase("recovery", 16 * SECOND)
    assert "all faults are lifted" in (told := seen(view))
    assert "partition n1" not in told


def test_it_begins_with_nothing_and_fits_a_narrow_terminal() -> None:
    view = LiveView(PLAN)
    assert "nothing was answered yet" in seen(view)
    storm(view)
    for number in range(20):
        view.noted("injected", partition(number), 13 * SECOND)
    told = seen(view, width=40)
    assert "and 17 more" in told
    names = ("calls", "a second", "took", "nodes", "faults")
    assert all(f"\n{name} " in told for name in names), told
    assert max(map(len, told.splitlines())) <= 40


def test_on_a_small_terminal_what_matters_stays() -> None:
    view = LiveView(PLAN)
    storm(view)
    view.noted("injected", {"faults": [{"id": 9, "fault": {"kind": "crash", "node": "n2"}}]}, 0)
    lines = seen(view, width=44, height=12).splitlines()
    assert max(map(len, lines)) <= 44
    shown = "\n".join(lines[:11])  # the last may be needed to say that there is more
    for told in (
        "faults, 4 of 8",
        "49 s to go",
        "n1 leads, n3 serves nobody",
        "partition n1 n2 | n3",
        "crash n2",
        "2,697 ok",
    ):
        assert told in shown, shown


def test_a_second_without_a_call_shows_as_one() -> None:
    rates = Rates(4)
    for at_s in (0.1, 0.2, 1.5, 4.5, 4.6, 4.7):
        rates.ended(round(at_s * SECOND))
    assert rates.before(5 * SECOND) == [0, 0, 3]
    assert rates.before(7 * SECOND) == [3, 0, 0]
    assert rates.before(90 * SECOND) == [0, 0, 0]


def test_what_it_keeps_does_not_grow_with_the_run() -> None:
    view = LiveView(PLAN)
    view.phase("load", 0)
    for number in range(50_000):
        view.called("write", "ok", number * MS, MS)
    sizes = [len(value) for value in vars(view).values() if hasattr(value, "__len__")]
    assert max(sizes) <= RECENT


def test_it_can_be_drawn_while_it_is_told() -> None:
    view = LiveView(PLAN)
    view.phase("load", 0)
    over = threading.Event()

    def tell() -> None:
        number = 0
        while not over.is_set():
            number += 1
            view.called("write", "ok", number * MS, number)
            view.noted("injected", partition(number % 20), number * MS)
            view.noted("lifted", partition((number + 10) % 20), number * MS)

    telling = threading.Thread(target=tell)
    telling.start()
    try:
        for _ in range(60):
            seen(view)
    finally:
        over.set()
        telling.join()


def test_the_leaders_epoch_is_read_from_its_log(tmp_path: Path) -> None:
    log = tmp_path / "n1" / "events.jsonl"
    log.parent.mkdir()
    line = {"ms": 1, "mono_ns": 1, "node": 1, "event": "established", "epoch": 3}
    log.write_text(f"{json.dumps(line)}\n" + '{"torn, "established"')
    epochs = Epochs(tmp_path)
    epochs.look()
    assert epochs.newest("n1") == 3
    assert epochs.newest("n2") is None
    log.write_text(f"{json.dumps(line)}\n" + json.dumps(line | {"epoch": 4}) + "\n")
    epochs.look()
    assert epochs.newest("n1") == 4
    view = LiveView(PLAN, tmp_path)
    view.roles(ROLES, 0)
    assert "n1 leads of epoch 4" in seen(view)


@pytest.mark.parametrize(("tty", "as_json"), [(False, False), (True, True)])
def test_without_a_terminal_there_are_lines(
    tty: bool, as_json: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: tty, raising=False)
    with watched(PLAN, Path(), json=as_json) as observer:
        assert isinstance(observer, PlainLines)


def test_lines_use_the_words_of_the_report(capsys: pytest.CaptureFixture[str]) -> None:
    lines = PlainLines(every_s=0)
    for kind in ("ok", "refused", "ok", "refused", "refused", "fail", "info"):
        lines.called("write", kind, SECOND, MS)
    assert "calls: 2 ok, 3 refused, 1 failed, 1 in doubt\n" in capsys.readouterr().err
    lines.roles({"n1": "", "n2": "leader", "n3": "follower"}, SECOND)
    assert "n2 leads, n1 serves nobody\n" in capsys.readouterr().err
    lines.roles({"n1": "", "n2": "", "n3": "follower"}, SECOND)
    assert "nobody leads, n1 and n2 serve nobody\n" in capsys.readouterr().err
    lines.noted("skipped", {"nemesis": "kill", "aim": "x", "why": "nobody leads"}, SECOND)
    assert "skipped kill: nobody leads\n" in capsys.readouterr().err


SCRIPT = """
import signal, sys, time
from pathlib import Path
from harness.live import watched
from harness.plan import Plan
try:
    with watched(Plan(time_s=60, nemeses=("kill",)), Path("/nowhere")) as view:
        view.phase("load", 0)
        view.roles({"n1": "leader"}, 0)
        for number in range(10 ** 9):
            view.called("write", "ok", number * 10_000_000, 1_000_000)
            if number == 100 and sys.argv[1] == "judged":
                view.phase("judging", 2_000_000_000)
                time.sleep(0.6)
                view.phase("judged", 2_000_000_000)
                print("the verdict", flush=True)
                break
            time.sleep(0.01)
            if number == 100:
                print("ready", flush=True)
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""


@pytest.mark.parametrize("how", ["judged", "ctrl-c"])
def test_the_terminal_is_clean_again_however_it_ends(how: str) -> None:
    main, end = pty.openpty()
    environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "100", "LINES": "40"}
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, how],
        stdin=end,
        stdout=subprocess.PIPE,
        stderr=end,
        env=environment,
        start_new_session=True,
    )
    os.close(end)
    shown = bytearray()

    def drain() -> None:
        while True:
            try:
                shown.extend(os.read(main, 65536))
            except OSError:
                return

    reading = threading.Thread(target=drain)
    reading.start()
    assert process.stdout is not None
    if how == "ctrl-c":
        assert process.stdout.readline() == b"ready\n"
        process.send_signal(signal.SIGINT)
    told, _ = process.communicate(timeout=120)
    reading.join()
    os.close(main)
    text = shown.decode()
    assert process.returncode == 0
    assert told.decode().strip() == ("the verdict" if how == "judged" else "interrupted")
    assert "n1 leads" in text
    assert "\x1b[?25l" in text  # the cursor is hidden
    assert text.rindex("\x1b[?25h") > text.rindex("\x1b[?25l")  # and back
    last = text[text.rindex("n1 leads") :]
    lines_below = last.count("\n")
    assert len(re.findall(r"\x1b\[1A\x1b\[2K", last)) > lines_below  # all that was shown is erased
