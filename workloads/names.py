"""Which workloads do we know by name, and how is each performed on a kind of session?

Others come in through the entry points `zabtest.workloads` (a name, and a class that is made with
what the target promises of synced reads) and `zabtest.adapters` (named `workload:kind`, and a class
that is made without arguments).
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from importlib.metadata import entry_points
from types import MappingProxyType
from typing import Any, Final

from workloads.workload import Adapter, Synced, Workload

WORKLOADS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "register": "workloads.register:Register",
        "set": "workloads.set:Set",
        "lock": "workloads.lock:Locks",
        "multi": "workloads.multi:Multi",
        "sequence": "workloads.sequence:Sequences",
        "session": "workloads.lives:Sessions",
        "watch": "workloads.watch:Watching",
        "conformance": "workloads.conformance:Conformance",
    }
)
ADAPTERS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "register:zookeeper": "workloads.zookeeper.register:RegistersOnZooKeeper",
        "set:zookeeper": "workloads.zookeeper.set:SetsOnZooKeeper",
        "lock:zookeeper": "workloads.zookeeper.lock:LocksOnZooKeeper",
        "multi:zookeeper": "workloads.zookeeper.multi:GroupsOnZooKeeper",
        "sequence:zookeeper": "workloads.zookeeper.sequence:SequencesOnZooKeeper",
        "session:zookeeper": "workloads.zookeeper.lives:SessionsOnZooKeeper",
        "watch:zookeeper": "workloads.zookeeper.watch:WatchesOnZooKeeper",
        "conformance:zookeeper": "workloads.zookeeper.conformance:RulesOnZooKeeper",
    }
)


def workload_names() -> list[str]:
    """The bundled ones, and those that others added."""
    added = [point.name for point in entry_points(group="zabtest.workloads")]
    return [*WORKLOADS, *(name for name in sorted(added) if name not in WORKLOADS)]


def workload_class(name: str) -> type[Workload]:
    """The class of this workload; KeyError if there is none."""
    found: type[Workload] = _named(name, WORKLOADS, "zabtest.workloads")
    return found


def workload(name: str, synced: Synced = Synced.LINEARIZABLE) -> Workload:
    """A workload for one run; KeyError if there is none of this name."""
    made: Any = workload_class(name)
    fresh: Workload = made(synced)
    return fresh


def adapter(workload: str, kind: str) -> Adapter:
    """How this workload is performed on sessions of this kind; KeyError if nobody knows."""
    made: Adapter = _named(f"{workload}:{kind}", ADAPTERS, "zabtest.adapters")()
    return made


def _named(name: str, ours: Mapping[str, str], group: str) -> Any:
    if name in ours:
        module, _, cls = ours[name].partition(":")
        return getattr(import_module(module), cls)
    for point in entry_points(group=group, name=name):
        return point.load()
    raise KeyError(name)
