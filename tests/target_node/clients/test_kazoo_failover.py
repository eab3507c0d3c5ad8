"""What does a client notice when servers die under it, and the others when it dies itself?"""

from __future__ import annotations

import itertools
import signal
import threading
from collections.abc import Iterator
from contextlib import suppress

import pytest
from kazoo.client import KazooClient
from kazoo.exceptions import NodeExistsError
from kazoo.protocol.states import EventType, KazooState, WatchedEvent

from target_node.wire.codes import CreateMode
from target_node.wire.data import OPEN_ACL_UNSAFE
from target_node.wire.requests import CreateRequest
from tests.target_node.clients.kazoo_clients import (
    LONG_SESSIONS,
    Clients,
    Crowd,
    Room,
    eventually,
    kazoo_clients,
)
from tests.target_node.clients.session import Session
from tests.target_node.ensemble import PATIENCE_S, Ensemble, Member, ensemble


@pytest.fixture(scope="module")
def _servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ensemble]:
    with ensemble(tmp_path_factory.mktemp("servers"), 3, more=LONG_SESSIONS) as one:
        yield one


@pytest.fixture
def servers(_servers: Ensemble) -> Ensemble:
    """All of them, whatever the test before has done."""
    for member in _servers.members.values():
        if member.process is None or member.process.poll() is not None:
            member.start()
    _servers.wait_until_serving()
    return _servers


_numbers = itertools.count()


@pytest.fixture
def clients(servers: Ensemble) -> Iterator[Clients]:
    with kazoo_clients(servers, f"/test-{next(_numbers)}") as some:
        yield some


def followers(servers: Ensemble) -> list[Member]:
    return [one for one in servers.members.values() if one.mode == "follower"]


class Fate:
    """What a client has been told of its session."""

    def __init__(self, client: KazooClient) -> None:
        self.states: list[KazooState] = []
        self.back = threading.Event()
        client.add_listener(self._listen)

    def _listen(self, state: KazooState) -> None:
        self.states.append(state)
        if state == KazooState.CONNECTED:
            self.back.set()


@pytest.mark.parametrize("whose", ["follower", "leader"])
def test_a_session_outlives_its_server(clients: Clients, whose: str) -> None:
    servers = clients.ensemble
    leader = servers.wait_until_serving()
    first, second = followers(servers)
    victim, other = (leader, first) if whose == "leader" else (first, second)
    client, witness = clients.beginning_at(victim.sid), clients.beginning_at(other.sid)
    session = client.client_id
    client.create("/mine", b"x", ephemeral=True)
    client.create("/written", b"before")
    gone: list[WatchedEvent] = []
    witness.sync("/")
    assert witness.exists("/mine", watch=gone.append)
    fate = Fate(client)
    victim.stop()
    assert fate.back.wait(PATIENCE_S)
    assert client.client_id == session
    client.retry(client.set, "/written", b"after")
    assert client.retry(client.exists, "/mine").ephemeralOwner == session[0]
    assert KazooState.LOST not in fate.states
    witness.retry(witness.sync, "/")
    assert witness.retry(witness.get, "/written")[0] == b"after"
    assert witness.retry(witness.exists, "/mine") is not None
    assert [event for event in gone if event.type == EventType.DELETED] == []
    client.stop()
    witness.retry(witness.sync, "/")
    assert witness.retry(witness.exists, "/mine") is None


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM], ids=["kill", "term"])
def test_a_lock_is_held_by_one_though_the_leader_dies(
    clients: Clients, how: signal.Signals
) -> None:
    servers = clients.ensemble
    leader = servers.wait_until_serving()
    room, halfway = Room(), threading.Event()

    def go_in(client: KazooClient) -> None:
        lock = client.Lock("/lock")
        for _ in range(6):
            with lock, room:
                if room.visits >= 6:
                    halfway.set()

    contenders = [clients.beginning_at(sid) for sid in (1, 2, 3)]
    crowd = Crowd(*[lambda one=one: go_in(one) for one in contenders])
    assert halfway.wait(PATIENCE_S)
    leader.stop(how)
    crowd.done()
    assert (room.visits, room.most) == (18, 1)
    assert servers.leader() not in (None, leader)


def test_nothing_acknowledged_is_lost_with_the_leader(clients: Clients) -> None:
    servers = clients.ensemble
    leader = servers.wait_until_serving()
    client = clients.beginning_at(followers(servers)[0].sid)
    client.create("/all")
    made: list[str] = []

    def make(number: int) -> None:
        with suppress(NodeExistsError):  # it was made, and only the answer was lost
            client.retry(client.create, f"/all/{number}")
        made.append(f"{number}")
        if number == 20:
            leader.stop()

    for number in range(60):
        make(number)
    for one in servers.members.values():
        if one is not leader:
            reader = clients.at(one.sid)
            reader.sync("/")
            assert sorted(reader.get_children("/all")) == sorted(made)
    leader.start()
    servers.wait_until_serving()
    reader = clients.at(leader.sid)
    reader.sync("/")
    assert sorted(reader.get_children("/all")) == sorted(made)


def test_a_session_ends_with_its_silence(clients: Clients) -> None:
    servers = clients.ensemble
    witness, root = clients.at(1), clients.root
    events: list[WatchedEvent] = []
    fired = threading.Event()

    def watch(event: WatchedEvent) -> None:
        events.append(event)
        fired.set()

    with Session(followers(servers)[0].client_port, timeout_ms=400) as silent:
        ephemeral = CreateRequest(f"{root}/its", b"", OPEN_ACL_UNSAFE, CreateMode.EPHEMERAL)
        silent.ask(ephemeral)
        witness.sync("/")
        assert witness.exists("/its", watch=watch)
        assert fired.wait(PATIENCE_S)
        assert [event.type for event in events] == [EventType.DELETED]
        assert silent.is_cut
        for member in servers.members.values():
            with Session(member.client_port, silent) as back:
                assert back.welcome.timeout_ms == 0
    assert witness.exists("/its") is None


def test_a_client_learns_that_its_session_was_closed(clients: Clients) -> None:
    client = clients.beginning_at(1)
    client.create("/mine", ephemeral=True)
    fate = Fate(client)
    twin = clients.beginning_at(2, client_id=client.client_id)
    assert twin.client_id[0] == client.client_id[0]
    old = client.client_id[0]
    twin.stop()
    eventually(lambda: KazooState.LOST in fate.states)
    eventually(lambda: client.state == KazooState.CONNECTED)
    assert client.client_id[0] != old
    client.retry(client.sync, "/")
    assert client.exists("/mine") is None


def test_all_die_and_come_back(clients: Clients) -> None:
    servers = clients.ensemble
    client = clients.beginning_at(1)
    client.create("/kept", b"x")
    client.create("/mine", ephemeral=True)
    fate, session = Fate(client), client.client_id
    servers.stop()
    eventually(lambda: KazooState.SUSPENDED in fate.states)
    servers.start()
    servers.wait_until_serving()
    assert fate.back.wait(PATIENCE_S)
    assert client.retry(client.get, "/kept")[0] == b"x"
    assert client.client_id == session  # a session is as durable as data
    assert client.retry(client.exists, "/mine").ephemeralOwner == session[0]
