"""Where can a run take place, and of what software?

Rules of this file: whoever asks for what cannot be had is told so in one line, before anything is
started.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, TypeAlias

from harness.cluster import Cluster
from workloads.workload import Synced

if TYPE_CHECKING:
    from harness.deploy.target import Target as Software


MOST_LOCAL: Final = 25


class CannotBeHad(ValueError):
    """What was asked for; the message is for the user."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """An ensemble."""

    on: str = "local"
    target: str = "zab"
    nodes: int = 5
    bug: str | None = None
    plugins: tuple[str, ...] = ()
    """Files of the user's own in which some of this is."""
    hosts: str = ""
    """For `--on ssh`: a,b,c, or a file; the rest says how they are reached."""
    ssh_config: str = ""
    accept_new: bool = False
    sudo: bool = False
    package: str = ""
    """A release of the software, as its makers pack it; empty for what the hosts have."""


Make: TypeAlias = Callable[[Wanted], Cluster]


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A kind of software that can be tried."""

    about: str
    synced: Synced
    """What it promises of a read behind a sync."""
    kind: str = "zookeeper"
    """Of the sessions with it: who performs a workload is chosen by it."""
    worlds: Mapping[str, Make] | None = None
    """How to have an ensemble of it, by what `--on` calls the place; None: as with ours."""


TARGETS: Final[Mapping[str, Target]] = MappingProxyType(
    {
        # Our leader asks a quorum anew for each sync, so what is read behind it is the newest.
        "zab": Target(about="our own ZAB node", synced=Synced.LINEARIZABLE),
        # Apache's asks nobody: a leader that was deposed and has not noticed answers, too.
        "zookeeper": Target(about="Apache ZooKeeper", synced=Synced.ORDERED),
    }
)
GROUP: Final = "zabtest.targets"
"""Of the entry points of others: a name, and an object that is a `Target`."""


def target_names() -> list[str]:
    """The bundled ones, and those that others added."""
    added = [point.name for point in entry_points(group=GROUP)]
    return [*TARGETS, *(name for name in sorted(added) if name not in TARGETS)]


def target_of(name: str) -> Target:
    """The target of this name."""
    if name in TARGETS:
        return TARGETS[name]
    for point in entry_points(group=GROUP, name=name):
        given = point.load()
        if not isinstance(given, Target):
            raise CannotBeHad(f"{point.value} (entry point {name}) is no Target: {given!r}")
        return given
    raise CannotBeHad(f"no target is called {name!r}; there are {', '.join(target_names())}")


def cluster_of(wanted: Wanted) -> Cluster:
    """An ensemble that is not deployed yet."""
    target = target_of(wanted.target)
    worlds = _WORLDS if target.worlds is None else target.worlds
    make = worlds.get(wanted.on)
    if make is None:
        what = "no place to run" if target.worlds is None else f"no place for {wanted.target}"
        raise CannotBeHad(f"--on {wanted.on} is {what}; there are {', '.join([*worlds, 'sim'])}")
    return make(wanted)


def _local(wanted: Wanted) -> Cluster:
    from harness.local.cluster import LocalCluster

    if wanted.target != "zab":
        raise CannotBeHad(f"--on local runs the target zab only, not {wanted.target}")
    if wanted.package:
        raise CannotBeHad("--package is for --on lab and for hosts, not for --on local")
    if wanted.nodes > MOST_LOCAL:
        raise CannotBeHad(
            f"--on local has room for {MOST_LOCAL} nodes, not {wanted.nodes}: every two of them "
            "are linked by proxies; --on sim has room for more"
        )
    if wanted.bug is None:
        return LocalCluster(wanted.nodes)
    return LocalCluster(wanted.nodes, module=("target_node.bugs", _bug(wanted.bug)))


def _lab(wanted: Wanted) -> Cluster:
    from harness.deploy.places import in_a_lab

    return in_a_lab(wanted.nodes, _software(wanted))


def _ssh(wanted: Wanted) -> Cluster:
    from harness.deploy.places import on_hosts
    from harness.hosts.inventory import BadInventory, logins

    if not wanted.hosts:
        raise CannotBeHad("--on ssh needs to know where: --hosts a,b,c, or a file of them")
    config = Path(wanted.ssh_config) if wanted.ssh_config else None
    try:
        found = logins(
            wanted.hosts, ssh_config=config, accept_new=wanted.accept_new, sudo=wanted.sudo
        )
    except BadInventory as bad:
        raise CannotBeHad(str(bad)) from None
    return on_hosts(found, _software(wanted))


def _software(wanted: Wanted) -> Software:
    from harness.deploy.places import SOFTWARE
    from harness.deploy.zab import Zab

    if wanted.package:
        return _packed(wanted)
    if wanted.bug is None:
        return SOFTWARE[wanted.target]()
    if wanted.target != "zab":
        raise CannotBeHad(f"bugs are planted in the target zab only, not in {wanted.target}")
    return Zab(bug=_bug(wanted.bug))


def _packed(wanted: Wanted) -> Software:
    from harness.deploy.apache import Apache
    from harness.deploy.release import NoRelease, jars_of

    if wanted.target != Apache.name:
        raise CannotBeHad(f"--package is for --target {Apache.name}, not for {wanted.target}")
    try:
        return Apache(jars=jars_of(Path(wanted.package)))
    except NoRelease as problem:
        raise CannotBeHad(str(problem)) from None


def _bug(name: str) -> str:
    from target_node.bugs.bug import find

    try:
        return find(name).name
    except LookupError as problem:
        raise CannotBeHad(str(problem.args[0])) from None


_WORLDS: Final[Mapping[str, Make]] = MappingProxyType({"local": _local, "lab": _lab, "ssh": _ssh})
