"""A lab that many tests use, and its hosts."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import pytest

from harness.hosts.login import Login
from harness.hosts.ssh import Pool, SshHost
from harness.lab import lab as labs

T = TypeVar("T")
TREE = Path(__file__).parents[2] / "build" / "tree"


@pytest.fixture(scope="session")
def lab() -> Iterator[labs.Lab]:
    """Five hosts."""
    one = labs.up(5)
    yield one
    one.close()


@pytest.fixture(scope="session")
def fresh_lab() -> Iterator[labs.Lab]:
    """Three hosts with the file tree of a bare Debian, made once and kept below `build`."""
    one = labs.up(3, tree=TREE)
    yield one
    one.close()


def networks_of(pid: int) -> set[str]:
    """The network namespaces of this process and of all its descendants."""
    found = [pid]
    for one in found:
        with suppress(OSError):
            for children in Path(f"/proc/{one}/task").glob("*/children"):
                found += map(int, children.read_text().split())
    return {network for one in found if (network := _network_of(one))}


def inside(networks: set[str]) -> list[int]:
    """All processes in one of these networks."""
    pids = [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]
    return [pid for pid in pids if _network_of(pid) in networks]


def _network_of(pid: int) -> str:
    """Its network namespace; nothing, if it has just ended."""
    with suppress(OSError):
        return os.readlink(f"/proc/{pid}/ns/net")
    return ""


@asynccontextmanager
async def hosts_of(logins: list[Login] | tuple[Login, ...]) -> AsyncIterator[list[SshHost]]:
    """Until the end of the block."""
    pool = Pool()
    hosts = [SshHost(login, pool) for login in logins]
    try:
        yield hosts
    finally:
        for host in hosts:
            await host.close()
        pool.close()


def on(login: Login, what: Callable[[SshHost], Coroutine[Any, Any, T]], **other: Any) -> T:
    """What this does with the host, or with one that differs from it in this."""

    async def doing() -> T:
        async with hosts_of((replace(login, **other),)) as (host,):
            return await what(host)

    return asyncio.run(doing())
