"""What is a host to the harness, wherever it is?

Rules of this file:
1. Everything has a deadline. What is not over by then is ended on the host too, as far as it can
   be; whether it has done its work is not known.
2. What is run is a list of words, none of which means anything to a shell, or a script for `sh`
   that quotes with `words` whatever it does not know.
3. Nothing here is repeated by itself, unless it is said that it may be (`again`).
"""

from __future__ import annotations

import asyncio
import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol, TypeAlias

from harness.hosts.trouble import CommandFailed

DEADLINE_S: Final = 20.0

Command: TypeAlias = str | Sequence[str]
"""A script for `sh`, or a list of words."""


@dataclass(frozen=True, slots=True)
class Done:
    """What a command said until it ended."""

    status: int
    out: bytes = b""
    err: bytes = b""

    @property
    def text(self) -> str:
        """Its output, without the white space around it."""
        return self.out.decode(errors="replace").strip()


@dataclass(frozen=True, slots=True)
class Process:
    """One on a host. Its number may be given to another one later, but never with this start."""

    pid: int
    started: int  # in ticks since the host's boot


class Host(Protocol):
    """A machine on which nodes run."""

    @property
    def name(self) -> str:
        """What the user calls it."""

    @property
    def address(self) -> str:
        """Where the other hosts find it."""

    async def run(
        self,
        command: Command,
        *,
        deadline_s: float = DEADLINE_S,
        apart: bool = False,
        again: bool = False,
    ) -> Done:
        """Run it as root if the host was given with root, until it ends; any status is an answer.

        `apart`: it may well hang, and is not to keep others waiting. `again`: it may run twice,
        and so is repeated when a connection breaks.
        """

    async def put(
        self, data: bytes, path: str, *, mode: int = 0o644, deadline_s: float = DEADLINE_S
    ) -> None:
        """Let there be a file with these contents: all of them at once, or none.

        The deadline is for each piece of it: whoever is slow may be sent something large, too.
        """

    async def get(self, path: str, *, deadline_s: float = DEADLINE_S) -> bytes:
        """The contents of a file."""

    async def fetch(self, tree: str, into: Path, *, deadline_s: float = DEADLINE_S) -> None:
        """Copy what is below this directory, as far as it is there, into one of our own."""

    async def start(self, argv: Sequence[str], *, out: str, directory: str = "/") -> Process:
        """Start a process that outlives whatever started it; what it says is appended to `out`."""

    async def dial(
        self, port: int, *, timeout_s: float
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A connection to this port of the host, as a client would make one. `OSError` if not."""

    async def close(self) -> None:
        """Let go of it; what was started there goes on."""


def words(argv: Iterable[object]) -> str:
    """These as words of a script, whatever is in them."""
    return shlex.join([str(one) for one in argv])


def script(command: Command) -> str:
    """The same for `sh`."""
    text = command if isinstance(command, str) else words(command)
    if "\0" in text:
        raise ValueError(f"a command cannot have a NUL in it: {text!r}")
    return text


async def checked(
    host: Host, command: Command, *, deadline_s: float = DEADLINE_S, again: bool = False
) -> Done:
    """Run it, and let any other status than 0 be a `CommandFailed`."""
    done = await host.run(command, deadline_s=deadline_s, again=again)
    if done.status:
        raise CommandFailed(host.name, script(command), done.status, done.err)
    return done
