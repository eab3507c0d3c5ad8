"""Do a server of Apache ZooKeeper and we end with one link, whoever of us has the larger sid?"""

from __future__ import annotations

import selectors
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest

from harness.local.ports import free_ports
from target_node.protocol.election import Heard, Linked, Tell
from target_node.protocol.ensemble import Ensemble, parse_ensemble
from target_node.protocol.events import Woken
from target_node.server.events import Accepted, Connected, Data, Dial, Ended, HangUp, Port, Write
from target_node.server.gossip import Effect, ElectionLinks, Event
from target_node.wire.codes import ServerState
from target_node.wire.election import Notification

pytestmark = pytest.mark.prove

JARS = Path("/usr/share/java")
LIBRARIES = (
    *("zookeeper", "zookeeper-jute", "slf4j-api", "slf4j-nop", "metrics-core", "snappy-java"),
    *("commons-cli", "commons-io", "guava", "findbugs-annotations"),
    *("jackson-annotations", "jackson-core", "jackson-databind"),
)
APACHE = 2


class OnSockets:
    """Carries out what the links of one server want, a step at a time."""

    def __init__(self, me: int, ensemble: Ensemble) -> None:
        numbers = count(-1, -1)
        self.links = ElectionLinks(me, ensemble, lambda: next(numbers))
        self.heard: list[Notification] = []
        self.linked = 0
        self._accepted = count(1)
        self._sockets: dict[int, socket.socket] = {}
        self._selector = selectors.DefaultSelector()
        server = ensemble.server(me)
        assert server is not None
        self._door = socket.create_server((server.election.host, server.election.port))
        self._selector.register(self._door, selectors.EVENT_READ, None)

    @property
    def open(self) -> list[int]:
        return list(self._sockets)

    def close(self) -> None:
        for connection in self.open:
            self._close(connection)
        self._door.close()
        self._selector.close()

    def event(self, event: Event) -> None:
        for effect in self.links.step(time.monotonic_ns() // 1_000_000, event):
            self._carry_out(effect)

    def run_until(self, done: Callable[[], bool], patience_s: float = 20) -> None:
        end = time.monotonic() + patience_s
        while not done():
            assert time.monotonic() < end, "nothing came of it"
            for key, _ in self._selector.select(0.05):
                if key.data is None:
                    connected, (host, _) = self._door.accept()
                    connection = next(self._accepted)
                    self._open(connection, connected)
                    self.event(Accepted(connection, Port.ELECTION, host))
                elif key.data in self._sockets:
                    self._read(key.data)
            self.event(Woken())

    def _carry_out(self, effect: Effect) -> None:
        match effect:
            case Dial(connection, _, _, address):
                try:
                    connected = socket.create_connection((address.host, address.port), 5)
                except OSError:
                    self.event(Ended(connection))
                else:
                    self._open(connection, connected)
                    self.event(Connected(connection))
            case Write(connection, data) if connection in self._sockets:
                self._sockets[connection].sendall(data)
            case HangUp(connection) if connection in self._sockets:
                self._close(connection)
                self.event(Ended(connection))
            case Heard(sid, notification):
                assert sid == APACHE
                self.heard.append(notification)
            case Linked(sid):
                assert sid == APACHE
                self.linked += 1
            case _:
                pass

    def _open(self, connection: int, connected: socket.socket) -> None:
        self._sockets[connection] = connected
        self._selector.register(connected, selectors.EVENT_READ, connection)

    def _close(self, connection: int) -> None:
        closing = self._sockets.pop(connection)
        self._selector.unregister(closing)
        closing.close()

    def _read(self, connection: int) -> None:
        try:
            data = self._sockets[connection].recv(4096)
        except OSError:
            data = b""
        if data:
            self.event(Data(connection, data))
        else:
            self._close(connection)
            self.event(Ended(connection))


@pytest.fixture
def apache(tmp_path: Path) -> Iterator[Ensemble]:
    """Server 2 of 3, the others being for us to play."""
    if shutil.which("java") is None or not (JARS / "zookeeper.jar").exists():
        pytest.fail(
            "A server of Apache ZooKeeper is talked to, which is not here."
            " On Debian: apt-get install default-jdk-headless libzookeeper-java."
        )
    ports = free_ports(7)
    members = [
        f"server.{sid}=127.0.0.1:{ports[2 * sid - 2]}:{ports[2 * sid - 1]}" for sid in (1, 2, 3)
    ]
    config = tmp_path / "zoo.cfg"
    settings = [f"dataDir={tmp_path}", f"clientPort={ports[6]}", "admin.enableServer=false"]
    settings += ["tickTime=2000", "initLimit=5", "syncLimit=5", *members]
    config.write_text("\n".join(settings))
    (tmp_path / "myid").write_text(str(APACHE))
    jars = [*(JARS / f"{name}.jar" for name in LIBRARIES), *sorted(JARS.glob("netty-*.jar"))]
    main = "org.apache.zookeeper.server.quorum.QuorumPeerMain"
    command = [
        "java",
        "-XX:TieredStopAtLevel=1",
        "-cp",
        ":".join(map(str, jars)),
        main,
        str(config),
    ]
    with (tmp_path / "out").open("wb") as out:
        java = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT)
    yield parse_ensemble("\n".join(members))
    java.terminate()
    java.wait(timeout=300)


@pytest.mark.parametrize("me", [1, 3])
def test_one_link_with_a_server(me: int, apache: Ensemble) -> None:
    """It looks for a leader all the while, and answers votes of earlier rounds with its own."""
    for _ in range(3):
        ours = OnSockets(me, apache)
        try:
            converse(ours, me)
        finally:
            ours.close()


def converse(ours: OnSockets, me: int) -> None:
    for _ in range(3):
        ours.heard.clear()
        ours.event(Tell(APACHE, Notification(ServerState.LOOKING, me, 0, 0, 0)))
        ours.run_until(lambda: bool(ours.heard))
        assert ours.heard[0].state is ServerState.LOOKING
        assert ours.heard[0].leader == APACHE
    until = time.monotonic() + 1
    ours.run_until(lambda: time.monotonic() > until)
    assert len(ours.open) == 1
    assert (ours.open[0] < 0) == (me > APACHE)
    assert ours.linked <= 3, "replaced on and on"
