"""What does a process see that the library is preloaded into?"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.preload import shim
from harness.preload.shim import CALM, Seen, Wanted
from nemesis.fault import BrokenDisk, ClockSkew, FullDisk, SlowDisk
from nemesis.union import Skew, union

HOUR_NS = 3600 * 10**9
ASK = "import os, json, time, threading, select; say = {}\n"
TIMES = "say |= {'wall': time.time_ns(), 'timer': time.monotonic_ns()}\n"
DEEDS = """
fd = os.open('data/file', os.O_RDWR | os.O_CREAT)
other = os.open('other', os.O_RDWR | os.O_CREAT)
def tried(do):
    try: do()
    except OSError as why: return why.errno
say['sync'] = tried(lambda: os.fsync(fd)), tried(lambda: os.fdatasync(fd))
say['write'] = tried(lambda: os.write(fd, b'1')), tried(lambda: os.pwrite(fd, b'1', 0))
say['folder'] = tried(lambda: os.fsync(os.open('data', os.O_RDONLY)))
say['other'] = tried(lambda: os.fsync(other)) or tried(lambda: os.write(other, b'1'))
"""


@pytest.fixture
def page(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    made = tmp_path / "page"
    made.write_bytes(bytes(shim.SIZE))
    (tmp_path / "shim.so").write_bytes(shim.built())
    return made


def told(page: Path, wanted: bytes, code: str) -> dict[str, Any]:
    """What a process says."""
    with page.open("r+b") as file:
        file.write(wanted)
    folder = page.parent
    env = {
        **os.environ,
        **{"LD_PRELOAD": str(folder / "shim.so"), "ZABTEST_SHIM": str(page)},
        "ZABTEST_DISK": str(folder / "data"),
    }
    done = subprocess.run(
        [sys.executable, "-S", "-c", f"{ASK}{code}\nprint(json.dumps(say))"],
        env=env, cwd=folder, capture_output=True, timeout=100, check=True,
    )  # fmt: skip
    said: dict[str, Any] = json.loads(done.stdout)
    return said


def seen(page: Path) -> Seen:
    done = subprocess.run(
        ["od", "-An", "-v", "-td8", f"-j{shim.SEEN_AT}", f"-N{shim.SEEN_SIZE}", page],
        capture_output=True, check=True,
    )  # fmt: skip
    return shim.seen(done.stdout.decode())


def test_without_a_fault_everything_is_as_it_is(page: Path) -> None:
    say = told(page, bytes(64), TIMES + DEEDS)
    assert (say["sync"], say["write"], say["folder"], say["other"]) == ([None] * 2,) * 2 + (
        None,
    ) * 2
    found = seen(page)
    assert found.attached == 1
    assert (found.wall_told, found.timer_told) == (found.wall_real, found.timer_real)
    assert (found.syncs_late, found.syncs_failed, found.writes_failed) == (0, 0, 0)


@pytest.mark.parametrize("hours", [1, -1])
def test_an_offset_moves_the_wall_clock_and_no_timer(hours: int, page: Path) -> None:
    told(page, Wanted(Skew(hours * 3_600_000)).as_bytes(1), TIMES)
    found = seen(page)
    assert found.wall_told - found.wall_real == hours * HOUR_NS
    assert found.timer_told == found.timer_real


def test_a_rate_bends_both_times_and_they_never_go_back(page: Path) -> None:
    code = """
last = time.monotonic_ns()
for _ in range(20000):
    now = time.monotonic_ns()
    assert now >= last
    last = now
time.sleep(0.05)
"""
    told(page, Wanted(Skew(rate=3.0)).as_bytes(1), TIMES + code + TIMES)
    found = seen(page)
    gained = found.timer_told - found.timer_real
    assert gained > 0
    # Both were asked for together, last; they gain twice as much as really passes.
    assert abs((found.wall_told - found.wall_real) - gained) < 10**9


@pytest.mark.parametrize(
    "wait",
    [
        "threading.Event().wait(200)",
        "time.sleep(200)",
        "select.epoll().poll(200)",
        "select.poll().poll(200_000)",
        "threading.Lock().acquire(); l = threading.Lock(); l.acquire(); l.acquire(timeout=200)",
    ],
)
def test_waits_go_by_the_time_that_is_told(wait: str, page: Path) -> None:
    code = f"before = time.monotonic(); {wait}; say['waited'] = time.monotonic() - before"
    say = told(page, Wanted(Skew(rate=900.0)).as_bytes(1), code)
    assert say["waited"] >= 200


def test_a_slow_time_makes_waits_longer(page: Path) -> None:
    code = "time.monotonic(); time.sleep(0.1); time.monotonic()"
    told(page, Wanted(Skew(rate=0.25)).as_bytes(1), f"time.time_ns(); {code}")
    found = seen(page)
    # Since the beginning real time has gone by four times as much.
    assert found.timer_real - found.timer_told >= 0.29 * 10**9


@pytest.mark.parametrize(
    ("wanted", "sync", "write", "counts"),
    [
        (Wanted(broken=False), 5, None, (0, 3, 0)),
        (Wanted(broken=True), 5, 5, (0, 3, 2)),
        (Wanted(full=True), None, 28, (0, 0, 2)),
        (Wanted(sync_ms=10), None, None, (3, 0, 0)),
    ],
)
def test_only_what_is_below_its_directory_fails(
    wanted: Wanted, sync: int | None, write: int | None, counts: object, page: Path
) -> None:
    say = told(page, wanted.as_bytes(1), DEEDS)
    assert (say["sync"], say["write"], say["folder"]) == ([sync] * 2, [write] * 2, sync)
    assert say["other"] is None
    found = seen(page)
    assert (found.syncs_late, found.syncs_failed, found.writes_failed) == counts


def test_what_is_told_while_it_runs_holds_from_then_on(page: Path) -> None:
    code = f"""
def bend(data):
    with open({str(page)!r}, 'r+b') as file: file.write(data)
bend({Wanted(full=True).as_bytes(2)!r})
{DEEDS}
say['full'] = say['write']
bend({CALM!r})
{DEEDS}
"""
    say = told(page, bytes(64), code)
    assert (say["full"], say["write"]) == ([28, 28], [None, None])


def test_half_a_setting_is_none(page: Path) -> None:
    torn = Wanted(Skew(3_600_000), full=True).as_bytes(1)[:-8] + bytes(8)
    assert told(page, torn, DEEDS)["write"] == [None, None]
    found = seen(page)
    assert found.timer_told == found.timer_real


def test_what_is_wanted_is_what_is_so() -> None:
    so = union(
        [SlowDisk("n1", 5), FullDisk("n1"), BrokenDisk("n1", writes=True), ClockSkew("n1", 7)]
    )
    whole = Wanted(Skew(7), 5, full=True, broken=True)
    assert shim.wanted_of("n1", so, clock=True) == whole
    assert shim.wanted_of("n1", so, clock=False) == replace(whole, skew=Skew())
    assert shim.wanted_of("n2", so, clock=True) == Wanted()
    assert whole.same_disk(replace(whole, skew=Skew()))
    assert not whole.same_disk(replace(whole, full=False))


def test_what_cannot_be_read_is_nothing() -> None:
    assert shim.seen("") == shim.seen("no numbers") == shim.seen("1 2") == Seen()


def test_without_a_compiler_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(shim.CannotBuild, match=r"apt-get install gcc"):
        shim.built.__wrapped__()
