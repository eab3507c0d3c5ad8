"""How does a command run in a shell that is already there?

A channel of an SSH connection costs a process on the host and several round trips; a line to a
shell that waits for it costs one. So a channel runs `sh`, and commands are lines to it, each in a
subshell of its own, whose output ends with a mark that nobody can know before.

Rules of this file:
1. Nothing here sends the end of a stream: when both sides close a channel at once, paramiko sends
   it after the channel's end, for which sshd drops the whole connection with all that runs over it.
   A shell ends because it was told to exit, or was killed; paramiko's own thread answers that.
2. What has no end by its deadline leaves the shell unusable: it is killed with all it started.
3. A password is sent only when sudo asks for it, by a question that only this sudo knows.
"""

from __future__ import annotations

import secrets
import shlex
import threading
import time
from collections.abc import Callable
from typing import BinaryIO, Final

import paramiko

from harness.hosts.host import Done
from harness.hosts.login import Login
from harness.hosts.trouble import HostTrouble, Late, Lost, NoRoot, printable

_PIECE: Final = 1 << 16
_GOODBYE_S: Final = 2.0
# Programs that configure a network are not on the path of everybody.
_BEGIN: Final = (
    "LC_ALL=C PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin; export LC_ALL PATH; "
    "printf '\\n%s %d\\n' {mark} $$; exec /bin/sh"
)


class _Bell(threading.Event):
    """Rings when something arrives in either stream. Only who listens may silence it."""

    def clear(self) -> None:
        pass

    def silence(self) -> None:
        super().clear()


class Shell:
    """One on a host. Used by one thread at a time."""

    def __init__(self, transport: paramiko.Transport, login: Login, until: float) -> None:
        self._login = login
        self._bell = _Bell()
        self._mark = secrets.token_hex(12)
        self._channel = transport.open_session(timeout=max(0.1, until - time.monotonic()))
        for buffer in (self._channel.in_buffer, self._channel.in_stderr_buffer):
            buffer.set_event(self._bell)
        begin = shlex.quote(_BEGIN.format(mark=self._mark))
        question = secrets.token_hex(12)
        # sudo forgets where the connection is from.
        sudo = f'sudo -S -p {question} -- env SSH_CONNECTION="$SSH_CONNECTION" '
        self._channel.exec_command(f"exec {sudo if login.sudo else ''}/bin/sh -c {begin}")
        self.pid = self._begun(question.encode(), until)

    @property
    def usable(self) -> bool:
        """Whether the host has not ended it."""
        return not (self._channel.closed or self._channel.eof_received)

    def run(self, script: str, until: float, into: BinaryIO | None = None) -> Done:
        """Run it to its end; what it puts out goes `into` a file if there is one."""
        mark = secrets.token_hex(12)
        line = (
            f"(eval {shlex.quote(script)}) </dev/null; "
            f"printf '\\n{mark} %d\\n' $?; printf '\\n{mark} \\n' >&2\n"
        )
        out, err = _Heard(mark.encode(), into), _Heard(mark.encode())
        try:
            self._send(line.encode(), until)
            self._listen(lambda: out.over and err.over, out, err, until)
        except TimeoutError:
            raise Late(self._login.name, f"`{_short(script)}` is not over in time") from None
        return Done(int(out.rest), bytes(out.heard), bytes(err.heard))

    def leave(self) -> None:
        """Let it end by itself."""
        try:
            self._send(b"exit\n", time.monotonic() + _GOODBYE_S)
        except (OSError, EOFError, HostTrouble):
            return
        self.wait_closed()

    def wait_closed(self) -> bool:
        """Whether the host has closed the channel, soon."""
        with self._channel.out_buffer_cv:
            return self._channel.out_buffer_cv.wait_for(lambda: self._channel.closed, _GOODBYE_S)

    def drop(self) -> None:
        """Close a channel that the host does not close."""
        self._channel.close()

    def _begun(self, question: bytes, until: float) -> int:
        out, err = _Heard(self._mark.encode()), _Heard(question, question=True)
        self._hear_begin(out, err, until)
        if not out.over:
            password = self._login.sudo_password
            if password is None:
                self._channel.close()
                raise NoRoot(
                    self._login.name,
                    "sudo asks for a password: name the variable that holds it "
                    "(sudo_password_env), or let this user use sudo without (NOPASSWD)",
                )
            self._send(password.reveal().encode() + b"\n", until)
            err = _Heard(question, question=True)
            self._hear_begin(out, err, until)
        if not out.over:
            self._channel.close()
            raise NoRoot(self._login.name, "sudo takes another password than the given one")
        return int(out.rest)

    def _hear_begin(self, out: _Heard, err: _Heard, until: float) -> None:
        try:
            self._listen(lambda: out.over or err.over, out, err, until)
        except Lost:
            raise self._not_begun(bytes(err.heard)) from None
        except TimeoutError:
            raise Late(
                self._login.name, "lets one in, but then runs nothing: is it overloaded?"
            ) from None

    def _not_begun(self, said: bytes) -> HostTrouble:
        words = printable(said) or "it said nothing"
        if self._login.sudo:
            return NoRoot(
                self._login.name,
                f"{self._login.user} cannot become root by sudo: {words}; "
                "install sudo and allow it, or log in as root",
            )
        return Lost(self._login.name, f"the login does not run /bin/sh: {words}")

    def _send(self, data: bytes, until: float) -> None:
        self._channel.settimeout(max(0.1, until - time.monotonic()))
        try:
            self._channel.sendall(data)
        except TimeoutError:
            raise
        except OSError:
            raise Lost(self._login.name, "the connection broke") from None

    def _listen(self, enough: Callable[[], bool], out: _Heard, err: _Heard, until: float) -> None:
        channel = self._channel
        while True:
            self._bell.silence()
            while channel.recv_ready():
                out.take(channel.recv(_PIECE))
            while channel.recv_stderr_ready():
                err.take(channel.recv_stderr(_PIECE))
            if enough():
                return
            ended = channel.closed or channel.eof_received
            if ended and not (channel.recv_ready() or channel.recv_stderr_ready()):
                raise Lost(self._login.name, "the connection broke while a command ran")
            missing = until - time.monotonic()
            if missing <= 0:
                raise TimeoutError
            self._bell.wait(missing)


class _Heard:
    """One stream, up to a mark; `rest` is what stands behind the mark on its line.

    A question has no line of its own: it is over where its mark is.
    """

    def __init__(
        self, mark: bytes, into: BinaryIO | None = None, *, question: bool = False
    ) -> None:
        self._mark = mark
        self._into = into
        self._question = question
        self._looked = 0
        self.heard = bytearray()
        self.over = False
        self.rest = b""

    def take(self, data: bytes) -> None:
        self.heard += data
        place = self.heard.find(self._mark, self._looked)
        if place < 0:
            # A mark, with the line's end before it, may have come in part.
            self._looked = max(0, len(self.heard) - len(self._mark))
            self._pass_on(self._looked - 1)
            return
        self._looked = place
        behind = place + len(self._mark)
        end = behind if self._question else self.heard.find(b"\n", behind)
        if end < 0:
            return
        self.over = True
        self.rest = bytes(self.heard[behind:end]).strip()
        del self.heard[max(0, place - 1) :]
        self._pass_on(len(self.heard), least=1)

    def _pass_on(self, safe: int, least: int = _PIECE) -> None:
        if self._into is not None and safe >= least:
            self._into.write(self.heard[:safe])
            del self.heard[:safe]
            self._looked = max(0, self._looked - safe)


def _short(script: str) -> str:
    return printable(script.encode(), 80)
