"""An ensemble of real processes on this machine, for as long as a test needs it."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from harness.local.ports import free_ports

ROOT = Path(__file__).parents[2]
PATIENCE_S = 180.0  # a test that waits longer has failed


def ask(port: int, word: str, timeout_s: float = 2.0) -> str:
    """The answer to a four-letter word, empty if there is none."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=timeout_s) as link:
            link.sendall(word.encode())
            answer = b""
            while data := link.recv(65536):
                answer += data
            return answer.decode()
    except OSError:
        return ""


class Member:
    """One server, up or down."""

    def __init__(self, sid: int, directory: Path, ports: Sequence[int]) -> None:
        self.sid = sid
        self.directory = directory
        self.client_port, self.quorum_port, self.election_port = ports
        self.process: subprocess.Popen[bytes] | None = None
        self.command: Sequence[str] = ()

    @property
    def log(self) -> str:
        path = self.directory / "log"
        return path.read_text(errors="replace") if path.exists() else ""

    def start(self) -> None:
        assert self.process is None or self.process.poll() is not None, "it is up"
        with (self.directory / "log").open("ab") as log:
            self.process = subprocess.Popen(
                self.command, stdout=log, stderr=log, cwd=ROOT, stdin=subprocess.DEVNULL
            )

    def stop(self, how: signal.Signals = signal.SIGKILL) -> None:
        if self.process is not None and self.process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                self.process.send_signal(how)
            if how in (signal.SIGKILL, signal.SIGTERM):
                self.process.wait(PATIENCE_S)

    def signal(self, how: signal.Signals) -> None:
        assert self.process is not None
        os.kill(self.process.pid, how)

    @property
    def mode(self) -> str:
        """As `srvr` says, empty if it serves nobody."""
        for line in ask(self.client_port, "srvr").splitlines():
            if line.startswith("Mode: "):
                return line.removeprefix("Mode: ")
        return ""


class Ensemble:
    """Its members by sid."""

    def __init__(
        self, directory: Path, size: int, *, observers: Sequence[int] = (), more: str = ""
    ) -> None:
        ports = free_ports(3 * size)
        self.members = {
            sid: Member(sid, directory / f"n{sid}", ports[3 * sid - 3 : 3 * sid])
            for sid in range(1, size + 1)
        }
        servers = ""
        if size > 1:
            for sid, one in self.members.items():
                role = ":observer" if sid in observers else ""
                servers += (
                    f"server.{sid}=127.0.0.1:{one.quorum_port}:{one.election_port}{role};"
                    f"127.0.0.1:{one.client_port}\n"
                )
        for sid, one in self.members.items():
            data = one.directory / "data"
            data.mkdir(parents=True)
            (data / "myid").write_text(f"{sid}\n")
            config = one.directory / "zoo.cfg"
            config.write_text(
                f"tickTime=200\ninitLimit=25\nsyncLimit=10\ndataDir={data}\n"
                f"clientPort={one.client_port}\nclientPortAddress=127.0.0.1\n"
                f"maxClientCnxns=0\n4lw.commands.whitelist=*\n{servers}{more}"
            )
            one.command = (
                *(sys.executable, "-m", "target_node", str(config)),
                *("--events", str(one.directory / "events.jsonl")),
            )

    @property
    def connect_string(self) -> str:
        return ",".join(f"127.0.0.1:{one.client_port}" for one in self.members.values())

    def start(self) -> None:
        for one in self.members.values():
            one.start()

    def leader(self) -> Member | None:
        return next(
            (one for one in self.members.values() if one.mode in ("leader", "standalone")), None
        )

    def wait_until_serving(self, sids: Sequence[int] = ()) -> Member:
        """All of these are in a role, and one of them leads."""
        wanted = [self.members[sid] for sid in sids or self.members]
        deadline = time.monotonic() + PATIENCE_S
        modes: list[str] = []
        while time.monotonic() < deadline:
            modes = [one.mode for one in wanted]
            if all(modes) and (leader := self.leader()) is not None:
                return leader
            time.sleep(0.05)
        raise AssertionError(f"no leader, modes {modes}\n{self.logs()}")

    def logs(self) -> str:
        return "\n".join(f"--- n{sid}\n{one.log[-3000:]}" for sid, one in self.members.items())

    def stop(self) -> None:
        for one in self.members.values():
            one.stop()


@contextmanager
def ensemble(
    directory: Path, size: int, *, observers: Sequence[int] = (), more: str = ""
) -> Iterator[Ensemble]:
    """Up and serving; whatever happens, nothing of it is left behind."""
    one = Ensemble(directory, size, observers=observers, more=more)
    try:
        one.start()
        one.wait_until_serving()
        yield one
    finally:
        one.stop()
