"""Which software runs on the hosts?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from harness.ends import Ends

CLIENT_PORT: Final = 2181
QUORUM_PORT: Final = 2888
ELECTION_PORT: Final = 3888
MEASURED_PORT: Final = 3889
"""What comes here by UDP shows how a link is; what comes to the next one is exempt from faults."""
EXEMPT_PORT: Final = 3890
BASE: Final = "/var/lib/zabtest"
"""Everything of ours on a host is below it."""
HOME: Final = f"{BASE}/node"
CACHE: Final = f"{BASE}/cache"
LEASE: Final = f"{BASE}/lease"
"""What undoes faults, and how long they may last."""


@dataclass(frozen=True, slots=True)
class Member:
    """One node of the ensemble."""

    name: str
    sid: int
    address: str


class Target(Protocol):
    """How one piece of software is installed, configured and started."""

    @property
    def name(self) -> str:
        """What `--target` calls it."""

    @property
    def skews(self) -> bool:
        """Whether one node's clock can be bent by a file; else what is preloaded bends it."""

    @property
    def writes_events(self) -> bool:
        """Whether a node writes down what it does, as ours do."""

    @property
    def ends(self) -> Ends:
        """What its exit statuses mean."""

    def programs(self) -> Mapping[str, bytes]:
        """Files to be installed, by their names in the cache of the host."""

    def files(self, members: Sequence[Member]) -> Mapping[str, bytes]:
        """Its configuration, by names in its home."""

    def command(self) -> Sequence[str]:
        """How it is started, in its home."""

    def trial(self) -> Sequence[str]:
        """The same program, started for a moment, to see what can be preloaded into it."""

    def lacks(self) -> str:
        """A script that prints a line for each thing that a host lacks for it."""


def zoo_cfg(members: Sequence[Member], tick_ms: int, more: str) -> bytes:
    """ZooKeeper's configuration, which both targets understand."""
    lines = [
        f"tickTime={tick_ms}",
        "initLimit=25",
        "syncLimit=10",
        f"dataDir={HOME}/data",
        f"clientPort={CLIENT_PORT}",
        "maxClientCnxns=0",
        "4lw.commands.whitelist=*",
    ]
    for one in members:
        host = f"[{one.address}]" if ":" in one.address else one.address
        lines.append(f"server.{one.sid}={host}:{QUORUM_PORT}:{ELECTION_PORT}")
    return ("\n".join(lines) + f"\n{more}").encode()
