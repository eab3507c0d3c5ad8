"""What does one do with this machine as a host?"""

from __future__ import annotations

import asyncio
import os
import secrets
import shutil
import signal
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from harness.hosts.host import DEADLINE_S, Command, Done, Process, script
from harness.hosts.reaping import reap_later
from harness.hosts.trouble import CommandFailed, Late


class LocalHost:
    """A `Host` that is here, with the rights of whoever runs this."""

    def __init__(self, name: str = "localhost", address: str = "127.0.0.1") -> None:
        self.name = name
        self.address = address

    async def run(
        self,
        command: Command,
        *,
        deadline_s: float = DEADLINE_S,
        apart: bool = False,
        again: bool = False,
    ) -> Done:
        del apart, again  # nothing waits for anything here, and nothing can break
        child = await asyncio.create_subprocess_exec(
            *("/bin/sh", "-c", script(command)),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, "LC_ALL": "C"},
            start_new_session=True,
        )
        try:
            async with asyncio.timeout(deadline_s):
                out, err = await child.communicate()
        except TimeoutError:
            raise Late(self.name, "a command is not over in time") from None
        finally:
            if child.returncode is None:
                with suppress(ProcessLookupError):
                    os.killpg(child.pid, signal.SIGKILL)
                await child.communicate()
        assert child.returncode is not None
        return Done(child.returncode, out, err)

    async def put(
        self, data: bytes, path: str, *, mode: int = 0o644, deadline_s: float = DEADLINE_S
    ) -> None:
        try:
            await asyncio.to_thread(_write, data, path, mode)
        except OSError as problem:
            raise self._failed(f"write {path}", problem) from None

    async def get(self, path: str, *, deadline_s: float = DEADLINE_S) -> bytes:
        try:
            return await asyncio.to_thread(Path(path).read_bytes)
        except OSError as problem:
            raise self._failed(f"read {path}", problem) from None

    async def fetch(self, tree: str, into: Path, *, deadline_s: float = DEADLINE_S) -> None:
        try:
            await asyncio.to_thread(shutil.copytree, tree, into, symlinks=True, dirs_exist_ok=True)
        except OSError as problem:
            raise self._failed(f"fetch {tree}", problem) from None

    async def start(self, argv: Sequence[str], *, out: str, directory: str = "/") -> Process:
        try:
            return await asyncio.to_thread(_start, argv, out, directory)
        except OSError as problem:
            raise self._failed(argv[0], problem) from None

    async def dial(
        self, port: int, *, timeout_s: float
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        async with asyncio.timeout(timeout_s):
            return await asyncio.open_connection(self.address, port)

    async def close(self) -> None:
        pass

    def _failed(self, what: str, problem: OSError) -> CommandFailed:
        return CommandFailed(self.name, what, 1, str(problem.strerror).encode())


def _write(data: bytes, path: str, mode: int) -> None:
    unfinished = Path(f"{path}.{secrets.token_hex(6)}.tmp")
    try:
        unfinished.write_bytes(data)
        unfinished.chmod(mode)
        unfinished.replace(path)
    except OSError:
        with suppress(OSError):
            unfinished.unlink()
        raise


def _start(argv: Sequence[str], out: str, directory: str) -> Process:
    with Path(out).open("ab") as said:
        child = subprocess.Popen(
            argv,
            cwd=directory,
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
            start_new_session=True,
        )
    reap_later(child)
    stat = Path(f"/proc/{child.pid}/stat").read_text().rpartition(") ")[2].split()
    return Process(child.pid, int(stat[19]))
