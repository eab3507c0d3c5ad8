"""`zabtest up`: an ensemble on this machine to play with, until it is told to end."""

from __future__ import annotations

import asyncio
import signal
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from harness.cluster import CannotDeploy
from harness.local.cluster import LocalCluster
from harness.telling import print_json, say
from harness.worlds import CannotBeHad, Wanted, cluster_of

WRONG_USAGE = 2
CANNOT = 4


def up(nodes: int, *, directory: Path | None, bug: str | None, json: bool) -> int:
    """The exit status: 0 once it was ended by Ctrl-C or SIGTERM."""
    try:
        cluster = cluster_of(Wanted(nodes=nodes, bug=bug))
        if directory is not None:
            directory.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        sys.stderr.write(f"zabtest: --dir {directory}: no folder there ({problem.strerror})\n")
        return WRONG_USAGE
    except CannotBeHad as problem:
        sys.stderr.write(f"zabtest: {problem}\n")
        return WRONG_USAGE
    assert isinstance(cluster, LocalCluster), "nothing else was asked for"
    with tempfile.TemporaryDirectory(prefix="zabtest-up-") as temporary:
        return asyncio.run(_stay_up(cluster, directory or Path(temporary), json=json))


async def _stay_up(cluster: LocalCluster, directory: Path, *, json: bool) -> int:
    over = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, over.set)
    try:
        await cluster.deploy(directory)
        _tell(cluster.addresses, await cluster.roles(), directory, json=json)
        await over.wait()
    except CannotDeploy as problem:
        sys.stderr.write(f"zabtest: {problem}\n")
        return CANNOT
    finally:
        await cluster.stop()
        if not json:
            say("ended")
    return 0


def _tell(
    addresses: Mapping[str, str], roles: Mapping[str, str], directory: Path, *, json: bool
) -> None:
    connect = ",".join(addresses.values())
    if json:
        print_json(
            {"connect": connect, "nodes": addresses, "roles": roles, "directory": str(directory)}
        )
        return
    for node, address in addresses.items():
        say(f"  {node}  {address}  {roles[node]}")
    say(f"connect to: {connect}")
    say(f"logs and data: {directory}")
    say("Ctrl-C ends it")
