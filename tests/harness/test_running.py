"""Does `zabtest run` end with the right verdict, exit status and files, however it ends?"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from harness import running, worlds
from harness.__main__ import app
from harness.keeping import keep
from tests.harness.memory import MemoryCluster, RegistersInMemory, Service

Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> list[MemoryCluster]:
    """`--on memory`; the clusters that were made."""
    made: list[MemoryCluster] = []

    def cluster(wanted: worlds.Wanted) -> MemoryCluster:
        lies = [] if wanted.bug is None else [wanted.bug]
        made.append(MemoryCluster(Service(wanted.nodes, lies, delay_s=0.002)))
        return made[-1]

    monkeypatch.setattr(worlds, "_WORLDS", {"memory": cluster})
    monkeypatch.setattr(running, "adapter", lambda *_: RegistersInMemory())
    return made


def zabtest(*arguments: object) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.stdout, result.stderr


def test_a_run_is_told_stored_and_can_be_judged_again(
    world: list[MemoryCluster], tmp_path: Path
) -> None:
    status, out, err = zabtest("run", "--on", "memory", "--time", 1, "--store", tmp_path)
    assert status == 0, out + err
    assert out.startswith("✓ valid")
    assert "load" in err
    assert world[0].stopped == 1
    latest = tmp_path / "latest"
    names = {path.name for path in latest.iterdir()}
    files = {"run.json", "history.jsonl", "tape.json", "results.json", "report.html"}
    assert names == {*files, "nodes"}
    facts = json.loads((latest / "run.json").read_bytes())
    assert facts["plan"]["time_s"] == 1
    assert facts["wanted"]["nodes"] == 5
    assert facts["host"]["cores"]
    status, out, err = zabtest("check", latest)
    assert (status, err) == (0, "")
    assert out.startswith("✓ valid")


def test_json_is_one_object_and_nothing_else(world: list[MemoryCluster], tmp_path: Path) -> None:
    command = ("run", "--on", "memory", "--time", 1, "--store", tmp_path, "--json")
    status, out, _ = zabtest(*command, "--bug", "lost write", "--seed", 3)
    told: dict[str, Any] = json.loads(out)
    assert status == 1
    assert told["verdict"] == "invalid"
    assert {one["judge"] for one in told["runs"][0]["findings"]} >= {"linearizable", "contract"}
    assert world[0].stopped == 1
    status, out, _ = zabtest("check", tmp_path / "latest", "--json")
    assert (status, json.loads(out)["verdict"]) == (1, "invalid")


def test_a_wrong_is_told_with_its_calls(world: list[MemoryCluster], tmp_path: Path) -> None:
    command = ("run", "--on", "memory", "--time", 1, "--store", tmp_path)
    status, out, _ = zabtest(*command, "--bug", "stale read")
    assert status == 1
    assert out.startswith("✗ invalid")
    assert "not linearizable: key r" in out
    assert " ms – " in out
    assert f"zabtest check {tmp_path}" in out


def test_an_ensemble_that_is_kept_says_where_it_is(
    world: list[MemoryCluster], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    where = {f"n{number}": f"127.0.0.1:{7000 + number}" for number in range(1, 6)}
    monkeypatch.setattr(MemoryCluster, "addresses", where, raising=False)
    waited: list[Mapping[str, Any]] = []

    async def at_once(found: Mapping[str, Any]) -> None:
        waited.append(found)
        with suppress(TimeoutError):
            await asyncio.wait_for(keep(found), 0.01)

    monkeypatch.setattr(running, "keep", at_once)
    command = ("run", "--on", "memory", "--time", 1, "--store", tmp_path, "--keep-on-invalid")
    status, out, err = zabtest(*command, "--bug", "lost write", "--seed", 3, "--json")
    assert status == 1
    kept = json.loads(out)["kept"]
    assert waited == [kept]
    assert kept["nodes"] == where
    assert kept["connect"].startswith("127.0.0.1:7001,127.0.0.1:7002,")
    said = err[err.index("the ensemble is kept") :].splitlines()
    assert "  n2  127.0.0.1:7002" in said
    assert f"connect to: {kept['connect']}" in said
    assert f"what they wrote: {kept['files']}/<node>" in said
    assert "for example: echo srvr | nc 127.0.0.1 7001" in said
    assert said[-1] == "Ctrl-C ends it"
    status, out, err = zabtest(*command, "--json")
    assert (status, len(waited)) == (0, 1)
    assert "kept" not in json.loads(out)


def test_what_was_not_seen_is_inconclusive(world: list[MemoryCluster], tmp_path: Path) -> None:
    command = ("run", "--on", "memory", "--time", 1, "--store", tmp_path)
    status, out, _ = zabtest(*command, "--nemesis", "kill")  # there is no time for one
    assert status == 3
    assert "? kill had an effect: 0 injected" in out


def test_none_is_a_nemesis_that_does_nothing(world: list[MemoryCluster], tmp_path: Path) -> None:
    command = ("run", "--on", "memory", "--time", 1, "--store", tmp_path, "-n", "none")
    status, out, err = zabtest(*command)
    assert status == 0, out + err
    assert json.loads((tmp_path / "latest" / "run.json").read_bytes())["plan"]["nemeses"] == []


def test_ctrl_c_heals_saves_and_judges(world: list[MemoryCluster], tmp_path: Path) -> None:
    timer = threading.Timer(1.0, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    command = ("run", "--on", "memory", "--time", 60, "--store", tmp_path)
    status, out, err = zabtest(*command)
    timer.join()
    assert status == 3, out
    assert "interrupted" in err
    assert "? the run took its time: interrupted" in out
    assert "✓ linearizable" in out
    assert world[0].stopped == 1
    assert (tmp_path / "latest" / "results.json").exists()


def test_whoever_leaves_at_once_gets_no_verdict(world: list[MemoryCluster], tmp_path: Path) -> None:
    for after_s in (1.0, 1.5):
        threading.Timer(after_s, os.kill, (os.getpid(), signal.SIGINT)).start()
    hung = MemoryCluster.recovered

    async def never(self: MemoryCluster, *, within_s: float) -> Any:
        await asyncio.sleep(3)
        return await hung(self, within_s=within_s)

    command = ("run", "--on", "memory", "--time", 60, "--store", tmp_path, "--json")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(MemoryCluster, "recovered", never)
        status, out, err = zabtest(*command)
    path = (tmp_path / "latest").resolve()
    assert status == 3
    assert json.loads(out)["verdict"] == "inconclusive"
    assert err.splitlines()[-1] == (
        f"left without a verdict: zabtest check {path} judges what there is"
    )
    assert "Traceback" not in err
    assert world[0].stopped == 1
    assert zabtest("check", path)[0] == 3


def test_judging_can_be_left(
    world: list[MemoryCluster], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(running, "judge", interrupted)
        status, out, err = zabtest("run", "--on", "memory", "--time", 1, "--store", tmp_path)
    assert (status, out) == (3, "")
    assert "left without a verdict: zabtest check" in err
    assert world[0].stopped == 1
    assert zabtest("check", tmp_path / "latest")[0] == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--workload", "queue"), "no workload is called 'queue'; there are register, set, lock"),
        (("--on", "mars"), "--on mars is no place to run"),
        (("--target", "etcd"), "no target is called 'etcd'; there are zab, zookeeper"),
        (("--nemesis", "earthquake"), "earthquake"),
        (("--nemesis", "partition"), "partition"),  # the memory cluster has no links
        (("--time", "0"), "time"),
        (("--workload", "lock", "--concurrency", "1"), "lock needs --concurrency 2"),
    ],
)
def test_bad_input_gets_one_clear_line(
    world: list[MemoryCluster], tmp_path: Path, arguments: tuple[str, ...], words: str
) -> None:
    on = () if "--on" in arguments else ("--on", "memory")
    status, out, err = zabtest("run", "--store", tmp_path, *on, *arguments)
    assert status == 2
    assert out == ""
    assert words in err
    assert "Traceback" not in err
    assert not list(tmp_path.iterdir())


def test_a_run_of_a_workload_nobody_knows_cannot_be_judged(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text('{"plan": {"workload": "gone"}, "synced": "ordered"}')
    status, _, err = zabtest("check", tmp_path)
    assert status == 2
    assert "'gone'" in err
