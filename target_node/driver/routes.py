"""Where is a peer really dialled?

A routes file sends the dials to a peer through a proxy, which may then delay, drop or cut what
passes: {"quorum": {"2": "127.0.0.1:4001"}, "election": {"2": "127.0.0.1:4002"}}. Whoever is not in
it is dialled where the membership says.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from target_node.protocol.ensemble import Address
from target_node.server.events import Port

Ways = dict[tuple[Port, int], Address]


class Routes:
    """The file is read again at every dial: dials are rare, and routes may change at any time."""

    def __init__(
        self, file: Path | None = None, *, tell: Callable[[str], None] = lambda problem: None
    ) -> None:
        self._file = file
        self._tell = tell
        self._ways: Ways = {}
        self._complained = False

    def way_to(self, port: Port, sid: int, address: Address) -> Address:
        """The address to connect to instead of this one, or this one."""
        if self._file is not None:
            self._read_again(self._file)
        return self._ways.get((port, sid), address)

    def _read_again(self, file: Path) -> None:
        try:
            self._ways = _read(file)
            self._complained = False
        except (OSError, ValueError) as problem:
            # What it said before still holds: the direct way might pass by a cut that is meant.
            if not self._complained:
                self._complained = True
                self._tell(f"{file}: {problem}")


def _read(file: Path) -> Ways:
    said = json.loads(file.read_bytes())
    ways: Ways = {}
    if not isinstance(said, dict):
        raise ValueError("not an object of ports")
    for port, peers in said.items():
        if port not in (Port.QUORUM, Port.ELECTION) or not isinstance(peers, dict):
            raise ValueError(f'not {{"quorum": {{…}}, "election": {{…}}}}: {port!r}')
        for sid, address in peers.items():
            ways[Port(port), int(sid)] = _address(address)
    return ways


def _address(text: object) -> Address:
    host, colon, port = str(text).rpartition(":")
    if not colon or not port.isdecimal() or not 0 < int(port) < 65536:
        raise ValueError(f"not host:port: {text!r}")
    return Address(host.removeprefix("[").removesuffix("]"), int(port))
