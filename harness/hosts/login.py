"""How does one log in to a host, and as what?"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from harness.hosts.secret import Secret
from harness.hosts.ways import Direct, Way

SSH_PORT: Final = 22


@dataclass(frozen=True, slots=True)
class Login:
    """All that is known of a host before anybody has talked to it.

    `address` is where SSH finds it, `node_address` where the other hosts do. A host key that is in
    no file of `known_hosts` is refused, or, with `accept_new`, written into the first; one that
    differs from what is in them is always refused. `sudo`: whatever is run is run as root by it.
    """

    name: str
    address: str
    user: str
    port: int = SSH_PORT
    node_address: str = ""
    keys: tuple[str, ...] = ()
    key_password: Secret | None = None
    agent: bool = True
    password: Secret | None = None
    known_hosts: tuple[str, ...] = ()
    known_as: str = ""
    accept_new: bool = False
    sudo: bool = False
    sudo_password: Secret | None = None
    way: Way = field(default_factory=Direct)

    @property
    def among_nodes(self) -> str:
        """Where the other hosts find it."""
        return self.node_address or self.address
