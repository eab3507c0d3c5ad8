"""Who waits for children that end by themselves?"""

from __future__ import annotations

import subprocess
import threading
from typing import Final

_children: Final[list[subprocess.Popen[bytes]]] = []
_lock: Final = threading.Lock()


def reap_later(child: subprocess.Popen[bytes]) -> None:
    """Nobody else waits for this one: whoever comes here later takes note of its end."""
    with _lock:
        _children.append(child)
        _children[:] = [one for one in _children if one.poll() is None]
