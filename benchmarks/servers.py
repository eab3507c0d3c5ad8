"""Where do three servers come from, ours or Apache's, configured alike?"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from harness.local.ports import free_ports

HOME: Final = Path(__file__).resolve().parent.parent
JARS: Final = Path("/usr/share/java")
LIBRARIES: Final = (
    *("zookeeper", "zookeeper-jute", "slf4j-api", "slf4j-simple", "metrics-core", "snappy-java"),
    *("commons-cli", "commons-io", "guava", "findbugs-annotations"),
    *("jackson-annotations", "jackson-core", "jackson-databind"),
)
KINDS: Final = ("ours", "apache")
SIZE: Final = 3
PATIENCE_S: Final = 60.0
_TICKS: Final = os.sysconf("SC_CLK_TCK")


class Unusable(Exception):
    """The servers cannot be measured; the message says why."""


def _ours(config: Path) -> Sequence[str]:
    return (sys.executable, "-m", "target_node", str(config))


def _apaches(config: Path) -> Sequence[str]:
    """As its own script would: the machine's default collector, all compilers, 1000 MB of heap."""
    if shutil.which("java") is None or not (JARS / "zookeeper.jar").exists():
        raise Unusable("no ZooKeeper: apt-get install default-jdk-headless libzookeeper-java")
    jars = [*(JARS / f"{name}.jar" for name in LIBRARIES), *sorted(JARS.glob("netty-*.jar"))]
    return (
        *("java", "-Xmx1000m", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"),
        *("-cp", ":".join(map(str, jars))),
        *("org.apache.zookeeper.server.quorum.QuorumPeerMain", str(config)),
    )


class Servers:
    """Three of one kind; the data lie below `directory`, so its file system is measured too."""

    def __init__(self, kind: str, directory: Path, launcher: Sequence[str] = ()) -> None:
        """`launcher` comes before our command, for example a profiler."""
        self.kind = kind
        ports = free_ports(3 * SIZE)
        self.ports = ports[:SIZE]
        members = "".join(
            f"server.{sid}=127.0.0.1:{quorum}:{election}\n"
            for sid, (quorum, election) in enumerate(
                zip(ports[SIZE : 2 * SIZE], ports[2 * SIZE :], strict=True), 1
            )
        )
        self._processes: list[subprocess.Popen[bytes]] = []
        for sid, port in enumerate(self.ports, 1):
            home = directory / f"{kind}{sid}"
            (home / "data").mkdir(parents=True)
            (home / "data" / "myid").write_text(f"{sid}\n")
            config = home / "zoo.cfg"
            config.write_text(
                f"tickTime=2000\ninitLimit=10\nsyncLimit=5\ndataDir={home / 'data'}\n"
                f"clientPort={port}\nclientPortAddress=127.0.0.1\nmaxClientCnxns=0\n"
                f"4lw.commands.whitelist=srvr\nadmin.enableServer=false\n{members}"
            )
            command = _ours(config) if kind == "ours" else _apaches(config)
            with (home / "log").open("wb") as log:
                self._processes.append(
                    subprocess.Popen(
                        [*launcher, *command] if kind == "ours" else command,
                        stdout=log,
                        stderr=log,
                        stdin=subprocess.DEVNULL,
                        cwd=HOME,
                    )
                )

    def wait_until_serving(self) -> None:
        """All three."""
        end = time.monotonic() + PATIENCE_S
        while not all(_mode(port) for port in self.ports):
            if time.monotonic() > end:
                raise Unusable(f"{self.kind}: no three servers after {PATIENCE_S:g} s")
            time.sleep(0.1)

    @property
    def modes(self) -> list[str]:
        """In the order of the ports."""
        return [_mode(port) for port in self.ports]

    @property
    def pids(self) -> list[int]:
        """In the order of the ports."""
        return [one.pid for one in self._processes]

    def cpu_s(self) -> list[float]:
        """What each has used so far."""
        return [_cpu_s(one.pid) for one in self._processes]

    def stop(self) -> None:
        """All."""
        for one in self._processes:
            one.terminate()
        for one in self._processes:
            one.wait(PATIENCE_S)


def _mode(port: int) -> str:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=2) as link:
            link.sendall(b"srvr")
            answer = b""
            while data := link.recv(65536):
                answer += data
    except OSError:
        return ""
    return answer.decode().partition("Mode: ")[2].partition("\n")[0]


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS
