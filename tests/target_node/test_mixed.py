"""Do our servers and Apache's make one ensemble for its clients, whoever leads?"""

from __future__ import annotations

from itertools import permutations
from pathlib import Path
from threading import Event

import pytest
from kazoo.client import KazooClient
from kazoo.exceptions import (
    BadVersionError,
    NodeExistsError,
    NotEmptyError,
    RolledBackError,
    RuntimeInconsistency,
)
from kazoo.security import make_digest_acl

from tests.target_node.mixed import READABLE, Mixed, both, fill, mixed, persist, wait_until

prove = pytest.mark.prove
TIMEOUT_S = 1.0  # of sessions that are to expire


@pytest.mark.parametrize("kinds", both("ooa"))
def test_clients_of_one_ensemble(tmp_path: Path, kinds: str) -> None:
    with mixed(tmp_path, kinds, 3, 2, 1) as e:
        e.led_by(3)
        clients = {sid: e.client(sid) for sid in e.members}
        for ask in (writes, refusals, multis, sequences, watches, permissions):
            clients[1].create(f"/{ask.__name__}")
            ask(f"/{ask.__name__}", clients)
        sessions_move(e)
        sessions_expire(e, clients[1])
        e.assert_equal_trees()


@pytest.mark.parametrize(
    "kinds", ["oooa", *(pytest.param(one, marks=prove) for one in ("aaao", "ooao", "aaoa"))]
)
def test_observers(tmp_path: Path, kinds: str) -> None:
    """The fourth observes the third, and clients ask it whatever they like."""
    with mixed(tmp_path, kinds, 3, 2, 1, 4, observers=(4,)) as e:
        assert e.members[4].mode == "observer"
        clients = {sid: e.client(sid) for sid in (2, 4)}
        for ask in (writes, refusals, multis, sequences, watches, permissions):
            clients[4].create(f"/{ask.__name__}")
            ask(f"/{ask.__name__}", clients)
        e.members[4].stop()
        fill(clients[2], "/without", 20)
        e.members[4].start()
        e.wait_until_serving()
        e.assert_equal_trees()
        e.members[3].stop()
        e.wait_until_serving((1, 2, 4))
        persist(e.client(4), b"under another leader", "/without")
        e.assert_equal_trees(1, 2, 4)


def writes(home: str, clients: dict[int, KazooClient]) -> None:
    for sid, client in clients.items():
        client.create(f"{home}/{sid}", b"first")
        client.create(f"{home}/{sid}/deep", b"x" * 900_000)
        for version in range(3):
            assert client.set(f"{home}/{sid}", b"%d" % version, version).version == version + 1
        client.create(f"{home}/{sid}/gone")
        client.delete(f"{home}/{sid}/gone")
    for client in clients.values():
        client.sync(home)
        for sid in clients:
            assert client.get(f"{home}/{sid}")[0] == b"2"
            assert client.get(f"{home}/{sid}/deep")[1].dataLength == 900_000
            assert client.get_children(f"{home}/{sid}") == ["deep"]


def refusals(home: str, clients: dict[int, KazooClient]) -> None:
    next(iter(clients.values())).create(f"{home}/full/child", makepath=True)
    for client in clients.values():
        client.sync(home)
        with pytest.raises(NodeExistsError):
            client.create(f"{home}/full")
        with pytest.raises(BadVersionError):
            client.set(f"{home}/full", b"", 7)
        with pytest.raises(NotEmptyError):
            client.delete(f"{home}/full")


def multis(home: str, clients: dict[int, KazooClient]) -> None:
    for sid, client in clients.items():
        whole = client.transaction()
        whole.create(f"{home}/{sid}", b"1")
        whole.create(f"{home}/{sid}/child")
        whole.set_data(f"{home}/{sid}", b"2")
        whole.check(f"{home}/{sid}", 1)
        whole.delete(f"{home}/{sid}/child")
        results = whole.commit()
        assert results[:2] == [f"{home}/{sid}", f"{home}/{sid}/child"]
        assert results[2].version == 1
        broken = client.transaction()
        broken.set_data(f"{home}/{sid}", b"3")
        broken.check(f"{home}/{sid}", 9)
        broken.create(f"{home}/{sid}/never")
        first, second, third = broken.commit()
        assert isinstance(first, RolledBackError)
        assert isinstance(second, BadVersionError)
        assert isinstance(third, RuntimeInconsistency)
        assert client.get(f"{home}/{sid}")[0] == b"2"


