"""Scanners, dribblers and crowds at the ports of real servers: who behaves is served all the while.

The same nonsense is thrown in far greater numbers, without sockets, in `test_bad_input`.
"""

from __future__ import annotations

import contextlib
import json
import resource
import socket
import struct
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from target_node.wire.connect import ConnectRequest, encode_connect_request
from target_node.wire.frames import frame
from tests.target_node.ensemble import PATIENCE_S, Ensemble, Member, ask, ensemble
from tests.target_node.raw_client import Lost, RawClient
from tests.target_node.server.junk import OTHER_PROTOCOLS

FEW, MANY = 2000, 10_000  # connections that say nothing
SPARE_FILES = 500
UNCOLLECTED_BYTES = 6 << 10  # of one connection
LONG_SESSIONS = "maxSessionTimeout=60000\n"
GREETING = frame(encode_connect_request(ConnectRequest(0, 60_000, 0, bytes(16))))


def ports(one: Ensemble) -> Iterator[int]:
    for member in one.members.values():
        yield from (member.client_port, member.quorum_port, member.election_port)


def open_files(member: Member) -> int:
    assert member.process is not None
    return len(list(Path(f"/proc/{member.process.pid}/fd").iterdir()))


def resident_bytes(member: Member) -> int:
    assert member.process is not None
    pages = Path(f"/proc/{member.process.pid}/statm").read_text().split()[1]
    return int(pages) * resource.getpagesize()


def events(member: Member, name: str) -> list[dict[str, Any]]:
    lines = (member.directory / "events.jsonl").read_text().splitlines()
    return [one for one in map(json.loads, lines) if one["event"] == name]


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < deadline, "it has not come true"
        time.sleep(0.05)


def hung_up(link: socket.socket) -> bool:
    """By the server, now or soon."""
    link.settimeout(PATIENCE_S)
    try:
        while link.recv(65536):
            pass
    except ConnectionError:
        pass
    return True


def write_and_read(one: Ensemble, value: int) -> None:
    """Through every server."""
    for sid, member in one.members.items():
        with patient_client(member) as client:
            client.write("/good", b"%d %d" % (sid, value), -1)
            assert client.read("/good")[0] == b"%d %d" % (sid, value)


def patient_client(member: Member) -> RawClient:
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            return RawClient(member.client_port, PATIENCE_S)
        except Lost:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


@contextlib.contextmanager
def unharmed(one: Ensemble) -> Iterator[None]:
    """Nobody stopped, nobody left its role, and every file that was opened was closed."""
    with patient_client(one.members[1]) as client:
        client.create("/good")
    write_and_read(one, 0)
    roles = {sid: member.mode for sid, member in one.members.items()}
    files = {sid: open_files(member) for sid, member in one.members.items()}
    yield
    write_and_read(one, 1)
    assert {sid: member.mode for sid, member in one.members.items()} == roles
    for sid, member in one.members.items():
        assert not events(member, "leaving")
        assert not events(member, "broken")
        until(lambda m=member, n=files[sid]: open_files(m) <= n + 3)  # type: ignore[misc]
        assert "Traceback" not in member.log


def test_scanners_are_shown_the_door(tmp_path: Path) -> None:
    with ensemble(tmp_path, 3) as one, unharmed(one):
        for number, port in enumerate(ports(one)):
            for said in OTHER_PROTOCOLS:
                with socket.create_connection(("127.0.0.1", port), PATIENCE_S) as link:
                    link.sendall(said)
            with socket.create_connection(("127.0.0.1", port), PATIENCE_S) as link:
                # A reset instead of an end.
                link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                link.sendall(GREETING[:11])
            with socket.create_connection(("127.0.0.1", port), PATIENCE_S) as link:
                link.shutdown(socket.SHUT_WR)
                assert hung_up(link)
            write_and_read(one, number)


def test_too_large_a_packet_is_refused_with_a_note(tmp_path: Path) -> None:
    with ensemble(tmp_path, 3) as one, unharmed(one):
        for member in one.members.values():
            for head in (GREETING, b""):
                with socket.create_connection(("127.0.0.1", member.client_port)) as link:
                    link.sendall(head + struct.pack(">i", 1 << 30) + bytes(1000))
                    assert hung_up(link)
            refused = [str(note["reason"]) for note in events(member, "client_refused")]
            assert [why.startswith(f"packet with length {1 << 30}") for why in refused] == [
                True
            ] * 2
            with socket.create_connection(("127.0.0.1", member.election_port)) as link:
                link.sendall(struct.pack(">qqi", -65536, 9, 1 << 30))
                assert hung_up(link)
            assert events(member, "link_refused")


def test_dribblers_and_the_silent_do_not_last(tmp_path: Path) -> None:
    """A byte now and then, or none at all: after ten seconds there must be a session."""
    with ensemble(tmp_path, 3) as one, unharmed(one), contextlib.ExitStack() as links:
        dribblers = [
            links.enter_context(socket.create_connection(("127.0.0.1", member.client_port)))
            for member in one.members.values()
        ]
        silent = [
            links.enter_context(socket.create_connection(("127.0.0.1", port)))
            for port in ports(one)
        ]
        for number in range(20):
            for link in dribblers:
                with contextlib.suppress(ConnectionError):
                    link.sendall(GREETING[number : number + 1])
            write_and_read(one, number)
            time.sleep(0.1)
        assert all(map(hung_up, (*dribblers, *silent)))


def crowd(port: int, count: int, links: contextlib.ExitStack) -> None:
    """Every tenth has a session."""
    for number in range(count):
        link = links.enter_context(socket.create_connection(("127.0.0.1", port), PATIENCE_S))
        if number % 10 == 0:
            link.sendall(GREETING)


def stand_a_crowd(directory: Path, count: int) -> str:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    count = min(count, hard - SPARE_FILES)  # or as many as are allowed here
    wanted = count + SPARE_FILES
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
    try:
        with ensemble(directory, 3, more=LONG_SESSIONS) as one, unharmed(one):
            follower = next(m for m in one.members.values() if m.mode == "follower")
            files, sizes, most = open_files(follower), [resident_bytes(follower)], 0
            for wave in range(2):
                with contextlib.ExitStack() as links:
                    crowd(follower.client_port, count, links)
                    until(lambda: open_files(follower) >= files + count // 10)
                    write_and_read(one, wave)
                    assert "Mode: follower" in ask(follower.client_port, "srvr", PATIENCE_S)
                    most = open_files(follower) - files
                until(lambda: open_files(follower) <= files + 3)
                write_and_read(one, wave)
                sizes.append(resident_bytes(follower))
            # What has gone may wait for the collector, which looks seldom.
            assert sizes[2] <= sizes[1] + count * UNCOLLECTED_BYTES
            shown = ", ".join(f"{size >> 20} MiB" for size in sizes)
            return f"{most} of {count} connections at once; {shown} before, between and after"
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_a_crowd_comes_and_goes(tmp_path: Path) -> None:
    stand_a_crowd(tmp_path, FEW)


@pytest.mark.prove
def test_a_great_crowd_comes_and_goes(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    record_property("measured", stand_a_crowd(tmp_path, MANY))
