"""What is a cluster to the harness, whatever it is made of?"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from harness.ends import Ends
from nemesis.fault import Node
from nemesis.surface import Surface


class CannotDeploy(Exception):
    """The ensemble does not come up; the message is for the user, a line for each reason."""


class Cluster(Surface, Protocol):
    """A `Surface` that can also be deployed, connected to, and cleaned up.

    Every kind keeps the same promises; one suite of tests asks them of each.
    """

    @property
    def ended(self) -> Mapping[Node, str]:
        """Who ended by itself, though nobody wanted it so: "exit status 70: its last words"."""

    @property
    def ends(self) -> Ends:
        """What it means that one did, by its exit status."""

    async def deploy(self, directory: Path) -> None:
        """Install, configure, start, and wait for a leader; logs go below this directory."""

    async def connect(self, node: Node, *, timeout_s: float) -> Any:
        """A new session with this node, or the exception that the kind of session declares."""

    async def recovered(self, *, within_s: float) -> Mapping[Node, str]:
        """Wait until all nodes serve and one leads; their roles. `TimeoutError` if that fails."""

    async def fingerprints(self) -> Mapping[Node, str]:
        """What tells replicas apart: equal at all nodes once they have applied the same."""

    def event_logs(self) -> Mapping[Node, Sequence[Path]]:
        """Where each node writes what it does."""

    async def stop(self) -> None:
        """End everything that was started, also after a failure; may be called twice."""


@runtime_checkable
class Reachable(Protocol):
    """A cluster that has an address at which users of its service would reach each node."""

    @property
    def addresses(self) -> Mapping[Node, str]:
        """Host and port of each."""


@runtime_checkable
class OnHosts(Protocol):
    """A cluster whose nodes live on hosts, which may be lost, and are to be left as they were.

    `changed` is known once it has stopped: what is not as it was before, of each host that is so.
    """

    tell: Callable[[str, int], None]
    """Is told how far a step of the setting up is: its name, and how many hosts are done."""
    lost: Mapping[Node, str]
    """Hosts that could not be told something, or were not heard of for long, and why: what was seen
    from then on may mean nothing.
    """
    changed: Mapping[Node, Sequence[str]]

    async def collect(self, *, data: bool = False) -> None:
        """Fetch what the nodes wrote, and what is on their disks if `data` is wanted."""
