"""Does what cannot be done get one clear line, the right exit status, and no traceback?"""

from __future__ import annotations

import errno
import json
import os
import re
import resource
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.__main__ import main
from harness.local import cluster
from harness.local.ports import free_ports
from harness.store import StoredRun
from tests.harness.test_running import zabtest

ROOT = Path(__file__).parents[2]
PLUGIN = ROOT / "tests" / "harness" / "memory_plugin.py"
MEMORY = ("--plugin", PLUGIN, "--target", "memory", "--time", 1)


def written(folder: Path, **files: str) -> Path:
    """A folder that looks like a run's."""
    folder.mkdir()
    for name, text in files.items():
        (folder / f"{name}.json").write_text(text)
    return folder


FACTS = '{"plan": {"workload": "register", "nemeses": []}, "synced": "linearizable"}'


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"run": "{"}, "run.json: this is not what a run writes"),
        ({"run": "[]"}, "run.json: this is not what a run writes"),
        ({"run": FACTS, "results": "["}, "results.json: this is not what a run writes"),
        ({"run": FACTS, "results": "{}"}, "results.json: this is not what a run writes"),
    ],
)
@pytest.mark.parametrize("command", ["check", "replay"])
def test_a_run_that_cannot_be_read(
    tmp_path: Path, command: str, files: dict[str, str], words: str
) -> None:
    status, out, err = zabtest(command, written(tmp_path / "run", **files))
    assert (status, out) == (2, "")
    assert words in err
    assert len(err.splitlines()) == 1


@pytest.mark.parametrize("name", ["file", "file/below"])
def test_a_store_that_cannot_be_written(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").touch()
    status, out, err = zabtest("run", *MEMORY, "--store", tmp_path / name)
    assert (status, out) == (2, "")
    assert "cannot be written" in err
    assert "name another folder with --store" in err
    assert len(err.splitlines()) == 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--nemesis", "earthquake"), "there is no nemesis 'earthquake'"),
        (("--nemesis", "hiccup,hiccup"), "is named twice"),
        (("--nemesis", "partition"), "needs faults that this cluster cannot do: partition"),
        (("--on", "sim"), "--on sim "),
        (("--workload", "set"), "the adapter 'set:memory' is missing"),
        (("--time", "-1"), "--time"),
        (("--rate", "-1"), "--rate"),
        (("--nodes", "0"), "--nodes"),
    ],
)
def test_what_is_not_there_and_what_is_too_small(
    tmp_path: Path, words: tuple[str, ...], said: str
) -> None:
    status, out, err = zabtest("run", *MEMORY, *words, "--store", tmp_path / "store")
    assert (status, out) == (2, "")
    assert said in err
    assert "Traceback" not in err
    assert not (tmp_path / "store").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("run", "--time", "inf"), "--time"),
        (("run", "--time", "1e30"), "--time"),
        (("run", "--on", "sim", "--hosts", "a,b"), "--hosts is of hosts, and --on is sim"),
        (("run", "--on", "local", "--hosts", "a"), "--hosts is of hosts, and --on is local"),
        (("run", "--sudo"), "--sudo is of hosts, and --on is local: name them with --hosts"),
        (("run", "--hosts", ""), "no host is named"),
        (("run", "--nodes", "100"), "--on local has room for 25 nodes, not 100"),
        (("run", "--store", "/tmp/\udcff"), "is no name that can be written in UTF-8"),
        (("run", "--store", "/proc/x"), "/proc/x: cannot be written"),
        (("run", "--store", "/tmp/" + "a" * 300), "cannot be written (File name too long)"),
        (("up", "--dir", "/etc/passwd"), "--dir /etc/passwd: no folder there"),
        (("hunt", "--store", "/etc/passwd"), "--store /etc/passwd: no folder there"),
    ],
)
def test_options_that_make_no_sense(words: tuple[str, ...], said: str) -> None:
    status, out, err = zabtest(*words)
    assert (status, out) == (2, "")
    assert said in " ".join(err.split())
    assert "Traceback" not in err


@pytest.mark.parametrize(("said", "rate"), [((), 50.0), (("--rate", 20), 20.0)])
def test_a_simulated_client_does_not_ask_without_end(
    tmp_path: Path, said: tuple[object, ...], rate: float
) -> None:
    zabtest("run", "--on", "sim", "--nodes", 1, "--time", 2, *said, "--store", tmp_path)
    facts = json.loads((tmp_path / "latest" / "run.json").read_bytes())
    assert facts["plan"]["rate"] == rate


def test_nemeses_may_be_named_one_by_one(tmp_path: Path) -> None:
    command = ("run", *MEMORY, "--store", tmp_path, "-n", "kill", "-n", "kill,pause")
    status, _, err = zabtest(*command)
    assert status == 2
    assert "the nemesis 'kill' is named twice" in err


def test_a_plugin_that_leaves(tmp_path: Path) -> None:
    (tmp_path / "leaves.py").write_text("raise SystemExit(0)")
    status, out, err = zabtest("run", "--plugin", tmp_path / "leaves.py", "--store", tmp_path)
    assert (status, out) == (2, "")
    assert "cannot be imported (SystemExit: 0)" in err


def test_a_verdict_that_cannot_be_stored_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = ("--on", "sim", "--nodes", 1, "--time", 3, "--rate", 30, "--store", tmp_path)
    assert zabtest("run", *plan)[0] == 0

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(StoredRun, "save_results", full)
    status, out, err = zabtest("check", tmp_path / "latest", "--json")
    assert (status, json.loads(out)["verdict"]) == (0, "valid")
    assert "this verdict is told here and not stored" in err
    assert "No space left on device" in err


def test_a_disk_that_is_full(tmp_path: Path) -> None:
    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))

    command = ["run", *MEMORY, "--time", 5, "--store", tmp_path]
    done = subprocess.run(
        [sys.executable, "-m", "harness", *map(str, command)],
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT)},
        preexec_fn=limit,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert (done.returncode, done.stdout) == (4, "")
    last = done.stderr.splitlines()[-1]
    assert last.startswith("zabtest: the disk is full (")
    assert "make room" in last
    assert "Traceback" not in done.stderr
    # What there is can be judged, and says that it is not all.
    assert zabtest("check", tmp_path / "latest")[0] == 3


def test_ports_that_are_in_use(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        def ports(count: int, find: Callable[[int], list[int]] = free_ports) -> list[int]:
            return [port, *find(count - 1)]

        monkeypatch.setattr(cluster, "free_ports", ports)
        monkeypatch.setattr(cluster, "TRIES", 1)
        command = ["run", "--nodes", "1", "--time", "1", "--store", str(tmp_path), "--json"]
        monkeypatch.setattr(sys, "argv", ["zabtest", *command])
        with pytest.raises(SystemExit) as ended:
            main()
    assert ended.value.code == 4
    out, err = capsys.readouterr()
    assert out == ""
    last = err.splitlines()[-1]
    assert re.match(r"zabtest: no ports stay free: .*cannot listen", last)
    assert "Traceback" not in err
    status, out, _ = zabtest("heal", tmp_path / "latest")
    assert (status, out.count("nothing was left")) == (0, 1)
