"""What does one do with a host that is reached by SSH?

Files go through the same shells as commands, so that they are root's where commands are, and so
that a host needs nothing but `sh` and coreutils.
"""

from __future__ import annotations

import asyncio
import base64
import gzip
import secrets
import socket
import tarfile
import tempfile
import zlib
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import BinaryIO, Final, TypeVar

from harness.hosts.connection import Connection, when_lost_again
from harness.hosts.host import DEADLINE_S, Command, Done, Process, script, words
from harness.hosts.login import Login
from harness.hosts.trouble import CommandFailed, HostTrouble, printable

THREADS: Final = 40
_PIECE: Final = 192 * 1024  # of a file, in one command

_T = TypeVar("_T")


class Pool:
    """The threads in which all hosts are talked to; none is begun before it is needed."""

    def __init__(self, threads: int = THREADS) -> None:
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="ssh")

    async def call(self, what: Callable[[], _T]) -> _T:
        """Do this in one of them. Who is cancelled here leaves it to its own deadline."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, what)

    def close(self) -> None:
        """Wait for all that runs; everything has a deadline."""
        self._threads.shutdown(cancel_futures=True)


class SshHost:
    """A `Host` by SSH."""

    def __init__(self, login: Login, pool: Pool) -> None:
        self.login = login
        self._pool = pool
        self._connection = Connection(login)

    @property
    def name(self) -> str:
        return self.login.name

    @property
    def address(self) -> str:
        return self.login.among_nodes

    async def run(
        self,
        command: Command,
        *,
        deadline_s: float = DEADLINE_S,
        apart: bool = False,
        again: bool = False,
    ) -> Done:
        run = partial(self._connection.run, script(command), deadline_s, apart=apart)
        return await self._pool.call(partial(when_lost_again, run) if again else run)

    async def put(
        self, data: bytes, path: str, *, mode: int = 0o644, deadline_s: float = DEADLINE_S
    ) -> None:
        unfinished = f"{path}.{secrets.token_hex(6)}.tmp"
        try:
            for start in range(0, len(data) or 1, _PIECE):
                piece = base64.b64encode(data[start : start + _PIECE]).decode()
                to = ">>" if start else ">"
                await self._checked(
                    f"umask 077; printf %s {piece} | base64 -d {to}{words([unfinished])}",
                    f"write {path}",
                    deadline_s,
                )
            move = f"chmod {mode:o} {words([unfinished])} && " + words(
                ["mv", "-fT", "--", unfinished, path]
            )
            await self._checked(move, f"write {path}", deadline_s)
        except HostTrouble:
            await self._forget(unfinished)
            raise

    async def get(self, path: str, *, deadline_s: float = DEADLINE_S) -> bytes:
        done = await self.run(["cat", "--", path], deadline_s=deadline_s, again=True)
        if done.status:
            raise CommandFailed(self.name, f"read {path}", done.status, done.err)
        return done.out

    async def fetch(self, tree: str, into: Path, *, deadline_s: float = DEADLINE_S) -> None:
        # What is written meanwhile makes tar complain and go on (status 1).
        pack = f"cd {words([tree])} && {{ tar -czf - . || test $? -eq 1; }}"
        with tempfile.TemporaryFile() as packed:
            run = partial(self._connection.run, pack, deadline_s, apart=True, into=packed)
            done = await self._pool.call(run)
            if done.status:
                raise CommandFailed(self.name, f"fetch {tree}", done.status, done.err)
            packed.seek(0)
            try:
                await asyncio.to_thread(_unpack, packed, into)
            except (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile) as bad:
                said = printable(str(bad).encode())
                what = f"what it sent of {tree} cannot be taken: {said}"
                raise HostTrouble(self.name, what) from None

    async def start(self, argv: Sequence[str], *, out: str, directory: str = "/") -> Process:
        # In the shell's subshell a job is no leader of a group, so setsid becomes the program.
        begin = (
            f"cd {words([directory])} && : >>{words([out])} || exit; "
            f"setsid {words(argv)} </dev/null >>{words([out])} 2>&1 & "
            "{ read -r stat </proc/$!/stat; } 2>/dev/null; "
            'pid=$!; set -- ${stat##*) }; echo "$pid ${20:-0}"'
        )
        done = await self._checked(begin, words(argv), DEADLINE_S)
        pid, started = done.text.split()
        return Process(int(pid), int(started))

    async def dial(
        self, port: int, *, timeout_s: float
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        way, address = self.login.way, self.login.address
        opening = asyncio.ensure_future(
            self._pool.call(partial(way.open, address, port, timeout_s))
        )
        try:
            sock = await asyncio.shield(opening)
        except asyncio.CancelledError:
            opening.add_done_callback(_close)  # when it comes, nobody wants it any more
            raise
        try:
            return await asyncio.open_connection(sock=sock)
        except BaseException:
            sock.close()
            raise

    async def close(self) -> None:
        await self._pool.call(self._connection.close)

    async def _checked(self, text: str, what: str, deadline_s: float) -> Done:
        done = await self.run(text, deadline_s=deadline_s)
        if done.status:
            raise CommandFailed(self.name, what, done.status, done.err)
        return done

    async def _forget(self, path: str) -> None:
        with suppress(HostTrouble):
            await self.run(["rm", "-f", "--", path])


def _close(opening: asyncio.Future[socket.socket]) -> None:
    if not opening.cancelled() and opening.exception() is None:
        opening.result().close()


def _unpack(packed: BinaryIO, into: Path) -> None:
    into.mkdir(parents=True, exist_ok=True)
    with tarfile.open(fileobj=packed, mode="r:gz") as archive:
        archive.extractall(into, filter="data")
