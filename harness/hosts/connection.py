"""Who keeps the one SSH connection to a host, and the few channels on it?

Rules of this file:
1. A connection is made when it is needed, and made again when it broke. Making one is repeated:
   nothing has been run yet.
2. The channels are so few that no sshd refuses one (its own limit is ten).
3. A command that is late is killed on the host, through another channel; if that cannot be done
   either, nothing is heard of the host at all, and the whole connection is closed.
"""

from __future__ import annotations

import errno
import logging
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import BinaryIO, Final, TypeVar

import paramiko

from harness.hosts.host import Done
from harness.hosts.known import changed, fingerprint, is_revoked, known_hosts
from harness.hosts.letting_in import Asking
from harness.hosts.login import SSH_PORT, Login
from harness.hosts.shell import Shell
from harness.hosts.trouble import HostTrouble, Late, Lost, StrangeKey, Unreachable

SHELLS: Final = 5  # that wait for the next command
APART: Final = 3  # more, for commands that may hang
CONNECT_S: Final = 15.0
_TRIES: Final = 3
_PAUSE_S: Final = 0.3
_GREETING: Final = re.compile("banner|Indecipherable protocol version")
_KILL_S: Final = 3.0

# Its threads would write to standard error what every caller is told anyway.
logging.getLogger("paramiko").addHandler(logging.NullHandler())
logging.getLogger("paramiko").propagate = False

_T = TypeVar("_T")


class Connection:
    """To one host. May be used by many threads."""

    def __init__(self, login: Login) -> None:
        self._login = login
        self._client: paramiko.SSHClient | None = None
        self._connecting = threading.Lock()
        self._waiting: list[Shell] = []
        self._shells = threading.BoundedSemaphore(SHELLS)
        self._apart = threading.BoundedSemaphore(APART)

    def run(
        self, script: str, deadline_s: float, *, apart: bool = False, into: BinaryIO | None = None
    ) -> Done:
        """Run it in a shell of this host."""
        until = time.monotonic() + deadline_s
        room = self._apart if apart else self._shells
        if not room.acquire(timeout=deadline_s):
            raise Late(self._login.name, "earlier commands still run there: all channels are busy")
        shell: Shell | None = None
        try:
            shell = self._shell(until, fresh=apart)
            done = shell.run(script, until, into)
        except Late:
            self._end(shell)
            raise
        else:
            if apart:
                shell.leave()
            else:
                self._waiting.append(shell)
            return done
        finally:
            room.release()

    def close(self) -> None:
        """Let go of the host."""
        with self._connecting:
            client, self._client = self._client, None
            self._waiting.clear()
        if client is not None:
            client.close()

    def _shell(self, until: float, *, fresh: bool) -> Shell:
        transport = self._transport(until)
        while not fresh:
            try:
                shell = self._waiting.pop()
            except IndexError:
                break
            if shell.usable:
                return shell
        try:
            return Shell(transport, self._login, until)
        except paramiko.ChannelException:
            raise Late(
                self._login.name, "its sshd refuses another channel: raise MaxSessions there"
            ) from None
        except (paramiko.SSHException, EOFError, OSError) as failure:
            if not transport.is_active():
                raise Lost(self._login.name, "the connection broke") from None
            raise Late(self._login.name, f"lets one in, but then does nothing: {failure}") from None

    def _end(self, shell: Shell | None) -> None:
        """Kill a shell, and what it started. None: it has not even begun."""
        kill = f"kill -s KILL -- -$(cut -d' ' -f5 /proc/{shell.pid}/stat)" if shell else ":"
        try:
            killer = self._shell(time.monotonic() + _KILL_S, fresh=False)
            killer.run(kill, time.monotonic() + _KILL_S)
        except HostTrouble:
            self.close()  # nothing is heard of this host, over this connection at least
            return
        self._waiting.append(killer)
        if shell is not None and not shell.wait_closed():
            shell.drop()

    def _transport(self, until: float) -> paramiko.Transport:
        with self._connecting:
            if self._client is not None:
                transport = self._client.get_transport()
                if transport is not None and transport.is_active():
                    return transport
                self._client.close()
                self._waiting.clear()
            self._client = self._connect(until)
            transport = self._client.get_transport()
            assert transport is not None
            return transport

    def _connect(self, until: float) -> paramiko.SSHClient:
        for last in (False,) * (_TRIES - 1) + (True,):
            try:
                return _connected(self._login, min(CONNECT_S, until - time.monotonic()))
            except Unreachable as failure:
                if last or not failure.passing or time.monotonic() + _PAUSE_S >= until:
                    raise
                time.sleep(_PAUSE_S)
        raise AssertionError("the last try returns or raises")


def _connected(login: Login, timeout_s: float) -> paramiko.SSHClient:
    timeout_s = max(0.1, timeout_s)
    client = paramiko.SSHClient()
    asking = Asking(login)
    with _in_sentences(login):
        known_hosts(login, client)
        sock = login.way.open(login.address, login.port, timeout_s)
        try:
            client.connect(
                login.known_as or login.address,
                SSH_PORT if login.known_as else login.port,
                login.user,
                sock=sock,
                timeout=timeout_s,
                banner_timeout=timeout_s,
                auth_timeout=timeout_s,
                channel_timeout=timeout_s,
                auth_strategy=asking,
            )
        except BaseException as failure:
            client.close()
            sock.close()
            if isinstance(failure, paramiko.AuthenticationException):
                raise asking.refusal() from None
            raise
        finally:
            asking.close()
        transport = client.get_transport()
        assert transport is not None
        if is_revoked(login, shown := transport.get_remote_server_key()):
            client.close()
            raise StrangeKey(login.name, f"its host key is revoked: {fingerprint(shown)}")
    transport.set_keepalive(5)
    return client


@contextmanager
def _in_sentences(login: Login) -> Iterator[None]:
    """What connecting can raise, as what it means."""
    where = f"{login.address}:{login.port}"
    try:
        yield
    except HostTrouble:
        raise
    except paramiko.BadHostKeyException as failure:
        raise changed(login, failure) from None
    except socket.gaierror:
        raise Unreachable(login.name, f"there is no host of the name {login.address}") from None
    except TimeoutError:
        raise Unreachable(login.name, _silent(where)) from None
    except (ConnectionError, paramiko.SSHException, EOFError, OSError) as failure:
        # One sshd that is asked by many at once breaks some connections off (MaxStartups).
        passing = isinstance(failure, ConnectionResetError | paramiko.SSHException | EOFError)
        raise Unreachable(login.name, _why_unreachable(where, failure), passing=passing) from None


def _silent(where: str) -> str:
    return f"no answer from {where}: is the host up, and a firewall open?"


def _why_unreachable(where: str, failure: Exception) -> str:
    if isinstance(failure, OSError) and failure.errno in (errno.EHOSTUNREACH, errno.EHOSTDOWN):
        return _silent(where)
    if isinstance(failure, ConnectionRefusedError):
        return f"nobody listens at {where}: start sshd there, or name the right port"
    if isinstance(failure, paramiko.SSHException) and _GREETING.search(str(failure)):
        return f"what listens at {where} does not greet as an SSH server does"
    return f"no connection to {where}: {str(failure) or type(failure).__name__}"


def when_lost_again(run: Callable[[], _T]) -> _T:
    """The same once more, if the connection broke: for what may run twice."""
    try:
        return run()
    except Lost:
        return run()
