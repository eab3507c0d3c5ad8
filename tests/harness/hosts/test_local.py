"""This machine as a host keeps the same promises."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from pathlib import Path

import pytest

from harness.hosts.host import Done
from harness.hosts.local import LocalHost
from harness.hosts.trouble import CommandFailed, Late


def test_commands() -> None:
    async def look() -> None:
        host = LocalHost()
        assert await host.run("echo out; echo err >&2; exit 3") == Done(3, b"out\n", b"err\n")
        assert (await host.run(["printf", "%s", "$(echo '\n"])).out == b"$(echo '\n"
        with pytest.raises(Late):
            await host.run("sleep 1234 & sleep 1234", deadline_s=0.2)

    asyncio.run(look())


def test_files(tmp_path: Path) -> None:
    async def look() -> None:
        host = LocalHost()
        (tmp_path / "tree").mkdir()
        await host.put(b"\0one", f"{tmp_path}/tree/one", mode=0o600)
        assert await host.get(f"{tmp_path}/tree/one") == b"\0one"
        await host.fetch(f"{tmp_path}/tree", tmp_path / "copy")
        with pytest.raises(CommandFailed, match=r"localhost: .*No such file"):
            await host.get(f"{tmp_path}/two")
        with pytest.raises(CommandFailed):
            await host.put(b"", f"{tmp_path}/no/folder")

    asyncio.run(look())
    assert (tmp_path / "copy/one").read_bytes() == b"\0one"


def test_processes(tmp_path: Path) -> None:
    async def look() -> int:
        host = LocalHost()
        process = await host.start(["sh", "-c", "echo hi; exec sleep 1000"], out=f"{tmp_path}/out")
        with pytest.raises(CommandFailed):
            await host.start(["no-such-program"], out=f"{tmp_path}/out")
        return process.pid

    pid = asyncio.run(look())
    end = time.monotonic() + 30
    while (tmp_path / "out").read_bytes() != b"hi\n":
        assert time.monotonic() < end
        time.sleep(0.01)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
