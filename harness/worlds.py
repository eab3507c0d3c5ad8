"""Where can a run take place, and of what software?

Rules of this file: whoever asks for what cannot be had is told so in one line, before anything is
started.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from harness.cluster import Cluster
from workloads.workload import Synced


class CannotBeHad(ValueError):
    """What was asked for; the message is for the user."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """An ensemble."""

    on: str = "local"
    target: str = "zab"
    nodes: int = 5
    bug: str | None = None


TARGETS: Final[Mapping[str, Synced]] = MappingProxyType(
    {
        # Our leader asks a quorum anew for each sync, so what is read behind it is the newest.
        "zab": Synced.LINEARIZABLE,
        # Apache's asks nobody: a leader that was deposed and has not noticed answers, too.
        "zookeeper": Synced.ORDERED,
    }
)
"""What each target promises of a read behind a sync."""


def cluster_of(wanted: Wanted) -> Cluster:
    """An ensemble that is not deployed yet."""
    if wanted.target not in TARGETS:
        raise CannotBeHad(f"no target is called {wanted.target!r}; there are {', '.join(TARGETS)}")
    make = _WORLDS.get(wanted.on)
    if make is None:
        raise CannotBeHad(f"--on {wanted.on} is no place to run; there are {', '.join(_WORLDS)}")
    return make(wanted)


def _local(wanted: Wanted) -> Cluster:
    from harness.local.cluster import LocalCluster

    if wanted.target != "zab":
        raise CannotBeHad(f"--on local runs the target zab only, not {wanted.target}")
    if wanted.bug is None:
        return LocalCluster(wanted.nodes)
    from target_node.bugs.bug import find

    try:
        bug = find(wanted.bug)
    except LookupError as problem:
        raise CannotBeHad(str(problem.args[0])) from None
    return LocalCluster(wanted.nodes, module=("target_node.bugs", bug.name))


_WORLDS: Final[Mapping[str, Callable[[Wanted], Cluster]]] = MappingProxyType({"local": _local})
