"""Who makes the runs of a night, one after the other, within its budget?

Rules of this file:
1. Each run is a process of its own: what happens to it happens to no other, nor to the night.
2. After each, what became of it is on the disk, and so is the page.
3. A run has a deadline, and ends with us.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from harness.failures import doubts_of, marks_of, sentence_of
from harness.local.lines import environment
from harness.nightly.junit import junit
from harness.nightly.matrix import Planned
from harness.nightly.night import Night, Ran, nights
from harness.nightly.page import page
from harness.nightly.summing import Sum, results_of, sum_of

AFTER_S: Final = 600.0  # the longest that healing, the last calls and the judges take
LAST_S: Final = 60.0  # in which a run heals and judges that is told to end
_PR_SET_PDEATHSIG: Final = 1
_LIBC: Final = ctypes.CDLL(None) if sys.platform == "linux" else None
VERDICTS: Final = {0: "valid", 1: "invalid", 3: "inconclusive"}


def play(night: Night, store: Path, say: Callable[[str], None]) -> Sum:
    """Make all runs that are not made yet, as far as the budget lasts."""
    planned, budget_s = night.planned(), float(night.facts["budget_s"])
    before = before_it(night, store)
    done = {ran.number: ran for ran in night.ran()}
    spent_s = sum(ran.seconds for ran in done.values())
    for number, one in enumerate(planned):
        if number in done or (one.planted and _caught(planned, done)):
            continue
        if spent_s + one.time_s > budget_s and not one.planted:
            say(f"the budget of {budget_s:g} s is spent: {len(planned) - number} runs are not made")
            break
        ran = made(number, one, store / "runs")
        night.note(ran)
        done[number] = ran
        spent_s += ran.seconds
        say(f"{ran.verdict:12} {one.name}  {ran.marks[0] if ran.marks else ran.sentence}".rstrip())
        save(night, sum_of(night, before, over=False))
    whole = sum_of(night, before, over=True)
    save(night, whole)
    return whole


def save(night: Night, whole: Sum) -> None:
    """All that people and programs read of a night."""
    night.write("index.html", page(whole))
    night.write("junit.xml", junit(whole))
    night.write("results.json", json.dumps(results_of(whole), indent=2) + "\n")


def before_it(night: Night, store: Path) -> Night | None:
    """The last night that came to its end."""
    earlier = [one for one in nights(store) if one.began < night.began and one.over]
    return earlier[-1] if earlier else None


def _caught(planned: Any, done: dict[int, Ran]) -> bool:
    return any(planned[number].planted and ran.verdict == "invalid" for number, ran in done.items())


def made(number: int, one: Planned, store: Path) -> Ran:
    """Make it; what became of it."""
    began = time.monotonic()
    command = [sys.executable, "-m", "harness", *one.command(), "--store", str(store), "--json"]
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(),
        preexec_fn=_end_with_us,
    )
    late = ""
    try:
        out, err = process.communicate(timeout=one.time_s + AFTER_S)
    except subprocess.TimeoutExpired:
        late = f"it was not over after {one.time_s + AFTER_S:g} s"
        out, err = _ended(process)
    except BaseException:
        _ended(process)  # it heals first
        raise
    seconds = round(time.monotonic() - began, 3)
    verdict = "crashed" if late else VERDICTS.get(process.returncode, "crashed")
    said = _said(out)
    if said is None or verdict == "crashed":
        words = late or _last_line(err) or f"it ended with status {process.returncode}"
        path = "" if said is None else said["path"]
        return Ran(
            number=number,
            verdict="crashed",
            status=process.returncode,
            seconds=seconds,
            path=path,
            sentence=words,
        )
    return Ran(
        number=number,
        verdict=verdict,
        status=process.returncode,
        seconds=seconds,
        path=said["path"],
        marks=marks_of(said),
        doubts=doubts_of(said),
        sentence=sentence_of(said),
    )


def _ended(process: subprocess.Popen[bytes]) -> tuple[bytes, bytes]:
    process.send_signal(signal.SIGINT)
    with suppress(subprocess.TimeoutExpired):
        return process.communicate(timeout=LAST_S)
    process.kill()
    return process.communicate()


def _said(out: bytes) -> dict[str, Any] | None:
    """What the run printed; None if that is not what a run prints."""
    try:
        run: dict[str, Any] = json.loads(out)["runs"][0]
    except (ValueError, LookupError, TypeError):
        return None
    return run


def _last_line(err: bytes) -> str:
    lines = err.decode(errors="replace").strip().splitlines()
    return lines[-1] if lines else ""


_US: Final = os.getpid()


def _end_with_us() -> None:
    """Whatever kills us kills the run, and its nodes end with it."""
    if _LIBC is not None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != _US:
            os._exit(1)  # we were killed just before
