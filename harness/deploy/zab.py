"""How does our own node run on a host?

As one file, which needs a Python and nothing else.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Final

from harness.deploy.target import CACHE, Member, zoo_cfg
from harness.ends import OURS
from harness.pack import pack

TICK_MS: Final = 200
_LACKS: Final = """\
if ! python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
  echo "Python 3.11 or newer (apt-get install python3): $(python3 --version 2>&1 || true)"
elif ! python3 -c 'import asyncio' 2>/dev/null; then
  echo "the whole standard library of Python: apt-get install python3"
fi"""


class Zab:
    """`config` is added to its configuration; `bug` is the name of one that is planted."""

    name: Final = "zab"
    skews: Final = True
    writes_events: Final = True
    ends: Final = OURS

    def __init__(self, *, tick_ms: int = TICK_MS, config: str = "", bug: str = "") -> None:
        self._bug = bug
        self._tick_ms = tick_ms
        self._config = config

    @cached_property
    def _packed(self) -> bytes:
        with tempfile.TemporaryDirectory() as folder:
            return pack(Path(folder) / "zab-node.pyz").read_bytes()

    @cached_property
    def _file(self) -> str:
        return f"zab-node-{hashlib.sha256(self._packed).hexdigest()[:16]}.pyz"

    def programs(self) -> Mapping[str, bytes]:
        return {self._file: self._packed}

    def files(self, members: Sequence[Member]) -> Mapping[str, bytes]:
        return {"zoo.cfg": zoo_cfg(members, self._tick_ms, self._config)}

    def command(self) -> Sequence[str]:
        packed = f"{CACHE}/{self._file}"
        node = [packed]
        if self._bug:
            node = ["-m", "target_node.bugs", self._bug]
        files = ("--events", "events.jsonl", "--clock", "clock.json")
        return ["env", f"PYTHONPATH={packed}", "python3", "-P", *node, "zoo.cfg", *files]

    def trial(self) -> Sequence[str]:
        return ["python3", "-c", ""]

    def lacks(self) -> str:
        return _LACKS
