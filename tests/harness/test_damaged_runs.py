"""Is a stored run of which something is gone never told as valid, nor as invalid for that?"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.harness.test_running import zabtest

Damage = Callable[[Path], object]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    store = tmp_path_factory.mktemp("store")
    plan = ("--nodes", 3, "--time", 12, "--rate", 30, "-n", "kill", "--seed", 1)
    status, out, err = zabtest("run", "--on", "sim", *plan, "--store", store)
    assert status == 0, out + err
    return (store / "latest").resolve()


def logs(run: Path) -> list[Path]:
    return sorted(run.glob("nodes/*/events.jsonl"))


def cut(file: Path, share: float) -> None:
    os.truncate(file, int(file.stat().st_size * share))


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda run: cut(run / "history.jsonl", 0), "holds 0 of the"),
        (lambda run: cut(run / "history.jsonl", 0.3), "events that were recorded"),
        (lambda run: cut(logs(run)[1], 0.5), "bytes that it had"),
        (lambda run: cut(logs(run)[1], 0), "bytes that it had"),
        (lambda run: logs(run)[2].unlink(), "cannot be read (No such file or directory)"),
        (lambda run: logs(run)[0].write_bytes(b"\xff\n" * 10**6), "holds no event"),
        (lambda run: logs(run)[0].write_bytes(b"{}\n" * 10**6), "line 1"),
    ],
    ids=["no history", "half a history", "half a log", "an empty log", "no log", "junk", "others"],
)
def test_what_is_damaged_is_inconclusive_and_told(
    whole: Path, tmp_path: Path, damage: Damage, said: str
) -> None:
    run = tmp_path / "run"
    shutil.copytree(whole, run)
    assert zabtest("check", run)[0] == 0, "as it was, it is valid"
    damage(run)
    status, out, _ = zabtest("check", run)
    assert status == 3, out
    assert said in out
    assert "Error" not in out, "no word of Python's"
    status, out, _ = zabtest("check", run, "--json")
    assert (status, json.loads(out)["verdict"]) == (3, "inconclusive")
