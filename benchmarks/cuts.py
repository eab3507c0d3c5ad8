"""How long does it take until a cut on hosts has its effect, is proven, and is healed?

An ensemble of our own on five hosts of a lab, each of them reached by SSH only. One node after the
other is cut off from all others and healed, while 10 ms after 10 ms another node tries to reach it:
so a cut is effective with the first attempt that nothing answers. As root:
python -m benchmarks.cuts --rounds 30
"""

from __future__ import annotations

import argparse
import asyncio
import json
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median, quantiles
from typing import Final

from harness.deploy.cluster import HostCluster
from harness.deploy.places import in_a_lab
from harness.deploy.target import ELECTION_PORT
from harness.deploy.zab import Zab
from nemesis.fault import Node, Partition
from nemesis.grudge import between

NODES: Final = 5
KINDS: Final = ("effective", "applied", "proven", "healed")
# Tells for each attempt when it began, and whether it was answered, be it by a refusal.
_TRY: Final = """
import socket, sys, time
end = time.monotonic() + float(sys.argv[3])
while time.monotonic() < end:
    began = time.monotonic_ns()
    with socket.socket() as one:
        one.settimeout(0.25)
        try:
            one.connect((sys.argv[1], int(sys.argv[2])))
            answered = True
        except TimeoutError:
            answered = False
        except OSError:
            answered = True
    print(began, answered, flush=True)
    time.sleep(0.01)
"""


async def measure(rounds: int) -> dict[str, list[float]]:
    """In ms, for each round."""
    took: dict[str, list[float]] = {kind: [] for kind in KINDS}
    cluster = in_a_lab(NODES, Zab())
    with tempfile.TemporaryDirectory() as folder:
        try:
            await cluster.deploy(Path(folder))
            for number in range(rounds):
                node = cluster.nodes[number % NODES]
                for kind, ms in (await one_cut(cluster, node)).items():
                    took[kind].append(ms)
                await cluster.recovered(within_s=60)
        finally:
            await cluster.stop()
    return took


async def one_cut(cluster: HostCluster, node: Node) -> dict[str, float]:
    """The hosts of a lab have the controller's clock, so times of both can be compared."""
    cut = Partition(between([node], cluster.nodes))
    other = next(one for one in cluster.nodes if one != node)
    hosted = cluster._hosted
    argv = ["python3", "-c", _TRY, hosted[node].member.address, str(ELECTION_PORT), "2"]
    trying = asyncio.ensure_future(hosted[other].host.run(argv, apart=True))
    await asyncio.sleep(0.5)
    began = time.monotonic_ns()
    await cluster.apply([cut])
    applied = time.monotonic_ns()
    seen = await cluster.probe(cut, [cut])
    proven = time.monotonic_ns()
    assert seen.proven, seen.words
    lines = [line.split() for line in (await trying).text.splitlines()]
    silent = [int(at) for at, answered in lines if answered == "False" and int(at) > began]
    healing = time.monotonic_ns()
    await cluster.apply([])
    healed = time.monotonic_ns()
    return {
        "effective": (min(silent, default=applied) - began) / 1e6,
        "applied": (applied - began) / 1e6,
        "proven": (proven - began) / 1e6,
        "healed": (healed - healing) / 1e6,
    }


def row(took: Sequence[float]) -> dict[str, float]:
    """How they are distributed."""
    cuts = quantiles(took, n=10)
    return {"p50": median(took), "p90": cuts[8], "most": max(took)}


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.cuts", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--json", action="store_true", help="print JSON on standard output")
    asked = parser.parse_args()
    took = asyncio.run(measure(asked.rounds))
    if asked.json:
        print(json.dumps(took))
        return
    print(f"{asked.rounds} cuts of one host from {NODES - 1}; ms after it was asked for")
    print(f"{'':10} {'p50':>7} {'p90':>7} {'most':>7}")
    for kind in KINDS:
        told = row(took[kind])
        print(f"{kind:10} " + " ".join(f"{told[name]:7.0f}" for name in told))
    under = sum(ms < 1000 for ms in took["proven"])
    print(f"proven within 1 s: {under} of {len(took['proven'])}")


if __name__ == "__main__":
    main()
