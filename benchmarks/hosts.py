"""How long until five hosts that are prepared serve, and how long does a cut take there?

The hosts are a lab's, reached by SSH. The same number of our nodes is started on this machine
without any host in between, in turns with them: what that takes is the machine's share.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from statistics import median
from typing import Final

from harness.cluster import Cluster
from harness.deploy.places import SOFTWARE, on_hosts
from harness.lab import lab as labs
from harness.local.cluster import LocalCluster
from nemesis.fault import Partition

NODES: Final = 5
CUT: Final = Partition(
    frozenset(pair for n in range(2, NODES + 1) for pair in (("n1", f"n{n}"), (f"n{n}", "n1")))
)


async def took_s(what: Callable[[], Awaitable[object]]) -> float:
    """How long this takes."""
    began = time.perf_counter()
    await what()
    return time.perf_counter() - began


async def measured(cluster: Cluster, *, cut: bool) -> list[float]:
    """Until all serve; then until a node is cut off, and until that is proven."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            found = [await took_s(lambda: cluster.deploy(Path(folder)))]
            if cut:
                found.append(await took_s(lambda: cluster.apply([CUT])))
                began = time.perf_counter()
                evidence = await cluster.probe(CUT, [CUT])
                found.append(time.perf_counter() - began)
                assert evidence.proven, evidence.words
                await cluster.apply(())
        finally:
            await cluster.stop()
    return found


def main() -> None:
    """Run all kinds in turns and print the medians."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.hosts", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true", help="print JSON on standard output")
    asked = parser.parse_args()
    seconds: dict[str, list[float]] = {}

    def add(name: str, took: float) -> None:
        seconds.setdefault(name, []).append(took)

    lab = labs.up(NODES)
    try:
        for number in range(asked.rounds + 1):
            for name, make in SOFTWARE.items():
                found = asyncio.run(measured(on_hosts(lab.logins, make()), cut=True))
                if number:  # the first prepares the hosts
                    for what, took in zip(("serve", "cut", "cut proven"), found, strict=True):
                        add(f"five hosts, {name}: {what}", took)
            (local,) = asyncio.run(measured(LocalCluster(NODES), cut=False))
            if number:
                add("beside: this machine's own processes, zab: serve", local)
    finally:
        lab.close()
    medians = {name: median(took) for name, took in seconds.items()}
    if asked.json:
        print(json.dumps(medians))
        return
    for name, took in medians.items():
        print(f"{name:50} {took:6.2f} s")


if __name__ == "__main__":
    main()
