"""How does the node become one file that runs wherever there is a Python?

A zipapp: `zab-node.pyz zoo.cfg` needs Python 3.11 or newer and nothing else. Its bytes follow from
the sources alone, so that two runs can tell whether they tried the same node.
"""

from __future__ import annotations

import os
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import target_node

_SHEBANG: Final = b"#!/usr/bin/env python3\n"
_MAIN: Final = b"from target_node.__main__ import run\n\nrun()\n"
_TIME: Final = (1980, 1, 1, 0, 0, 0)  # the first that a zip file knows
_MODE: Final = 0o100644 << 16


def pack(to: Path) -> Path:
    """Write the node into this file, which is made or replaced in one step."""
    unfinished = to.with_name(f"{to.name}.{os.getpid()}.tmp")
    with unfinished.open("wb") as file:
        file.write(_SHEBANG)
        # Stored, not deflated: zlib's versions differ in what they make of the same bytes.
        with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
            for name, source in _sources():
                entry = zipfile.ZipInfo(name, _TIME)
                entry.create_system = 3  # whatever system this is packed on
                entry.external_attr = _MODE
                archive.writestr(entry, source)
    unfinished.chmod(0o755)
    os.replace(unfinished, to)
    return to


def _sources() -> Iterator[tuple[str, bytes]]:
    yield "__main__.py", _MAIN
    package = Path(target_node.__file__).parent
    for path in sorted(package.rglob("*.py")):
        yield path.relative_to(package.parent).as_posix(), path.read_bytes()
