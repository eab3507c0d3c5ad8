"""The ensemble changes while it serves: servers come, go and take each other's place."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from kazoo.client import KazooClient
from kazoo.exceptions import (
    BadArgumentsError,
    BadVersionError,
    ConnectionLoss,
    NewConfigNoQuorumError,
    NoAuthError,
    SessionExpiredError,
)

from harness.local.ports import free_ports
from target_node.protocol.ensemble import Ensemble as Members
from target_node.protocol.ensemble import parse_ensemble
from target_node.state.acl import digest_of
from tests.target_node.ensemble import PATIENCE_S, Ensemble, Member, ensemble

MORE = (
    f"reconfigEnabled=true\nDigestAuthenticationProvider.superDigest={digest_of('super:secret')}\n"
)
OBSERVER = "server.100=127.0.0.1:5555:5556:observer;127.0.0.1:5557"


@contextmanager
def administrator(running: Ensemble) -> Iterator[KazooClient]:
    client = KazooClient(running.connect_string)
    client.start(timeout=PATIENCE_S)
    client.add_auth("digest", "super:secret")
    try:
        yield client
    finally:
        client.stop()
        client.close()


def reconfig(client: KazooClient, *, come: str | None = None, go: str | None = None) -> Members:
    """Until the ensemble does it: a client that lost its server tries again."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            data, _ = client.reconfig(joining=come, leaving=go, new_members=None)
            return parse_ensemble(data.decode())
        except (ConnectionLoss, NewConfigNoQuorumError, SessionExpiredError):
            assert time.monotonic() < deadline, "the ensemble does not change"
            time.sleep(0.1)


def member(running: Ensemble, sid: int, directory: Path) -> tuple[Member, str]:
    """A server that nobody knows yet, and the line that makes it one of them."""
    ports = free_ports(3)
    one = Member(sid, directory / f"n{sid}", ports)
    data = one.directory / "data"
    data.mkdir(parents=True)
    (data / "myid").write_text(f"{sid}\n")
    first = running.members[min(running.members)]
    line = f"server.{sid}=127.0.0.1:{ports[1]}:{ports[2]};127.0.0.1:{ports[0]}"
    text = (first.directory / "zoo.cfg").read_text()
    text = text.replace(str(first.directory / "data"), str(data))
    text = text.replace(f"clientPort={first.client_port}\n", f"clientPort={ports[0]}\n")
    (one.directory / "zoo.cfg").write_text(f"{text}{line}\n")
    one.command = (sys.executable, "-m", "target_node", str(one.directory / "zoo.cfg"))
    running.members[sid] = one
    return one, line


def sids(members: Members) -> list[int]:
    return [server.sid for server in members.servers]


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Ensemble]:
    with ensemble(tmp_path, 3, more=MORE) as one:
        yield one


def test_an_observer_comes_and_goes(running: Ensemble) -> None:
    """Also one that never runs: nobody asks it for anything."""
    with administrator(running) as client:
        changed = reconfig(client, come=OBSERVER)
        assert sids(changed) == [1, 2, 3, 100]
        assert client.get("/zookeeper/config")[0].decode() == str(changed)
        changed = reconfig(client, go="100")
        assert sids(changed) == [1, 2, 3]
        with pytest.raises(BadVersionError):
            client.reconfig(OBSERVER, None, None, from_config=changed.version + 1)


def test_what_makes_no_sense_is_refused(running: Ensemble) -> None:
    with administrator(running) as client:
        for joining, leaving in (("server.x=1", None), (None, "x"), ("nonsense", None), (None, "")):
            with pytest.raises(BadArgumentsError):
                client.reconfig(joining, leaving, None)
        with pytest.raises(BadArgumentsError):
            client.reconfig(None, "2,3", None)  # one voter is no ensemble
        with pytest.raises(NewConfigNoQuorumError):
            client.reconfig(
                "server.4=127.0.0.1:1:2,server.5=127.0.0.1:3:4", "2,3", None
            )  # who would never agree
    stranger = KazooClient(running.connect_string)
    stranger.start(timeout=PATIENCE_S)
    try:
        with pytest.raises(BadArgumentsError):
            stranger.reconfig("nonsense", None, None)
        with pytest.raises(NoAuthError):
            stranger.reconfig(OBSERVER, None, None)
    finally:
        stranger.stop()
        stranger.close()


def test_servers_take_the_place_of_others(running: Ensemble, tmp_path: Path) -> None:
    """4 comes for 1, then the leader goes; the rest starts again without those who went."""
    with administrator(running) as client:
        client.create("/kept", b"before")
        joiner, line = member(running, 4, tmp_path)
        joiner.start()
        running.wait_until_serving([4])
        assert sids(reconfig(client, come=line, go="1")) == [2, 3, 4]
        running.members.pop(1).stop()
        leader = running.wait_until_serving([2, 3, 4])
        assert leader.sid != 1
    with administrator(running) as client:
        stay = sorted({2, 3, 4} - {leader.sid})
        assert sids(reconfig(client, go=str(leader.sid))) == stay
    for one in running.members.values():
        one.stop()
    del running.members[leader.sid]
    for sid in stay:
        running.members[sid].start()
    running.wait_until_serving(stay)
    with administrator(running) as client:
        assert client.get("/kept")[0] == b"before"
        assert sids(parse_ensemble(client.get("/zookeeper/config")[0].decode())) == stay
