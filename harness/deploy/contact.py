"""Does a host still answer, and who waits for it if it does not?

Rules of this file:
1. A host that does not answer keeps nobody waiting: once that is known, whatever is asked of it
   fails at once, and only `answers` tries again.
2. Nothing that a command says is a reason: only that none gets through.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

from harness.hosts.host import DEADLINE_S, Command, Done, Host, Process
from harness.hosts.trouble import HostTrouble, Unreachable


class Contact:
    """A `Host`, as long as it answers."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self.away = ""
        """Why nothing is asked of it any more; empty if it answers."""

    @property
    def name(self) -> str:
        return self._host.name

    @property
    def address(self) -> str:
        return self._host.address

    async def answers(self, within_s: float) -> bool:
        """Whether it does; from now on others are let through, or are not."""
        try:
            await self._host.run(":", deadline_s=within_s, again=True)
        except HostTrouble as trouble:
            self.away = str(trouble).removeprefix(f"{self.name}: ")
        else:
            self.away = ""
        return not self.away

    async def run(
        self,
        command: Command,
        *,
        deadline_s: float = DEADLINE_S,
        apart: bool = False,
        again: bool = False,
    ) -> Done:
        self._check()
        return await self._host.run(command, deadline_s=deadline_s, apart=apart, again=again)

    async def put(
        self, data: bytes, path: str, *, mode: int = 0o644, deadline_s: float = DEADLINE_S
    ) -> None:
        self._check()
        await self._host.put(data, path, mode=mode, deadline_s=deadline_s)

    async def get(self, path: str, *, deadline_s: float = DEADLINE_S) -> bytes:
        self._check()
        return await self._host.get(path, deadline_s=deadline_s)

    async def fetch(self, tree: str, into: Path, *, deadline_s: float = DEADLINE_S) -> None:
        self._check()
        await self._host.fetch(tree, into, deadline_s=deadline_s)

    async def start(self, argv: Sequence[str], *, out: str, directory: str = "/") -> Process:
        self._check()
        return await self._host.start(argv, out=out, directory=directory)

    async def dial(
        self, port: int, *, timeout_s: float
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        # A client's way to the service is none of ours: it finds out by itself.
        return await self._host.dial(port, timeout_s=timeout_s)

    async def close(self) -> None:
        await self._host.close()

    def _check(self) -> None:
        if self.away:
            raise Unreachable(self.name, self.away)
