"""How is a lab ended that outlived whoever made it?

Its pid is written down with the time at which it began: the number may be somebody else's by now.
"""

from __future__ import annotations

import os
import shutil
import signal
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

_FILE: Final = "pid"
_PATIENCE_S: Final = 10.0


def write_pid(folder: Path, pid: int) -> None:
    """Of the process that holds the lab."""
    (folder / _FILE).write_text(f"{pid} {_began(pid)}\n")


def let_go(folder: Path, *, only_dead: bool = False) -> bool:
    """End the lab and remove its folder; with `only_dead` only the folder, if the lab is gone.

    False if it is not gone.
    """
    pid, began = _written(folder)
    alive = pid != 0 and _began(pid) == began
    if alive and only_dead:
        return False
    if alive:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        end = time.monotonic() + _PATIENCE_S
        while _began(pid) == began and time.monotonic() < end:
            time.sleep(0.01)
    if pid:  # else it is no lab's folder
        shutil.rmtree(folder)
    return pid != 0


def _written(folder: Path) -> tuple[int, str]:
    with suppress(OSError, ValueError):
        pid, began = (folder / _FILE).read_text().split()
        return int(pid), began
    return 0, ""


def _began(pid: int) -> str:
    """In ticks since boot; nothing if there is no such process, or only what is left of it."""
    with suppress(OSError):
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
        if fields[0] not in "ZX":
            return fields[19]
    return ""
