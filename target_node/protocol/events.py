"""What happens to the protocol's machines, and what do they want done?

The disk's part of both is in `durable.operations`: a machine asks for an `AcceptEpoch` and goes on
when it gets the `EpochAccepted`.
"""

from __future__ import annotations

from dataclasses import dataclass

from target_node.wire.quorum import QuorumPacket


@dataclass(frozen=True, slots=True)
class Begin:
    """We were elected, or the link to the one who was has come up."""


@dataclass(frozen=True, slots=True)
class Woken:
    """The time asked for has come, or the driver thinks it might have: waking too early is safe."""


@dataclass(frozen=True, slots=True)
class WakeAt:
    """Send `Woken` then; it takes the place of the time that the same machine asked for before."""

    time_ms: int


@dataclass(frozen=True, slots=True)
class Received:
    """A packet came over the link to this learner, or to the leader."""

    sid: int
    packet: QuorumPacket


@dataclass(frozen=True, slots=True)
class Dismiss:
    """The link to this learner is gone: say so before anything that comes over its next one."""

    sid: int


@dataclass(frozen=True, slots=True)
class Send:
    """Behind all that was sent to this one before."""

    sid: int
    packet: QuorumPacket


@dataclass(frozen=True, slots=True)
class Close:
    """End the link to this one: it is of no use, or breaks the protocol."""

    sid: int
    reason: str


@dataclass(frozen=True, slots=True)
class GiveUp:
    """Neither lead nor follow any longer: close all links and look for a leader anew.

    It was a `breach` if the leader had sent what the protocol does not allow.
    """

    reason: str
    breach: bool = False
