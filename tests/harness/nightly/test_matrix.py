"""Does a matrix become runs, and does whatever is wrong with it get one clear line?"""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest

from harness.nightly.matrix import read
from harness.nightly.table import BadMatrix
from tests.harness.test_running import zabtest

GOOD = 'workloads = ["register", "set"]\nnemeses = ["none", "kill,pause"]\n'


def counting() -> Callable[[], int]:
    numbers = count()
    return lambda: next(numbers)


def written(folder: Path, text: str) -> Path:
    file = folder / "night.toml"
    file.write_text(text)
    return file


def test_every_pair_comes_once_before_any_comes_twice(tmp_path: Path) -> None:
    matrix = read(written(tmp_path, f'{GOOD}seeds = 2\ntime = "2m"\nbudget = "1.5h"'))
    runs = list(matrix.runs(counting()))
    planted = [one for one in runs if one.planted]
    assert [one.seed for one in planted] == [1694, 1695, 1696]
    assert {one.bug for one in planted} == {"commit-without-quorum"}
    pairs = [(one.workload, one.nemesis) for one in runs if not one.planted]
    assert len(set(pairs[:4])) == 4
    assert pairs[:4] == pairs[4:]
    assert [one.seed for one in runs if not one.planted] == list(range(8))
    assert runs[-1].time_s == 120
    assert matrix.budget_s == 5400
    assert matrix.store == tmp_path / "store/nightly"


def test_seeds_can_be_given(tmp_path: Path) -> None:
    matrix = read(written(tmp_path, f"{GOOD}seeds = [7, 9]"))
    seeds = [one.seed for one in matrix.runs(counting()) if not one.planted]
    assert seeds == [7] * 4 + [9] * 4


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("rate = 50", " --rate 50"),
        ("rate = 0", " --rate 0"),
        ('on = "sim"', " --on sim"),  # at the rate that every simulated run has
        ('rate = 0\non = "sim"', " --rate 0 --on sim"),
    ],
)
def test_a_run_can_be_made_by_hand(tmp_path: Path, said: str, words: str) -> None:
    matrix = read(written(tmp_path, f"{GOOD}{said}\nnodes = 3"))
    *_, one = matrix.runs(lambda: 5)
    assert (
        " ".join(one.command()) == f"run -w set -t 60 --seed 5 -n kill,pause --nodes 3 -c 10{words}"
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("workloads = [", "this is no TOML: "),
        ("", "workloads is missing; name some, such as workloads = ["),
        ('workloads = ["register"]', "nemeses is missing"),
        ("workloads = []\nnemeses = []", "workloads is empty: nothing would be run"),
        ('workloads = "register"', "workloads is a list of texts such as"),
        ('workloads = ["queue"]', "workloads names no workload: 'queue'; there are register"),
        ('workloads = ["set"]\nnemeses = ["quake"]', "nemeses is wrong: there is no nemesis 'q"),
        (f"{GOOD}time = -1", "time is a time of at least 1 s, such as 90"),
        (f"{GOOD}time = nan", "time is a time of at least 1 s"),
        (f"{GOOD}budget = inf", "budget is a time of at least 1 s"),
        (f'{GOOD}budget = "soon"', "budget is a time of at least 1 s"),
        (f"{GOOD}seeds = 0", "seeds is a whole number from 1 on"),
        (f"{GOOD}seeds = [1, -3]", "seeds holds -3: a seed is a whole number from 0 on"),
        (f"{GOOD}seeds = [1, 1]", "seeds holds 1 twice: once is enough"),
        (f"{GOOD}seeds = []", "seeds is empty"),
        (f"{GOOD}nodes = 2.5", "nodes is a whole number from 1 on"),
        (f"{GOOD}sedes = 3", "sedes is no key that is known; there are plugins"),
        (f"{GOOD}colour = 3", "planted, "),
        (f'{GOOD}target = "etcd"', "no target is called 'etcd'"),
        (f'{GOOD}target = "zookeeper"', "planted is missing"),
        (f'{GOOD}plugins = ["gone.py"]', "there is no such Python file"),
        (f"{GOOD}planted = 3", "planted is a table, [planted], not 3"),
        (f'{GOOD}[planted]\nbug = "none-such"', "planted.bug is wrong: there is no bug"),
        (f"{GOOD}[planted]\ntires = 3", "planted.tires is no key that is known"),
    ],
)
def test_bad_input_gets_one_clear_line(tmp_path: Path, text: str, words: str) -> None:
    file = written(tmp_path, text)
    with pytest.raises(BadMatrix) as caught:
        read(file)
    assert words in str(caught.value)
    status, out, err = zabtest("nightly", file)
    assert (status, out) == (2, "")
    assert str(file) in err
    assert len(err.splitlines()) == 1
    assert list(tmp_path.iterdir()) == [file]
