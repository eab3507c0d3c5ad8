"""Is a hunt the same hunt, whoever plays it?"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest
from typer.testing import CliRunner

from harness.__main__ import app
from harness.sim.players import players
from harness.worlds import CannotBeHad

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
