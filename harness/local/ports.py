"""Which ports has nobody else?

The system gives ports to connections that are dialled, from a range of its own: a node that is
killed could find its port taken by one of them when it is started again. So ours are below. Between
our look and the node's own another may take one, and whoever asks must be ready to ask again.
"""

from __future__ import annotations

import secrets
import socket
from pathlib import Path
from typing import Final

HOST: Final = "127.0.0.1"
_LOWEST: Final = 10_000
_RANGE: Final = Path("/proc/sys/net/ipv4/ip_local_port_range")


def free_ports(count: int) -> list[int]:
    """So many that nobody listens on now."""
    beyond = _first_dialled()
    found: list[int] = []
    for _ in range(1000 + 20 * count):
        if len(found) == count:
            return found
        port = _LOWEST + secrets.randbelow(beyond - _LOWEST)
        if port not in found and _is_free(port):
            found.append(port)
    raise OSError(f"no {count} free ports from {_LOWEST} to {beyond}")


def _first_dialled() -> int:
    try:
        return max(int(_RANGE.read_text().split()[0]), _LOWEST + 10_000)
    except (OSError, ValueError):
        return 49_152  # where such a range begins by convention


def _is_free(port: int) -> bool:
    with socket.socket() as one:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            one.bind((HOST, port))
        except OSError:
            return False
    return True
