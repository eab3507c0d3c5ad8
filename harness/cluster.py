"""What is a cluster to the harness, whatever it is made of?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

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