def sequences(home: str, clients: dict[int, KazooClient]) -> None:
    """Each server gives out numbers of its own turn, and none twice."""
    asked = [
        client.create_async(f"{home}/n-", sequence=True)
        for _ in range(20)
        for client in clients.values()
    ]
    names = sorted(one.get() for one in asked)
    assert names == [f"{home}/n-{number:010}" for number in range(len(asked))]


def watches(home: str, clients: dict[int, KazooClient]) -> None:
    """Set at one server, fired by a client of another."""
    for watcher, writer in permutations(clients, 2):
        path = f"{home}/{watcher}-{writer}"
        rang: list[str] = []
        last = Event()

        def ring(event: object, rang: list[str] = rang, last: Event = last) -> None:
            rang.append(event.type)  # type: ignore[attr-defined]
            if event.type == "DELETED":  # type: ignore[attr-defined]
                last.set()

        assert clients[watcher].exists(path, watch=ring) is None
        clients[writer].create(path)
        wait_until(lambda rang=rang: rang == ["CREATED"])  # type: ignore[misc]
        clients[watcher].get(path, watch=ring)
        clients[writer].set(path, b"changed")
        wait_until(lambda rang=rang: rang[1:] == ["CHANGED"])  # type: ignore[misc]
        clients[watcher].get_children(path, watch=ring)
        clients[writer].create(f"{path}/child")
        wait_until(lambda rang=rang: rang[2:] == ["CHILD"])  # type: ignore[misc]
        clients[writer].delete(f"{path}/child")
        clients[watcher].sync(path)
        clients[watcher].get(path, watch=ring)
        clients[writer].delete(path)
        assert last.wait(20)


def permissions(home: str, clients: dict[int, KazooClient]) -> None:
    """Who a client has shown to be is known to the leader too."""
    for sid, client in clients.items():
        client.add_auth("digest", f"user{sid}:secret")
        mine = make_digest_acl(f"user{sid}", "secret", all=True)
        client.create(f"{home}/{sid}", b"mine", acl=[mine])
        client.set(f"{home}/{sid}", b"still mine")
        client.set_acls(f"{home}/{sid}", [mine, READABLE])


def sessions_move(e: Mixed) -> None:
    """To every other server and back, with what they own."""
    client = e.client(1)
    client.create("/moves", b"", ephemeral=True)
    owner = client.client_id[0]
    for sid in (2, 3, 1, 3, 2, 1):
        session = client.client_id
        e.drop(client)
        client = e.client(sid, session=session)
        assert client.client_id[0] == owner, f"server {sid} has given it another session"
        client.sync("/")
        assert client.get("/moves")[1].ephemeralOwner == owner
        client.set("/moves", b"%d" % sid)
    e.leave(client)


def sessions_expire(e: Mixed, witness: KazooClient) -> None:
    """Wherever they were, and for everybody; those that are quiet but alive do not."""
    lost = {}
    for sid in e.members:
        quiet = e.client(sid, timeout_s=TIMEOUT_S)
        quiet.create(f"/alive-{sid}", ephemeral=True)
        dies = e.client(sid, timeout_s=TIMEOUT_S)
        dies.create(f"/dies-{sid}", ephemeral=True)
        lost[sid] = dies.client_id
        e.drop(dies)
    for sid, session in lost.items():
        wait_until(lambda sid=sid: witness.exists(f"/dies-{sid}") is None)  # type: ignore[misc]
        assert witness.exists(f"/alive-{sid}") is not None
        late = e.client(sid % 3 + 1, session=session)
        assert late.client_id[0] != session[0], "an expired session is alive"
