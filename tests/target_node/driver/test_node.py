from __future__ import annotations

import fcntl
import json
import re
import resource
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from target_node.durable.os_disk import OsDisk
from target_node.durable.recovery import recover
from tests.target_node.driver.launch import Launched, configure, hear, launched, say, tell
from tests.target_node.driver.wiring import LOOPBACK, PATIENCE, free_port


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Launched]:
    port = configure(tmp_path)
    with launched(tmp_path, port=port) as node:
        yield node.ready()


def test_it_serves_and_stops_when_asked_to(node: Launched, tmp_path: Path) -> None:
    assert node.ask("echo one two") == "one two"
    with node.client() as client:
        assert say(client, "echo still here") == "still here"
        assert node.ends(signal.SIGTERM) == 0
        assert client.read() == b""
    assert re.search(r"Z n1 listening for=client at=127\.0\.0\.1:\d+\n", node.errors())
    assert "Traceback" not in node.errors()
    assert [event["node"] for event in node.events()] == [1, 1]
    with pytest.raises(ConnectionRefusedError):
        node.ask("echo")


def test_an_interrupt_stops_it_too(node: Launched) -> None:
    assert node.ends(signal.SIGINT) == 0
    assert "Traceback" not in node.errors()


def test_a_stop_before_it_serves_is_a_stop(tmp_path: Path) -> None:
    port = configure(tmp_path)
    with launched(tmp_path, port=port) as node:
        assert node.ready().ask("snapshot slow") == "snapshot 0"
        node.ends(signal.SIGTERM)
    with launched(tmp_path, port=port) as node:
        node.wait_for(lambda: "dozing" in node.errors())
        assert node.ends(signal.SIGTERM) == 0
        assert "Traceback" not in node.errors()


def test_what_it_appended_is_there_after_a_kill(tmp_path: Path) -> None:
    port = configure(tmp_path)
    with launched(tmp_path, port=port) as node, node.ready().client() as client:
        tell(client, "append 3000")
        heard = [hear(client) for _ in range(3000)]
        assert heard == [f"appended {zxid}" for zxid in range(1, 3001)]
        assert node.ends(signal.SIGKILL) == -signal.SIGKILL
    # Not a line that was written before an answer is lost.
    assert [e["zxid"] for e in node.events() if e["event"] == "durable"] == list(range(1, 3001))
    assert "durable" not in node.errors()
    assert recover(OsDisk(tmp_path / "data" / "version-2")).last_zxid == 3000
    with launched(tmp_path, port=port) as node:
        node.wait_for(lambda: node.names().count("started") == 2)
        assert node.events()[-1]["last_zxid"] == 3000


def test_a_snapshot_is_what_the_core_begins_with(tmp_path: Path) -> None:
    port = configure(tmp_path)
    with launched(tmp_path, port=port) as node:
        assert node.ready().ask("image") == "None"
        assert node.ask("append 1") == "appended 1"
        assert node.ask("snapshot treetree") == "snapshot 1"
        assert node.ends(signal.SIGTERM) == 0
    with launched(tmp_path, port=port) as node:
        node.wait_for(lambda: node.names().count("started") == 2)
        assert node.ask("image") == "b'treetree'"


def test_it_wakes_the_core_when_it_asked_for_it(node: Launched) -> None:
    with node.client() as client:
        before = int(say(client, "time").split()[0])
        # Only the newest counts, whether it is sooner or later than the one before.
        woken, at = say(client, "wake 3600000 300").split()
        assert woken == "woken"
        assert int(at) >= before + 300
        before = int(say(client, "time").split()[0])
        assert int(say(client, "wake 0 50 400").split()[1]) >= before + 400
        assert say(client, "wake 0").startswith("woken")


def test_its_clock_is_bent_by_a_file(tmp_path: Path) -> None:
    port = configure(tmp_path)
    file = tmp_path / "clock"
    file.write_text('{"offset_ms": -86400000}')
    with launched(tmp_path, "--clock", str(file), port=port) as node:
        _, wall = node.ready().ask("time").split()
        assert int(wall) < time.time() * 1000 - 80_000_000
        with node.client() as client:
            # Ten minutes, unless the file is looked at again while the node sleeps.
            tell(client, "wake 600000")
            time.sleep(0.2)
            (tmp_path / "new").write_text('{"rate": 1000}')
            (tmp_path / "new").rename(file)
            assert hear(client).startswith("woken")
        file.write_text("nonsense")
        node.wait_for(lambda: node.ask("time") and "clock_file_unusable" in node.names())


