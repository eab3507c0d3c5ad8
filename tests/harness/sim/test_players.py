"""Is a hunt the same hunt, whoever plays it?"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path

import pytest
from typer.testing import CliRunner

from harness.__main__ import app
from harness.sim.players import players
from harness.worlds import CannotBeHad

ROOT = Path(__file__).parents[3]
FROM_HERE = {**os.environ, "PYTHONPATH": str(ROOT)}
WORDS = ["hunt", "--seeds", "3", "--time", "8", "--rate", "20", "-w", "set", "-n", "kill"]


@pytest.fixture
def scheduler(tmp_path: Path) -> Iterator[str]:
    """The address of one on loopback, with two processes of two threads that work for it."""
    import dask  # which takes long
    from distributed import LocalCluster

    with (
        dask.config.set({"temporary-directory": str(tmp_path)}),
        LocalCluster(
            n_workers=2,
            threads_per_worker=2,
            processes=True,
            host="127.0.0.1",
            dashboard_address="127.0.0.1:0",
        ) as cluster,
    ):
        yield cluster.scheduler_address


def hunted(*words: str, store: Path) -> dict[str, object]:
    done = CliRunner().invoke(
        app, [*WORDS, *words, "--keep-going", "--json", "--store", str(store)]
    )
    told: dict[str, object] = json.loads(done.stdout)
    for name in ("seconds", "failures"):
        told.pop(name)
    return {**told, "status": done.exit_code}


def test_a_dask_cluster_finds_what_we_find(scheduler: str, tmp_path: Path) -> None:
    assert scheduler.startswith("tcp://127.0.0.1:")
    # Nothing of a bug is left in a process that has played with it.
    for bug, status in ((("--bug", "ack-before-fsync"), 1), ((), 0)):
        here = hunted(*bug, "--jobs", "1", store=tmp_path / "here")
        assert here["status"] == status
        assert here["seeds"] == 3
        assert hunted(*bug, "--dask", scheduler, store=tmp_path / "there") == here


def test_without_a_scheduler_it_is_one_line() -> None:
    with pytest.raises(CannotBeHad, match="no scheduler answers there"), players(None, "nonsense"):
        pass


def test_without_the_package_it_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(CannotBeHad, match="pip install"), players(None, "tcp://127.0.0.1:1"):
        pass


def test_who_stops_early_leaves_the_rest() -> None:
    with players(2) as they:
        assert len(list(islice(they.each(abs, range(-1000, 0)), 3))) == 3
        assert sorted(they.each(abs, [-5, 3, -4])) == [3, 4, 5]


HELD = """
import os, sys, time
from pathlib import Path
from harness.sim.players import players

def hold(name):
    Path(sys.argv[1], f"{os.getpid()}").touch()
    time.sleep(1000)

if __name__ == "__main__":
    with players(2) as they:
        list(they.each(hold, "ab"))
"""


def test_nobody_plays_on_for_somebody_who_was_killed(tmp_path: Path) -> None:
    script, pids = tmp_path / "held.py", tmp_path / "pids"
    script.write_text(HELD)
    pids.mkdir()
    process = subprocess.Popen([sys.executable, script, pids], cwd=ROOT, env=FROM_HERE)
    try:
        wait_until(lambda: len(list(pids.iterdir())) == 2)
    finally:
        process.kill()
        process.wait()
    wait_until(lambda: not [one for one in pids.iterdir() if is_there(int(one.name))])


def is_there(pid: int) -> bool:
    with suppress(OSError):
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    return False


def wait_until(holds: Callable[[], bool]) -> None:
    until = time.monotonic() + 120
    while not holds():
        assert time.monotonic() < until
        time.sleep(0.05)
