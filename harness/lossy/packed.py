"""How does the file system become one file that a host's own Python runs?"""

from __future__ import annotations

import io
import zipfile
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Final

_TIME: Final = (1980, 1, 1, 0, 0, 0)  # the first that a zip file knows
_MAIN: Final = b"from harness.lossy.mounted import main\n\nmain()\n"
_OURS: Final = ("__init__.py", "remains.py", "mounted.py")


def lacks() -> str:
    """What there is not on this machine to make it; nothing, if it can be made."""
    return "" if find_spec("mfusepy") else "mfusepy on the controller (pip install mfusepy)"


@cache
def packed() -> bytes:
    """A zipapp with what it rests on, as it is installed here."""
    spec, here = find_spec("mfusepy"), Path(__file__).parent
    assert spec is not None, lacks()
    assert spec.origin is not None
    files = {"__main__.py": _MAIN, "harness/__init__.py": b""}
    files |= {f"harness/lossy/{name}": (here / name).read_bytes() for name in _OURS}
    files["mfusepy.py"] = Path(spec.origin).read_bytes()
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_STORED) as archive:
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(name, _TIME), data)
    return made.getvalue()
