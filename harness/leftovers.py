"""Which processes and files of a dead run are still there?

Rules of this file: a process is known by what it stands in, writes to or was started with, below
the run's own folder. A number that was written down would be another's one day.
"""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from harness.local.ports import HOST

_PROC: Final = Path("/proc")
_PORT: Final = re.compile(r":([0-9]+)")


@dataclass(frozen=True, slots=True)
class Process:
    """One that lives. `began` tells it from another that is given its number later."""

    pid: int
    began: str
    words: str
    places: tuple[str, ...]

    def is_of(self, folder: Path) -> bool:
        """Whether it belongs to the run in this folder."""
        below = f"{folder}{os.sep}"
        return any(place.startswith(below) for place in self.places)

    def end(self) -> None:
        """Kill it, if it still is the one that was seen."""
        if any(one.began == self.began for one in _seen(str(self.pid))):
            with suppress(ProcessLookupError, PermissionError):
                os.kill(self.pid, signal.SIGKILL)


def processes() -> Sequence[Process]:
    """All that we may look at."""
    if not _PROC.is_dir():
        return list(_listed())
    pids = [name for name in os.listdir(_PROC) if name.isdigit() and int(name) != os.getpid()]
    return [one for pid in pids for one in _seen(pid)]


def _seen(pid: str) -> Iterator[Process]:
    of = _PROC / pid
    try:
        words = (of / "cmdline").read_bytes().decode(errors="replace").split("\0")
        # The name of the command, in parentheses, may hold anything.
        state, *rest = (of / "stat").read_text(errors="replace").rpartition(")")[2].split()
        places = [os.readlink(of / "cwd") + os.sep, *(os.readlink(of / f"fd/{n}") for n in (1, 2))]
    except OSError:
        return  # it has just ended, or is another user's
    if state != "Z":
        yield Process(int(pid), rest[18], " ".join(words).strip(), (*places, *words))


def _listed() -> Iterator[Process]:
    """Where there is no /proc: by the words that they were started with."""
    told = subprocess.run(
        ["ps", "-axo", "pid=,lstart=,command="], capture_output=True, text=True, check=False
    )
    for line in told.stdout.splitlines():
        pid, *rest = line.split()
        if int(pid) != os.getpid():
            yield Process(int(pid), " ".join(rest[:5]), " ".join(rest[5:]), tuple(rest[5:]))


def unfinished(folder: Path) -> Sequence[Path]:
    """Files that were about to take the place of others."""
    names = (".*.json", "nodes/*/*.json.new")
    return sorted(path for name in names for path in folder.glob(name))


def ports(folder: Path) -> Sequence[int]:
    """Those that the nodes and the proxy of this run listened on, as far as it is written down."""
    found: set[int] = set()
    with suppress(OSError):
        for line in (folder / "nodes" / "zoo.cfg").read_text().splitlines():
            if line.startswith("server."):
                found.update(int(port) for port in _PORT.findall(line))
    for routes in folder.glob("nodes/*/routes.json"):
        with suppress(OSError, ValueError):
            found.update(_ports_in(json.loads(routes.read_bytes())))
    return sorted(found)


def _ports_in(routes: Mapping[str, Mapping[str, Any]]) -> Iterator[int]:
    for of_kind in routes.values():
        for address in of_kind.values():
            yield int(str(address).rpartition(":")[2])


def is_taken(port: int) -> bool:
    """Whether somebody listens there now."""
    with socket.socket() as one:
        one.settimeout(1)
        return one.connect_ex((HOST, port)) == 0