def test_a_stream_and_a_last_word(node: Launched) -> None:
    with node.client() as client:
        tell(client, "stream 100000")
        lines = [hear(client) for _ in range(100_000)]
        assert lines == [f"{i:9}" for i in range(100_000)]
        tell(client, "bye")
        assert client.read() == b"bye\n"


def test_it_dials_as_the_core_says_and_the_routes_lead(tmp_path: Path) -> None:
    port = configure(tmp_path)
    routes = tmp_path / "routes"
    with (
        launched(tmp_path, "--routes", str(routes), port=port) as node,
        socket.create_server((LOOPBACK, 0)) as there,
    ):
        node.ready()
        nobody = free_port()
        routes.write_text("{}")
        assert node.ask(f"dial quorum 2 {LOOPBACK} {nobody}") == "ended -1"
        routes.write_text(json.dumps({"quorum": {"2": f"{LOOPBACK}:{there.getsockname()[1]}"}}))
        with node.client() as client:
            assert say(client, f"dial quorum 2 {LOOPBACK} {nobody}") == "connected -1"
            connection, _ = there.accept()
            with connection:
                assert connection.recv(100) == b"echo hello"
            assert hear(client) == "ended -1"


def test_a_core_that_gives_up_says_why(node: Launched) -> None:
    with node.client() as client:
        assert say(client, "halt") == "halting"
        assert client.read() == b""
    assert node.ends() == 1
    assert 'n1 halt why="was asked to"\n' in node.errors()
    assert node.events()[-1]["why"] == "was asked to"


@pytest.mark.parametrize("command", ["break", "tear"])
def test_a_broken_invariant_ends_it_at_once(node: Launched, command: str) -> None:
    with node.client() as client:
        tell(client, command)
        assert node.ends() == 70
        assert node.events()[-1]["event"] == "broken"
        assert "AssertionError: " in node.events()[-1]["what"]
        assert "Traceback" in node.errors()


def test_a_core_that_cannot_begin_is_broken_too(tmp_path: Path) -> None:
    port = configure(tmp_path)
    with launched(tmp_path, port=port) as node:
        node.ready()
        assert node.ask("snapshot poison") == "snapshot 0"
        node.ends(signal.SIGTERM)
    with launched(tmp_path, port=port) as node:
        assert node.ends() == 70
        assert "this image cannot be" in node.errors()


def test_a_bug_in_the_disks_thread_ends_it(node: Launched) -> None:
    with node.client() as client:
        tell(client, "fill")
        assert node.ends() == 70
    assert "Traceback" in node.errors()


def test_a_disk_that_fails_ends_it(tmp_path: Path) -> None:
    port = configure(tmp_path)

    def small_files() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, 40_000))

    with (
        launched(tmp_path, port=port, before=small_files) as node,
        node.ready().client() as client,
    ):
        tell(client, "append 900")
        assert node.ends() == 1
    assert "the disk failed: [Errno 27] File too large" in node.errors()
    assert "Traceback" not in node.errors()


@pytest.mark.parametrize("name", ["lock", "version-2"])
def test_a_disk_that_fails_before_it_serves_ends_it_as_well(tmp_path: Path, name: str) -> None:
    port = configure(tmp_path)
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / name).symlink_to("/dev/full")  # no room, and no directory
    with launched(tmp_path, port=port) as node:
        assert node.ends() == 1
    (line,) = node.errors().splitlines()
    assert "cannot_start" in line
    assert "the disk failed: " in line


