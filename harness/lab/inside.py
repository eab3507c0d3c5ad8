"""What does the first process of a lab do?

It builds the network, starts the hosts, and then reaps whatever ends, hands out sockets of the
lab's network to whoever asks, and ends the lab when whoever holds it has gone.

Rules of this file:
1. Everything is this process's descendant, in its namespaces: when it ends, by whatever means, the
   kernel ends and removes all of it.
2. Nobody learns that the lab is ready before every sshd of it listens.
"""

from __future__ import annotations

import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Final

from harness.hosts.ways import hand_out
from harness.lab import rootless, switch
from harness.lab.addresses import CONTROLLER, CONTROLLER_6, DEVICE, address
from harness.lab.node import becoming

READY: Final = "ready"
SOCKET: Final = "sockets"
_BRIDGE: Final = "lab0"
_PATIENCE_S: Final = 20.0
_LOOK_S: Final = 0.005
_HOLDER: Final = 0  # standard input: it ends when whoever holds the lab does


def main(folder: Path, nodes: int, lower: Path | None) -> int:
    """Be the lab in this folder, with hosts that have this file tree below what they write.

    None: one is composed, of what somebody who is not root may read.
    """
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, _leave)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(folder / SOCKET))
        listening.listen(128)
        try:
            _sh("mount", "--make-rprivate", "/")
            trees = folder / "trees"
            trees.mkdir(exist_ok=True)
            _sh("mount", "-t", "tmpfs", "-o", "mode=755,size=60%", "tmpfs", str(trees))
            shared: Sequence[str] = ()
            if lower is None:
                lower = trees / "lower"
                shared = rootless.compose(lower)
            begin = partial(_begin, folder=folder, lower=lower, shared=shared)
            hosts = {number: begin(number) for number in range(1, nodes + 1)}
            switching = _connect(hosts)
            _wait_for_all(hosts, folder)
        except (Failed, OSError) as failure:
            sys.stdout.write(f"{failure}\n")
            return 1
        sys.stdout.write(f"{READY}\n")
        sys.stdout.flush()
        _serve(listening)
        del switching  # which was to last so long
    return 0


class Failed(Exception):
    """The lab cannot be built; in a sentence."""


def _begin(
    number: int, folder: Path, lower: Path, shared: Sequence[str]
) -> subprocess.Popen[bytes]:
    command = becoming(number, folder, lower, shared)
    with (folder / f"{number}.log").open("wb") as log:
        return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=log, stderr=log)


def _connect(hosts: dict[int, subprocess.Popen[bytes]]) -> subprocess.Popen[bytes] | None:
    """Give them a network; what switches packets in it, where there can be such."""
    lines = ["link set lo up", f"link add {_BRIDGE} type bridge stp_state 0"]
    lines += [f"addr add {CONTROLLER}/24 dev {_BRIDGE}"]
    lines += [f"addr add {CONTROLLER_6}/64 dev {_BRIDGE} nodad", f"link set {_BRIDGE} up"]
    wires = switch.wires(hosts)
    ours = os.readlink("/proc/self/ns/net")
    end = time.monotonic() + _PATIENCE_S
    for number, host in hosts.items():
        while _network_of(host.pid) in (ours, ""):
            if time.monotonic() > end:
                raise Failed("a host gets no network of its own: is this root?")
            time.sleep(_LOOK_S)
        lines += [
            f"link add v{number} type veth peer name eth0 netns {host.pid}",
            f"link set v{number} master {_BRIDGE} up",
        ]
        if number in wires:
            lines += [f"link set {switch.wire(number)} netns {host.pid} name {DEVICE}"]
    _sh("ip", "-batch", "-", given="\n".join(lines) + "\n")
    switching = switch.start(wires) if wires else None
    for host in hosts.values():
        assert host.stdin is not None
        host.stdin.write(b"go\n")
        host.stdin.close()
    return switching


def _network_of(pid: int) -> str:
    with suppress(OSError):
        return os.readlink(f"/proc/{pid}/ns/net")
    return ""


def _wait_for_all(hosts: dict[int, subprocess.Popen[bytes]], folder: Path) -> None:
    end = time.monotonic() + _PATIENCE_S
    for number, host in hosts.items():
        while not _greets(address(number)):
            if host.poll() is not None or time.monotonic() > end:
                said = (folder / f"{number}.log").read_text(errors="replace").strip()
                raise Failed(f"host n{number} does not come up: {said[-300:] or 'without a word'}")
            time.sleep(_LOOK_S)


def _greets(where: str) -> bool:
    try:
        with socket.create_connection((where, 22), timeout=1) as connection:
            return connection.recv(4) == b"SSH-"
    except OSError:
        return False


def _serve(listening: socket.socket) -> None:
    """Until nobody holds the lab any more."""
    reader, writer = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
    signal.signal(signal.SIGCHLD, lambda number, frame: None)
    signal.set_wakeup_fd(writer)
    watched = [listening.fileno(), reader, _HOLDER]
    while True:
        ready, _, _ = select.select(watched, [], [])
        if reader in ready:
            os.read(reader, 4096)
            _reap()
        if listening.fileno() in ready:
            with suppress(OSError), listening.accept()[0] as asking:
                asking.settimeout(1.0)
                hand_out(asking)
        if _HOLDER in ready and not os.read(_HOLDER, 4096):
            return


def _reap() -> None:
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG) != (0, 0):
            pass


def _leave(number: int, frame: object) -> None:
    raise SystemExit(0)


def _sh(*argv: str, given: str = "") -> None:
    done = subprocess.run(argv, input=given, text=True, capture_output=True, check=False)
    if done.returncode:
        raise Failed(f"`{' '.join(argv)}` failed: {done.stderr.strip()}")


if __name__ == "__main__":
    given = [Path(one) for one in sys.argv[3:]]
    sys.exit(main(Path(sys.argv[1]), int(sys.argv[2]), given[0] if given else None))
