"""Which kinds of fault can these hosts do, and what keeps them from the others?

Rules of this file: what one of the hosts cannot do, none of them does.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from harness.deploy.facts import HostFacts
from harness.deploy.hosted import Hosted
from harness.deploy.target import Target
from harness.lossy.packed import lacks
from harness.preload import shim
from nemesis.fault import (
    DISKS,
    ClientLink,
    ClockSkew,
    Crash,
    FlippedBit,
    Node,
    Packets,
    Partition,
    Pause,
    PowerLoss,
    Slow,
    Wipe,
)

PRELOADED: Final[frozenset[type]] = frozenset({ClockSkew, *DISKS}) - {PowerLoss}
"""What a library that is preloaded into the process does."""


class Abilities:
    """Before anybody has looked at the hosts, `kinds` are all that there may be."""

    def __init__(self, target: Target) -> None:
        own: list[type] = [Partition, Slow, Packets, ClientLink, Crash, Pause, Wipe, FlippedBit]
        if target.skews:
            own.append(ClockSkew)
        self._own = frozenset(own)  # for which nothing need be preloaded
        self.kinds = self._own | PRELOADED | DISKS
        self._why_not: dict[type, str] = {}
        no_shim, no_loss = (one and f"there is not {one}" for one in (shim.lacks(), lacks()))
        self._without(no_shim, no_loss)

    def why_not(self, kind: type) -> str:
        """What keeps them from this kind of fault; empty, if that is not known."""
        return self._why_not.get(kind, "")

    def look(self, found: Mapping[Node, HostFacts], shared: Mapping[Node, str]) -> None:
        """What was seen of the hosts, and why which of them must not have its clock bent."""
        if unable := [f"{node}: {one.not_slow}" for node, one in found.items() if not one.slow]:
            self._cannot(frozenset((Slow, Packets)), unable[0])
        if not any(shared.values()):  # so nothing need be preloaded for it
            self._own |= {ClockSkew}
            self.kinds |= {ClockSkew}

    def installed(self, there: Mapping[Node, Hosted]) -> None:
        """What was tried on them since."""
        no_shim = [f"{n}: {one.preload.why_not}" for n, one in there.items() if one.preload.why_not]
        no_loss = [f"{n}: {one.losing.why_not}" for n, one in there.items() if one.losing.why_not]
        self._without("".join(no_shim[:1]), "".join(no_loss[:1]))

    def _without(self, no_shim: str, no_loss: str) -> None:
        """What keeps hosts from bending processes, and from forgetting what is not synced."""
        if no_loss:
            self._cannot(frozenset({PowerLoss}), no_loss)
        if no_shim:  # what forgets can do the rest, too
            self._cannot((PRELOADED if no_loss else PRELOADED - DISKS) - self._own, no_shim)

    def _cannot(self, kinds: frozenset[type], why: str) -> None:
        self._why_not |= dict.fromkeys(kinds, why)
        self.kinds -= kinds
