"""How does OpenSSH itself reach a host of a lab?

As its ProxyCommand, with ProxyUseFdpass: `through.py SOCKETS HOST PORT` connects in the lab's
network and hands the connection over.
"""

from __future__ import annotations

import array
import socket
import sys
from typing import Final

from harness.hosts.ways import BySocket

_PATIENCE_S: Final = 15.0


def main(sockets: str, host: str, port: str) -> int:
    """Standard output is a socket, over which the connection goes to whoever asked."""
    with (
        BySocket(sockets).open(host, int(port), _PATIENCE_S) as connected,
        socket.socket(fileno=1) as asking,
    ):
        connected.settimeout(None)
        fds = array.array("i", [connected.fileno()])
        asking.sendmsg([b"+"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, fds)])
        asking.detach()
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:4]))
