"""Which ports has nobody else?

The system gives ports to connections that are dialled, from a range of its own: a node that is
killed could find its port taken by one of them when it is started again. So ours are below. There
each process claims a block for as long as it lives, lest a node of another run gets the port of one
of ours that is down. Between our look and the node's own a stranger may take one, and whoever asks
must be ready to ask again.
"""

from __future__ import annotations

import secrets
import socket
from collections import deque
from pathlib import Path
from typing import Final

HOST: Final = "127.0.0.1"
BLOCK: Final = 256
_LOWEST: Final = 10_000
_RANGE: Final = Path("/proc/sys/net/ipv4/ip_local_port_range")
_ours: Final[deque[int]] = deque()  # those given least lately come first
_claims: Final[list[socket.socket]] = []


def free_ports(count: int) -> list[int]:
    """So many that nobody listens on now."""
    beyond = _first_dialled()
    found: list[int] = []
    looked = 0
    while len(found) < count:
        if looked == len(_ours):
            if looked >= beyond - _LOWEST:
                raise OSError(f"no {count} free ports from {_LOWEST} to {beyond}")
            _ours.extendleft(reversed(_claimed(beyond)))
        port = _ours.popleft()
        _ours.append(port)
        looked += 1
        if port not in found and _is_free(port):
            found.append(port)
    return found


def _claimed(beyond: int) -> range:
    """A block that is nobody's; where none is, or claims can't be made, any."""
    blocks = [range(one, one + BLOCK) for one in range(_LOWEST, beyond - BLOCK + 1, BLOCK)]
    first = secrets.randbelow(len(blocks))
    for block in blocks[first:] + blocks[:first]:
        claim = socket.socket(socket.AF_UNIX)
        try:
            # A name that is no file: the system lets one process have it, until that ends.
            claim.bind(f"\0zabtest-ports-{block.start}")
        except OSError:
            claim.close()
        else:
            _claims.append(claim)
            return block
    return blocks[first]


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
