"""What happens to a server, and what does it want done?

Connections carry bytes, and have numbers: those that came to us have positive ones, given by the
driver, and those we dialled negative ones, given by the server. No number is used twice.

Rules of this file:
1. Effects are carried out in their order; what is written to one connection leaves in order.
2. Operations go to the disk in order, and each comes back as one `Done`, in order.
3. `Ended` is the last that is heard of a connection, and comes once: also after a `HangUp`, and
   for a dial that fails.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

from target_node.durable.operations import Completion, Operation
from target_node.protocol.ensemble import Address
from target_node.protocol.events import WakeAt, Woken

Detail = int | str | bool | None | tuple[int, ...]


class Port(StrEnum):
    """What a connection is for."""

    CLIENT = "client"
    QUORUM = "quorum"  # a learner's, to its leader
    ELECTION = "election"


@dataclass(frozen=True, slots=True)
class Now:
    """`ms` never goes back, and times everything; `wall_ms` is what goes into txns."""

    ms: int
    wall_ms: int


@dataclass(frozen=True, slots=True)
class Start:
    """The ports are open."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """Somebody has connected to one of our ports, from this address."""

    connection: int
    port: Port
    host: str


@dataclass(frozen=True, slots=True)
class Connected:
    """The dial has succeeded."""

    connection: int


@dataclass(frozen=True, slots=True)
class Data:
    """These bytes came."""

    connection: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Ended:
    """The connection is gone, or never was."""

    connection: int


@dataclass(frozen=True, slots=True)
class Done:
    """The disk has done what it was asked for."""

    completion: Completion


Event = Start | Accepted | Connected | Data | Ended | Done | Woken


@dataclass(frozen=True, slots=True)
class Dial:
    """Connect to this port of this server; `Connected` or `Ended` comes back."""

    connection: int
    port: Port
    sid: int
    address: Address


@dataclass(frozen=True, slots=True)
class Write:
    """Send these bytes; nothing happens if the connection has gone."""

    connection: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Stream:
    """Send these bytes, of which there may be very many: taken one by one, as they can leave."""

    connection: int
    chunks: Iterable[bytes]


@dataclass(frozen=True, slots=True)
class HangUp:
    """Close it once all that was written before has left."""

    connection: int


@dataclass(frozen=True, slots=True)
class Hold:
    """Read no more from it until `Resume`: it asks for more than we have answered."""

    connection: int


@dataclass(frozen=True, slots=True)
class Resume:
    """Go on reading from it."""

    connection: int


@dataclass(frozen=True, slots=True)
class Perform:
    """For the disk."""

    operation: Operation


@dataclass(frozen=True, slots=True)
class Note:
    """A line of the log of events: what happened, and the facts."""

    event: str
    detail: dict[str, Detail] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Halt:
    """Nothing sane can be done any more: end the process, and say why."""

    reason: str


Effect = Dial | Write | Stream | HangUp | Hold | Resume | Perform | WakeAt | Note | Halt
