"""An ensemble of Apache's servers and ours: the same configuration and directories for both."""

from __future__ import annotations

import shutil
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, NamedTuple

import pytest
from kazoo.client import KazooClient
from kazoo.exceptions import ConnectionLoss, NoNodeError, SessionExpiredError
from kazoo.security import make_acl, make_digest_acl

from tests.target_node.ensemble import PATIENCE_S, Ensemble, Member, ask

JARS: Final = Path("/usr/share/java")
LIBRARIES: Final = (
    *("zookeeper", "zookeeper-jute", "slf4j-api", "slf4j-simple", "metrics-core", "snappy-java"),
    *("commons-cli", "commons-io", "guava", "findbugs-annotations"),
    *("jackson-annotations", "jackson-core", "jackson-databind"),
)
OURS: Final = "o"
APACHES: Final = "a"
SNAPSHOTS_OFTEN: Final = "snapCount=100\nautopurge.purgeInterval=1\n"
READABLE: Final = make_acl("world", "anyone", read=True)
MORE: Final = "admin.enableServer=false\nmaxSessionTimeout=60000\n"  # ours needs to be told neither


def apache_command(config: Path, *flags: str) -> tuple[str, ...]:
    """What starts a server of Apache ZooKeeper in the foreground."""
    if shutil.which("java") is None or not (JARS / "zookeeper.jar").exists():
        raise AssertionError(
            "A server of Apache ZooKeeper is to be run, which is not here."
            " On Debian: apt-get install default-jdk-headless libzookeeper-java."
        )
    jars = [*(JARS / f"{name}.jar" for name in LIBRARIES), *sorted(JARS.glob("netty-*.jar"))]
    return (
        *("java", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xshare:auto", "-Xmx128m"),
        *flags,
        *("-cp", ":".join(map(str, jars))),
        *("org.apache.zookeeper.server.quorum.QuorumPeerMain", str(config)),
    )


class Node(NamedTuple):
    """All that a client can see of a znode."""

    data: bytes
    stat: tuple[int, ...]
    acl: tuple[object, ...]


class Mixed(Ensemble):
    """`kinds` has a letter for each server, by sid."""

    def __init__(
        self, directory: Path, kinds: str, *, observers: Sequence[int] = (), more: str = ""
    ) -> None:
        super().__init__(directory, len(kinds), observers=observers, more=MORE + more)
        self._ours = {sid: one.command for sid, one in self.members.items()}
        for sid, kind in enumerate(kinds, 1):
            self.become(sid, kind)
        self._clients: list[KazooClient] = []
        self._turned: dict[int, int] = {}

    def become(self, sid: int, kind: str) -> None:
        """From its next start on, in the directory that it has."""
        one = self.members[sid]
        config = one.directory / "zoo.cfg"
        one.command = self._ours[sid] if kind == OURS else apache_command(config)

    def is_ours(self, sid: int) -> bool:
        return self.members[sid].command == self._ours[sid]

    def start_in_order(self, *sids: int) -> Member:
        """The first is up before the others, so that its vote counts; then wait for all."""
        for place, sid in enumerate(sids):
            self.members[sid].start()
            if place == 0:
                wait_until(lambda: ask(self.members[sids[0]].client_port, "ruok") == "imok")
        return self.wait_until_serving(sids)

    def led_by(self, sid: int) -> None:
        """Of equal histories the greatest sid's is elected; on a busy machine that may be lost."""
        while (leader := self.leader()) is not self.members[sid]:
            assert leader is not None, "all serve"
            leader.stop()
            self.wait_until_serving([n for n, one in self.members.items() if one is not leader])
            leader.start()
            self.wait_until_serving()

    def noted(self, sid: int, what: str) -> list[str]:
        """Lines of one of ours in which this stands, behind the last `turn_over`."""
        lines = self.members[sid].log[self._turned.get(sid, 0) :].splitlines()
        return [line for line in lines if what in line]

    def turn_over(self) -> None:
        """What was noted so far is of no more interest."""
        self._turned = {sid: len(one.log) for sid, one in self.members.items()}

    # Clients.

    def client(
        self, *sids: int, timeout_s: float = 10.0, session: tuple[int, bytes] | None = None
    ) -> KazooClient:
        """Connected to one of these."""
        hosts = ",".join(f"127.0.0.1:{self.members[sid].client_port}" for sid in sids)
        client = KazooClient(hosts, timeout=timeout_s, client_id=session, randomize_hosts=False)
        self._clients.append(client)
        client.start(timeout=PATIENCE_S)
        return client

    def tree(self, sid: int) -> dict[str, Node]:
        """Everything, as this server shows it after a sync."""
        client = self.client(sid)
        nodes: dict[str, Node] = {}
        paths = ["/"]
        client.sync("/")
        while paths:
            path = paths.pop()
            with suppress(NoNodeError):  # gone since its parent was asked
                data, stat = client.get(path)
                acl, _ = client.get_acls(path)
                # When a server read its membership is its own business, and no txn's.
                shown = () if path == "/zookeeper/config" else tuple(stat)
                nodes[path] = Node(data, shown, tuple(acl))
                paths += [f"{path.rstrip('/')}/{name}" for name in client.get_children(path)]
        self.leave(client)
        return nodes

    def leave(self, client: KazooClient) -> None:
        """Its session ends."""
        self._clients.remove(client)
        client.stop()
        client.close()

    def drop(self, client: KazooClient) -> None:
        """Its connection ends, its session does not."""
        self._clients.remove(client)
        abandon(client)

    def assert_equal_trees(self, *sids: int) -> None:
        """Through each server; among ours the digests too, and Apache's find nothing amiss."""
        for sid, one in self.members.items():
            assert "Digests are not matching" not in one.log, f"server {sid} disagrees"
        wanted = sids or tuple(self.members)
        first, *others = [self.tree(sid) for sid in wanted]
        for sid, other in zip(wanted[1:], others, strict=True):
            differ = {
                path: (first.get(path), other.get(path))
                for path in first | other
                if first.get(path) != other.get(path)
            }
            assert not differ, f"servers {wanted[0]} and {sid} show different trees: {differ}"
        wait_until(lambda: len({self._hash(sid) for sid in wanted if self.is_ours(sid)}) <= 1)

    def _hash(self, sid: int) -> str:
        zxid, _, digest = ask(self.members[sid].client_port, "hash").split()
        return f"{zxid} {digest}"

    def stop(self) -> None:
        for client in list(self._clients):
            self.drop(client)
        super().stop()


def abandon(client: KazooClient) -> None:
    """As if its process had been killed: nothing is said to the server."""
    client._stopped.set()
    with suppress(OSError, AttributeError):  # it may be without a connection just now
        client._connection._socket.shutdown(socket.SHUT_RDWR)
    client._safe_close()
    client.close()


@contextmanager
def mixed(
    directory: Path, kinds: str, *order: int, observers: Sequence[int] = (), more: str = ""
) -> Iterator[Mixed]:
    """Started in this order, and serving; whatever happens, nothing of it is left behind."""
    one = Mixed(directory, kinds, observers=observers, more=more)
    try:
        one.start_in_order(*order)
        yield one
    except BaseException as failure:
        failure.add_note(one.logs())
        raise
    finally:
        one.stop()


def wait_until(what: Callable[[], bool]) -> None:
    """Until it is so; a test that waits too long has failed."""
    deadline = time.monotonic() + PATIENCE_S
    while not what():
        assert time.monotonic() < deadline, "it has not come to that"
        time.sleep(0.02)


def both(*everyday: str) -> list[object]:
    """All ways to share three servers; the leader is the last."""
    kinds = ("ooa", "aao", "oaa", "aoo")
    return [one if one in everyday else pytest.param(one, marks=pytest.mark.prove) for one in kinds]


def persist(client: KazooClient, data: bytes, path: str = "/counts") -> None:
    """Until it is written: connections break while a leader is looked for."""
    while True:
        try:
            client.retry(client.set, path, data)
            return
        except (ConnectionLoss, SessionExpiredError):
            continue


def fill(client: KazooClient, path: str, count: int) -> None:
    """So many txns, for a node."""
    client.create(path)
    for one in [client.set_async(path, b"x" * 100) for _ in range(count)]:
        one.get()


def grow(client: KazooClient) -> None:
    """One of each kind of node, below the size at which it would be too long a file."""
    client.create("/owned", ephemeral=True)
    client.add_auth("digest", "user:secret")
    client.create("/guarded", acl=[make_digest_acl("user", "secret", all=True), READABLE])
    client.create("/large", b"x" * 100_000)
    client.create("/numbers")
    client.create("/numbers/n-", sequence=True)
    client.delete("/numbers/n-0000000000")
    client.create("/a/b/c/d", makepath=True)
