"""Who ends the nodes when whoever started them is gone, however that came about?

The guardian is the parent of all nodes. It reads a JSON object from each line of its input and
answers each with one, of the same `id`. It ends when its input does, and all its children with it.

{"do": "start", "name": "n1", "command": ["python", …], "folder": "…", "log": "…"}
    Answers {"pid": 4711}.
{"do": "signal", "name": "n1", "signal": 19}
    Answers {"done": true}, or false if it does not run.
{"do": "kill", "names": ["n1", …]}
    Kill them with all that they started; answers when they are gone.
{"do": "look"}
    Answers {"states": {"n1": [4711, "S", null], "n2": [4712, "", -9]}}: its state as of ps, empty
    for who has ended, and the exit status then.

Rules of this file:
1. Only a child is signalled that has not been waited for: until then its pid is nobody else's.
2. Children are killed and not asked to end: one that stands still could not hear it.
3. Where the system can do so, it kills the children also when the guardian itself is killed.
"""

from __future__ import annotations

import asyncio
import ctypes
import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, NoReturn

_PR_SET_PDEATHSIG: Final = 1
_LIBC: Final = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None

_GUARDIAN: Final = os.getpid()


class Guardian:
    """All children by name; of each name the last one."""

    def __init__(self) -> None:
        self._children: dict[str, subprocess.Popen[bytes]] = {}

    def do(self, said: Mapping[str, Any]) -> dict[str, Any]:
        """What is to be answered."""
        match said["do"]:
            case "start":
                return {"pid": self._start(said)}
            case "signal":
                return {"done": self._signal(said["name"], said["signal"])}
            case "kill":
                self._kill(said["names"])
                return {}
            case "look":
                children = self._children.items()
                told = {name: [one.pid, _state(one), one.poll()] for name, one in children}
                return {"states": told}
            case other:
                raise ValueError(f"no command: {other!r}")

    def end(self) -> None:
        """Kill them all."""
        self._kill(list(self._children))

    def _start(self, said: Mapping[str, Any]) -> int:
        name = said["name"]
        before = self._children.get(name)
        if before is not None and before.poll() is None:
            raise ValueError(f"{name} runs already")
        with open(said["log"], "ab") as log:
            child = subprocess.Popen(
                said["command"],
                cwd=said["folder"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=_die_with_parent,
            )
        self._children[name] = child
        return child.pid

    def _signal(self, name: str, number: int) -> bool:
        child = self._children.get(name)
        if child is None or child.poll() is not None:
            return False
        os.kill(child.pid, number)
        return True

    def _kill(self, names: Sequence[str]) -> None:
        running = [
            child
            for name in names
            if (child := self._children.get(name)) is not None and child.poll() is None
        ]
        for child in running:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(child.pid, signal.SIGKILL)
        for child in running:
            child.wait()


def _state(child: subprocess.Popen[bytes]) -> str:
    """The letter of ps; empty if it has ended."""
    if child.poll() is not None:
        return ""
    try:
        # The name of the command, in parentheses, may hold anything.
        return Path(f"/proc/{child.pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        told = subprocess.run(
            ["ps", "-o", "state=", "-p", str(child.pid)],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        return told.stdout.strip()[:1]


def _die_with_parent() -> None:
    if _LIBC is not None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != _GUARDIAN:
            os._exit(1)  # it was killed just before


async def _serve(guardian: Guardian) -> None:
    reader = asyncio.StreamReader(limit=1 << 20)
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        said = json.loads(line)
        try:
            answer = guardian.do(said)
        except Exception as failure:
            answer = {"failed": f"{type(failure).__name__}: {failure}"}
        sys.stdout.write(json.dumps({"id": said["id"], **answer}) + "\n")
        sys.stdout.flush()


def main() -> NoReturn:
    """Be the process."""
    guardian = Guardian()
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit(0))
    try:
        asyncio.run(_serve(guardian))
    except BrokenPipeError:
        pass  # whoever asked is gone
    finally:
        guardian.end()
        os._exit(0)


if __name__ == "__main__":
    main()
