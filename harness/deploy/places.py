"""On which hosts can an ensemble live, and of which software?"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from types import MappingProxyType
from typing import Final

from harness.cluster import CannotDeploy
from harness.deploy.apache import Apache
from harness.deploy.cluster import HostCluster
from harness.deploy.target import Target
from harness.deploy.zab import Zab
from harness.hosts.host import Host
from harness.hosts.login import Login
from harness.hosts.ssh import Pool, SshHost
from harness.lab import lab as labs
from harness.lab.addresses import name

SOFTWARE: Final[Mapping[str, Callable[[], Target]]] = MappingProxyType(
    {"zab": Zab, "zookeeper": Apache}
)
"""Targets, by what `--target` calls them."""


def on_hosts(logins: Sequence[Login], target: Target) -> HostCluster:
    """A node on each of these."""
    return HostCluster([login.name for login in logins], target, reached(logins))


def in_a_lab(nodes: int, target: Target) -> HostCluster:
    """A node on each host of a lab that is there only for this."""
    return HostCluster([name(number) for number in range(1, nodes + 1)], target, _lab(nodes))


@asynccontextmanager
async def reached(logins: Sequence[Login]) -> AsyncIterator[Sequence[Host]]:
    """These hosts by SSH, until the end of the block."""
    pool = Pool()
    hosts = [SshHost(login, pool) for login in logins]
    try:
        yield hosts
    finally:
        await asyncio.gather(*(host.close() for host in hosts), return_exceptions=True)
        await asyncio.to_thread(pool.close)


@asynccontextmanager
async def _lab(nodes: int) -> AsyncIterator[Sequence[Host]]:
    try:
        lab = await asyncio.to_thread(labs.up, nodes)
    except labs.NoLab as why:
        raise CannotDeploy(str(why)) from None
    try:
        async with reached(lab.logins) as hosts:
            yield hosts
    finally:
        await asyncio.to_thread(lab.close)
