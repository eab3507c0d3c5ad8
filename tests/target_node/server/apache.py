"""Servers of Apache ZooKeeper, to hear how they answer."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

JARS = Path("/usr/share/java")
PATIENCE_S = 180


@contextmanager
def apache(folder: Path, config: str, *, sid: int = 0, read_only: bool = False) -> Iterator[None]:
    """A server that runs until the end of the block."""
    if shutil.which("java") is None or not (JARS / "zookeeper.jar").exists():
        raise AssertionError(
            "A server of Apache ZooKeeper is talked to, which is not here."
            " On Debian: apt-get install default-jdk-headless libzookeeper-java."
        )
    folder.mkdir()
    (folder / "myid").write_text(f"{sid}\n")
    (folder / "zoo.cfg").write_text(
        f"dataDir={folder}\nadmin.enableServer=false\n4lw.commands.whitelist=*\n{config}\n"
    )
    names = ["zookeeper", "zookeeper-jute", "slf4j-api", "slf4j-nop"]
    names += ["metrics-core", "snappy-java", "commons-cli", "commons-io", "guava"]
    names += ["findbugs-annotations", "jackson-annotations", "jackson-core", "jackson-databind"]
    jars = [JARS / f"{name}.jar" for name in names] + sorted(JARS.glob("netty-*.jar"))
    command = [
        *("java", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xmx128m"),
        f"-Dreadonlymode.enabled={str(read_only).lower()}",
        *("-cp", ":".join(map(str, jars))),
        *("org.apache.zookeeper.server.quorum.QuorumPeerMain", str(folder / "zoo.cfg")),
    ]
    with (folder / "out").open("wb") as out:
        java = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT)
    try:
        yield
    finally:
        java.terminate()
        java.wait(timeout=300)


def ask(port: int, word: str) -> str:
    """All that the server says to this."""
    answer = b""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(word.encode())
        while data := connection.recv(65536):
            answer += data
    return answer.decode()


def wait_for(what: Callable[[], bool]) -> None:
    """Until it is so, even of a server that is not there yet."""
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        try:
            if what():
                return
        except OSError:
            pass
        time.sleep(0.1)
    raise AssertionError("it has not come to that")
