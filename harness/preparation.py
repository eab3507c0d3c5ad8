"""Who makes what the calls of a workload take for granted?"""

from __future__ import annotations

import asyncio
from typing import Final

from harness.cluster import Cluster
from workloads.session import InDoubt, NotDone, Refusal
from workloads.workload import Adapter

PATIENCE_S: Final = 30.0
PAUSE_S: Final = 1.0


async def prepare(cluster: Cluster, adapter: Adapter, *, connect_s: float) -> None:
    """Prepare through any node that lets us: what is made there lasts, and may be made twice."""
    loop = asyncio.get_running_loop()
    until = loop.time() + PATIENCE_S
    why = ""
    while loop.time() < until:
        for node in cluster.nodes:
            try:
                session = await cluster.connect(node, timeout_s=connect_s)
                try:
                    return await adapter.prepare(session)
                finally:
                    await session.close()
            except (NotDone, InDoubt, Refusal) as failure:
                why = f"{node}: {failure}"
        await asyncio.sleep(PAUSE_S)
    raise RuntimeError(f"no node lets anybody prepare the run; at last {why}")
