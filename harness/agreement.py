"""When all is healed and quiet: are the replicas the same, and are all of them still there?"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from harness.cluster import Cluster, OnHosts
from harness.plan import Gate, Violation
from nemesis.fault import Node

LOOK_S: Final = 1.0  # between two looks
QUIET_S: Final = 0.3  # in which nothing is to be written
QUIET_LOOKS: Final = 30


@dataclass(frozen=True, slots=True)
class Seen:
    """What a look at the nodes adds to a run's results."""

    gates: Sequence[Gate] = ()
    violations: Sequence[Violation] = ()


async def agreement(cluster: Cluster, within_s: float) -> Seen:
    """Replicas that have applied the same must be the same.

    Sessions that clients left behind may still end, so they are given a while. Only if they differ
    and nothing moves any more is it a wrong.
    """
    loop = asyncio.get_running_loop()
    until = loop.time() + within_s
    before: Mapping[str, str] = {}
    while True:
        prints = await cluster.fingerprints()
        complete = len(prints) == len(cluster.nodes)
        if complete and len(set(prints.values())) <= 1:
            return Seen([Gate("replicas agree", passed=True)])
        if loop.time() >= until:
            break
        before = prints
        await asyncio.sleep(LOOK_S)
    told = _told(cluster.nodes, prints)
    open_gate = Gate("replicas agree", passed=False, why=told)
    if complete and prints == before:
        return Seen([open_gate], [Violation("replicas differ", told)])
    return Seen([open_gate])


def _told(nodes: Sequence[Node], prints: Mapping[Node, str]) -> str:
    """Who holds what, those with the same together; and who does not say, first."""
    silent = [node for node in nodes if node not in prints]
    alike: dict[str, list[Node]] = {}
    for node in sorted(prints):
        alike.setdefault(prints[node], []).append(node)
    said = [f"{_and(silent)} {'does' if len(silent) == 1 else 'do'} not answer"] if silent else []
    for fingerprint, same in alike.items():
        both = " both" if len(same) == 2 else " all" if len(same) > 2 else ""
        said.append(f"{_and(same)}{both} {'hold' if both else 'holds'} {fingerprint}")
    return "; ".join(said)


def _and(nodes: Sequence[Node]) -> str:
    return " and ".join(filter(None, [", ".join(nodes[:-1]), nodes[-1]]))


async def quiet_logs(cluster: Cluster, root: Path) -> Mapping[str, int]:
    """How long each node's log is at a moment when none of them grows.

    What stands in one log may rest on what stands in another, so all are cut at one moment.
    """
    before: Mapping[str, int] = {}
    for _ in range(QUIET_LOOKS):
        sizes = _sizes(cluster, root)
        if sizes == before:
            return sizes
        before = sizes
        await asyncio.sleep(QUIET_S)
    return {}


def _sizes(cluster: Cluster, root: Path) -> Mapping[str, int]:
    root = root.resolve()
    files = [path.resolve() for paths in cluster.event_logs().values() for path in paths]
    return {str(path.relative_to(root)): path.stat().st_size for path in files}


def ended(cluster: Cluster) -> Seen:
    """A node that gave up because something was broken in it has found a wrong itself."""
    gates, violations = [], []
    for node, why in cluster.ended.items():
        name = f"{node} ended by itself"
        gates.append(Gate(name, passed=False, why=why))
        if cluster.ends.tell_of_a_wrong(why):
            violations.append(Violation(name, why))
    return Seen(gates, violations)


def lost(cluster: Cluster) -> Seen:
    """What was seen while a host was lost may mean nothing."""
    if not isinstance(cluster, OnHosts):
        return Seen()
    return Seen(
        [Gate(f"{host} was lost", passed=False, why=why) for host, why in cluster.lost.items()]
    )
