"""The service in memory as a target of somebody's own: `--plugin` this file, `--target memory`.

What it does wrong is its bug: `--bug "stale read"`.
"""

from __future__ import annotations

from collections.abc import Iterator

from harness.worlds import Target, Wanted
from nemesis.fault import Crash
from nemesis.plan import AtNodes, Nemesis, Step
from nemesis.surface import Draw, Surface
from tests.harness.memory import MemoryCluster, RegistersInMemory, Service
from workloads.workload import Synced


def cluster(wanted: Wanted) -> MemoryCluster:
    lies = [] if wanted.bug is None else [wanted.bug]
    return MemoryCluster(Service(wanted.nodes, lies, delay_s=0.002))


MEMORY = Target(
    about="one copy, in memory",
    synced=Synced.LINEARIZABLE,
    kind="memory",
    worlds={"local": cluster},
)


def hiccups(surface: Surface, draw: Draw) -> Iterator[Step]:
    while True:
        yield Step(0.1 + draw(3) / 10, AtNodes("one", Crash), 0.2)


HICCUP = Nemesis("hiccup", "a node is down for a moment", frozenset({Crash}), hiccups)
ENTRY_POINTS = {
    "zabtest.targets": {"memory": "MEMORY"},
    "zabtest.adapters": {"register:memory": "RegistersInMemory"},
    "zabtest.nemeses": {"hiccup": "HICCUP"},
}
__all__ = ["RegistersInMemory"]
