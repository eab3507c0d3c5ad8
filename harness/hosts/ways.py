"""How does a TCP connection to a host come about?

Directly; through a command, as OpenSSH's ProxyCommand and ProxyJump do it; or with a socket that
somebody inside another network hands out. All of them give a real socket, so that SSH and the
clients of a service go the same way.
"""

from __future__ import annotations

import array
import re
import socket
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, Protocol

from harness.hosts.reaping import reap_later


class Way(Protocol):
    """One of them."""

    def open(self, address: str, port: int, timeout_s: float) -> socket.socket:
        """A connected socket, or an `OSError`."""


@dataclass(frozen=True, slots=True)
class Direct:
    """As anybody would."""

    def open(self, address: str, port: int, timeout_s: float) -> socket.socket:
        return _without_delay(socket.create_connection((address, port), timeout_s))


@dataclass(frozen=True, slots=True)
class ByCommand:
    """This command's standard input and output are the connection.

    The words %h and %p in it are the host and the port. One that `gives_socket` connects, hands
    the socket over its standard output, and ends.
    """

    argv: tuple[str, ...]
    gives_socket: bool = False

    def open(self, address: str, port: int, timeout_s: float) -> socket.socket:
        argv = [_filled(one, {"h": address, "p": str(port), "%": "%"}) for one in self.argv]
        ours, theirs = socket.socketpair()
        with theirs:
            try:
                child = subprocess.Popen(
                    argv, stdin=theirs.fileno(), stdout=theirs.fileno(), stderr=subprocess.DEVNULL
                )
            except BaseException:
                ours.close()
                raise
        # It ends when our end of the connection is closed.
        reap_later(child)
        ours.settimeout(timeout_s)
        if not self.gives_socket:
            return ours
        with ours:
            given = take_socket(ours)
        given.settimeout(timeout_s)
        return _without_delay(given)


def _filled(word: str, values: Mapping[str, str]) -> str:
    return re.sub("%(.)", lambda found: values.get(found[1], found[0]), word)


@dataclass(frozen=True, slots=True)
class BySocket:
    """Whoever listens at this path hands out sockets of the network that it lives in."""

    path: str

    def open(self, address: str, port: int, timeout_s: float) -> socket.socket:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as asking:
            asking.settimeout(timeout_s)
            asking.connect(self.path)
            asking.sendall(bytes([family]))
            given = take_socket(asking)
        try:
            given.settimeout(timeout_s)
            given.connect((address, port))
        except BaseException:
            given.close()
            raise
        return _without_delay(given)


def hand_out(asking: socket.socket, families: Sequence[int] = (2, 10)) -> None:
    """Give whoever asks here a fresh socket of our network."""
    family = asking.recv(1)
    if family and family[0] in families:
        with socket.socket(family[0], socket.SOCK_STREAM) as fresh:
            fds = array.array("i", [fresh.fileno()])
            asking.sendmsg([b"+"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, fds)])


_FD_BYTES: Final = array.array("i").itemsize


def take_socket(asking: socket.socket) -> socket.socket:
    """The socket that is handed out here."""
    _, more, _, _ = asking.recvmsg(1, socket.CMSG_SPACE(_FD_BYTES))
    for level, kind, data in more:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            return socket.socket(fileno=array.array("i", data[:_FD_BYTES])[0])
    raise ConnectionError("no socket was handed out")


def _without_delay(connected: socket.socket) -> socket.socket:
    """Nagle's algorithm makes a small command wait 40 ms for an acknowledgement."""
    with suppress(OSError):
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connected