def test_what_recovery_mended_is_told(tmp_path: Path) -> None:
    port = configure(tmp_path)
    with launched(tmp_path, port=port) as node:
        node.ready().ask("append 1")
        node.ends(signal.SIGKILL)
    log = next((tmp_path / "data" / "version-2").glob("log.*"))
    with log.open("ab") as file:
        file.write(b"torn")
    with launched(tmp_path, port=port) as node:
        node.wait_for(lambda: node.names().count("started") == 2)
    (mended,) = [event for event in node.events() if event["event"] == "mended"]
    assert (mended["how"], mended["file"], mended["lost_bytes"]) == ("CutTail", "log.1", 4)


def test_corrupt_data_are_refused(tmp_path: Path) -> None:
    port = configure(tmp_path)
    data = tmp_path / "data" / "version-2"
    data.mkdir(parents=True)
    (data / "acceptedEpoch").write_text("one")
    with launched(tmp_path, port=port) as node:
        assert node.ends() == 3
    (line,) = node.errors().splitlines()
    assert "cannot_start" in line
    assert "acceptedEpoch" in line


def test_a_directory_has_one_owner(tmp_path: Path) -> None:
    port = configure(tmp_path)
    with launched(tmp_path, port=port) as first:
        first.ready()
        configure(tmp_path)
        with launched(tmp_path, port=0) as second:
            assert second.ends() == 2
        (line,) = second.errors().splitlines()
        assert f"is in use by process {first.process.pid}" in line
        assert first.ask("echo ok") == "ok"
    # A kill gives it back.
    with (tmp_path / "data" / "lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_a_port_has_one_owner(tmp_path: Path) -> None:
    with socket.create_server((LOOPBACK, 0)) as there:
        port = configure(tmp_path, port=there.getsockname()[1])
        with launched(tmp_path, port=port) as node:
            assert node.ends() == 2
    (line,) = node.errors().splitlines()
    assert f"cannot listen on the client port 127.0.0.1:{port}" in line
    assert "Address already in use" in line


def test_a_member_of_an_ensemble_listens_to_its_peers(tmp_path: Path) -> None:
    quorum, election = free_port(), free_port()
    port = configure(
        tmp_path,
        f"server.2={LOOPBACK}:{quorum}:{election}\nserver.1={LOOPBACK}:1:1\n",
    )
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "myid").write_text("2\n")
    with launched(tmp_path, port=port) as node:
        node.ready()
        for number in (quorum, election):
            socket.create_connection((LOOPBACK, number), PATIENCE).close()
        node.wait_for(lambda: node.names().count("visited") == 2)
        visited = [e["port"] for e in node.events() if e["event"] == "visited"]
        assert sorted(visited) == ["election", "quorum"]
        assert node.events()[0]["node"] == 2


def test_it_goes_on_when_there_are_no_more_sockets(tmp_path: Path) -> None:
    port = configure(tmp_path)

    def few_files() -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (24, 40))

    with launched(tmp_path, port=port, before=few_files) as node:
        node.ready()
        with ExitStack() as stack:
            clients = [stack.enter_context(node.client()) for _ in range(60)]
            node.wait_for(lambda: "cannot_accept" in node.names())
            # More than the limit that it was started with.
            for client in clients[:25]:
                assert say(client, "echo x") == "x"
        assert node.ask("echo back") == "back"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], "zoo.cfg"),
        (["zoo.cfg", "--what"], "--what"),
        (["nowhere.cfg"], "nowhere.cfg: No such file or directory"),
        (["bad.cfg"], "bad.cfg:1: 'x' is not key=value"),
        (["good.cfg", "--events", "no/where"], "cannot write to the events file"),
    ],
)
def test_wrong_usage_is_one_line(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    told: str,
) -> None:
    from target_node.__main__ import main

    monkeypatch.chdir(tmp_path)
    Path("bad.cfg").write_text("x\n")
    Path("good.cfg").write_text("dataDir=data\n")
    try:
        status: object = main(arguments)
    except SystemExit as end:
        status = end.code
    assert status == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert told in line


@pytest.mark.parametrize("option", ["--help", "--version"])
def test_it_tells_about_itself(option: str, capsys: pytest.CaptureFixture[str]) -> None:
    from target_node.__main__ import main

    with pytest.raises(SystemExit) as end:
        main([option])
    assert end.value.code == 0
    assert "target_node" in capsys.readouterr().out
