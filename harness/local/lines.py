"""How is a process of ours talked with, that answers lines by lines?

Rules of this file:
1. Every question has a deadline; a process that has ended fails it at once.
2. The process ends when we do: its input is a pipe of which nobody else holds the other end.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO, Final

DEADLINE_S: Final = 20.0
_LAST_S: Final = 5.0
_LONGEST: Final = 1 << 24
HOME: Final = Path(__file__).resolve().parents[2]


class Gone(OSError):
    """The process has ended, or could not do what it was told."""


class Lines:
    """A process of ours; `start` it first."""

    def __init__(self, module: str) -> None:
        self._module = module
        self._log = Path()
        self._process: asyncio.subprocess.Process | None = None
        self._reading: asyncio.Task[None] | None = None
        self._asked: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._last = 0

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    async def start(self, log: Path) -> None:
        """In a session of its own: a Ctrl-C in the terminal is for us, who then end it."""
        self._log = log
        with _opened(log) as errors:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-P", "-m", self._module),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=errors,
                limit=_LONGEST,
                env=environment(),
                start_new_session=True,
            )
        self._reading = asyncio.get_running_loop().create_task(self._read())

    async def ask(self, do: str, **more: Any) -> dict[str, Any]:
        """The answer; `Gone` or `TimeoutError` if there is none."""
        process = self._process
        if process is None or process.stdin is None or process.returncode is not None:
            raise Gone(f"{self._module} does not run; {self._log} may tell why")
        self._last += 1
        number = self._last
        answer = self._asked[number] = asyncio.get_running_loop().create_future()
        try:
            process.stdin.write(json.dumps({"id": number, "do": do, **more}).encode() + b"\n")
            async with asyncio.timeout(DEADLINE_S):
                told: dict[str, Any] = await answer
        finally:
            self._asked.pop(number, None)
        if "failed" in told:
            raise Gone(f"{self._module} could not {do}: {told['failed']}")
        return told

    async def stop(self) -> None:
        """Let it end, or end it. May be called twice."""
        process, self._process = self._process, None
        if process is None:
            return
        assert process.stdin is not None
        process.stdin.close()
        try:
            async with asyncio.timeout(_LAST_S):
                await process.wait()
        except TimeoutError:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()
        if self._reading is not None:
            await self._reading

    async def _read(self) -> None:
        assert self._process is not None
        assert self._process.stdout is not None
        while line := await self._process.stdout.readline():
            told = json.loads(line)
            answer = self._asked.get(told["id"])
            if answer is not None and not answer.done():
                answer.set_result(told)
        for answer in self._asked.values():
            if not answer.done():
                answer.set_exception(Gone(f"{self._module} has ended; {self._log} may tell why"))


def environment() -> dict[str, str]:
    """For processes of ours, wherever they run: they find our packages, and write at once."""
    paths = [str(HOME), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths), "PYTHONUNBUFFERED": "1"}


def _opened(log: Path) -> BinaryIO:
    return log.open("ab")
