"""How does one look at an ensemble that is kept after a run that was invalid?"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any, Final

from harness.cluster import Cluster, OnHosts, Reachable
from harness.store import StoredRun

ZOOKEEPER: Final = "zookeeper"
"""The kind of sessions whose servers answer four-letter words."""


def whereabouts(cluster: Cluster, store: StoredRun, kind: str) -> Mapping[str, Any]:
    """Where its nodes are to be found, as a program reads it."""
    addresses = dict(cluster.addresses) if isinstance(cluster, Reachable) else {}
    first = next(iter(addresses.values()), "")
    near = kind == ZOOKEEPER and first and not isinstance(cluster, OnHosts)
    return {
        "nodes": addresses or dict.fromkeys(cluster.nodes, ""),
        "connect": ",".join(addresses.values()),
        "files": str(store.nodes),
        "example": f"echo srvr | nc {first.replace(':', ' ')}" if near else "",
    }


async def keep(found: Mapping[str, Any]) -> None:
    """Leave the ensemble as it is until somebody has looked at it."""
    for line in _lines(found):
        sys.stderr.write(f"{line}\n")
    sys.stderr.flush()
    with suppress(asyncio.CancelledError):
        await asyncio.Event().wait()


def _lines(found: Mapping[str, Any]) -> Iterator[str]:
    yield "the ensemble is kept as it is:"
    for node, address in found["nodes"].items():
        yield f"  {node}  {address}".rstrip()
    if found["connect"]:
        yield f"connect to: {found['connect']}"
    yield f"what they wrote: {found['files']}/<node>"
    if found["example"]:
        yield f"for example: {found['example']}"
    yield "Ctrl-C ends it"
