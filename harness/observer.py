"""Who is told how a run goes, while it goes?

A live view and a report are observers. Whatever they are told stands in the history, too: who only
listens changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from nemesis.fault import Node
from workloads.workload import Finding


class Observer(Protocol):
    """Told in the run's own loop: who takes long here delays the run."""

    def phase(self, name: str, time_ns: int) -> None:
        """A phase begins: deploy, prepare, load, faults, recovery, last calls, agreement, done,
        judging, judged."""
        ...

    def hosts(self, step: str, done: int, of: int, time_ns: int) -> None:
        """So many hosts are done with this step of the setting up."""
        ...

    def called(self, f: str, kind: str, time_ns: int, took_ns: int) -> None:
        """A call ended: `ok`, `refused` by the service, `fail`ed, or as `info`, in doubt."""
        ...

    def noted(self, f: str, value: Mapping[str, Any], time_ns: int) -> None:
        """The nemesis did something."""
        ...

    def roles(self, roles: Mapping[Node, str], time_ns: int) -> None:
        """Who leads and who follows, whenever that has changed."""
        ...

    def found(self, finding: Finding) -> None:
        """A judge has spoken."""
        ...


class Silence:
    """Nobody is told."""

    def phase(self, name: str, time_ns: int) -> None: ...
    def hosts(self, step: str, done: int, of: int, time_ns: int) -> None: ...
    def called(self, f: str, kind: str, time_ns: int, took_ns: int) -> None: ...
    def noted(self, f: str, value: Mapping[str, Any], time_ns: int) -> None: ...
    def roles(self, roles: Mapping[Node, str], time_ns: int) -> None: ...
    def found(self, finding: Finding) -> None: ...
