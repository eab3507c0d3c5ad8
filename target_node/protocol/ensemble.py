"""Who belongs to the ensemble, and which of them are a quorum?

The text of a membership is the one ZooKeeper keeps in /zookeeper/config, a line for each server:
`server.1=host:2888:3888:participant;host:2181`, and the version that the whole has.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

CLIENT_HOST: Final = "0.0.0.0"  # what ZooKeeper writes where only a port was given


class Role(StrEnum):
    """What a server is there for: an observer follows, but is never asked to agree."""

    PARTICIPANT = "participant"
    OBSERVER = "observer"


@dataclass(frozen=True, slots=True)
class Address:
    """Where a port is."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Server:
    """One member. A participant of weight 0 votes, but its vote weighs nothing and it never leads.

    `quorum` is where it takes learners in if it leads; `election` is where it takes votes.
    """

    sid: int
    quorum: Address
    election: Address
    client: Address | None = None
    role: Role = Role.PARTICIPANT
    weight: int = 1

    @property
    def observes(self) -> bool:
        """It is asked for nothing."""
        return self.role is Role.OBSERVER

    def __str__(self) -> str:
        ports = f"{self.quorum}:{self.election.port}:{self.role}"
        return f"server.{self.sid}={ports};{self.client or ''}"


@dataclass(frozen=True, slots=True)
class Ensemble:
    """All members, by ascending sid; `version` is the zxid that established it, 0 at first."""

    servers: tuple[Server, ...]
    version: int = 0
    # Asked for with every ack: the weight of each participant, and that of all together.
    _weights: dict[int, int] = field(init=False, repr=False, compare=False)
    _total: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        weights = {s.sid: s.weight for s in self.servers if s.role is Role.PARTICIPANT}
        object.__setattr__(self, "_weights", weights)
        object.__setattr__(self, "_total", sum(weights.values()))
        sids = [server.sid for server in self.servers]
        if sids != sorted(set(sids)):
            raise ValueError(f"the servers are not in order, each once: {sids}")
        if any(server.weight < 0 for server in self.servers):
            raise ValueError("a weight is negative")
        if not self._total:
            raise ValueError("nobody may lead")

    @property
    def voters(self) -> tuple[int, ...]:
        """The sids of the participants."""
        return tuple(self._weights)

    def server(self, sid: int) -> Server | None:
        """None if it is no member."""
        return next((server for server in self.servers if server.sid == sid), None)

    def is_voter(self, sid: int) -> bool:
        """Whether it is a participant."""
        return sid in self._weights

    def weight(self, sid: int) -> int:
        """What its vote adds to a quorum; nothing, if it is no participant."""
        return self._weights.get(sid, 0)

    def is_quorum(self, sids: Iterable[int]) -> bool:
        """Whether any other quorum has one of these too: they hold more than half of the weight.

        A server counts once, however often it is named, and an observer never.
        """
        return 2 * sum(map(self.weight, set(sids))) > self._total

    def __str__(self) -> str:
        weights = [f"weight.{s.sid}={s.weight}" for s in self.servers if s.weight != 1]
        return "\n".join([*map(str, self.servers), *weights, f"version={self.version:x}"])


def parse_ensemble(text: str) -> Ensemble:
    """The membership of which `text` is the `str`; what ZooKeeper lets one leave out may lack."""
    return Ensemble(*parse_servers(text))


def parse_servers(text: str) -> tuple[tuple[Server, ...], int]:
    """Some servers, and the version told with them: 0 if none is."""
    servers: dict[int, Server] = {}
    weights: dict[int, int] = {}
    version = 0
    for line in filter(None, map(str.strip, text.splitlines())):
        key, _, value = line.partition("=")
        match key.strip().split("."):
            case ["server", sid]:
                servers[int(sid)] = _parse_server(int(sid), value.strip())
            case ["weight", sid]:
                weights[int(sid)] = int(value)
            case ["version"]:
                version = int(value, 16)
            case _:
                raise ValueError(f"not of a membership: {line!r}")
    if not weights.keys() <= servers.keys():
        raise ValueError("a weight is given to somebody who is no member")
    weighed = tuple(
        Server(s.sid, s.quorum, s.election, s.client, s.role, weights.get(sid, s.weight))
        for sid, s in sorted(servers.items())
    )
    return weighed, version


def _parse_server(sid: int, text: str) -> Server:
    peers, _, client = text.partition(";")
    host, rest = _split_host(peers)
    ports = rest.split(":")
    role = Role(ports[2].lower()) if len(ports) == 3 else Role.PARTICIPANT
    if len(ports) not in (2, 3):
        raise ValueError(f"not host:port:port[:role]: {peers!r}")
    quorum, election = Address(host, int(ports[0])), Address(host, int(ports[1]))
    return Server(sid, quorum, election, _parse_client(client.strip()), role)


def _parse_client(text: str) -> Address | None:
    if not text:
        return None
    if text.isdigit():
        return Address(CLIENT_HOST, int(text))
    host, port = _split_host(text)
    return Address(host, int(port))


def _split_host(text: str) -> tuple[str, str]:
    """("host", "the rest"): an IPv6 address has its colons in brackets."""
    if text.startswith("["):
        host, bracket, rest = text[1:].partition("]:")
        if not bracket:
            raise ValueError(f"no port behind the address: {text!r}")
        return host, rest
    host, _, rest = text.partition(":")
    return host, rest
