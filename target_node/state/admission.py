"""May this client begin a session here, or go on with the one it had?

What can be said without the leader is said here. Whether a session is still alive only the leader
knows: ask it before you answer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from target_node.state.session_ids import NO_PASSWORD, is_password, password_of
from target_node.state.sessions import clamp_timeout
from target_node.wire.connect import ConnectRequest, ConnectResponse


@dataclass(frozen=True, slots=True)
class Begin:
    """Propose a new session; answer once that is applied."""

    timeout_ms: int


@dataclass(frozen=True, slots=True)
class Resume:
    """Ask the leader whether it is alive; it is to be this server's then."""

    session: int
    timeout_ms: int


@dataclass(frozen=True, slots=True)
class TurnAway:
    """Close the connection and say nothing: the client may find what it needs elsewhere."""

    reason: str


@dataclass(frozen=True, slots=True)
class Gone:
    """Answer `session_gone`, and close: there is no such session, or it is not this client's."""


Admission = Begin | Resume | TurnAway | Gone

NOT_READ_ONLY: Final = "this server only reads, and the client wants to write"


def admit(
    request: ConnectRequest,
    *,
    last_zxid: int,
    least_ms: int,
    most_ms: int,
    only_reads: bool = False,
) -> Admission:
    """What to do with a client's first packet, as a server that has applied `last_zxid`."""
    if only_reads and not request.read_only:
        return TurnAway(NOT_READ_ONLY)
    # The client has seen more than we could show it: with us it would go back in time.
    if request.last_zxid_seen > last_zxid:
        seen, ours = request.last_zxid_seen, last_zxid
        return TurnAway(f"the client has seen zxid 0x{seen:x}, we are at 0x{ours:x}")
    timeout_ms = clamp_timeout(request.timeout_ms, least_ms, most_ms)
    if request.session == 0:
        return Begin(timeout_ms)
    if not is_password(request.session, request.passwd):
        return Gone()
    return Resume(request.session, timeout_ms)


def session_open(
    request: ConnectRequest, session: int, timeout_ms: int, *, only_reads: bool = False
) -> ConnectResponse:
    """The answer to a client whose session is alive, new or not."""
    read_only = None if request.read_only is None else only_reads
    return ConnectResponse(timeout_ms, session, password_of(session), read_only)


def session_gone(request: ConnectRequest) -> ConnectResponse:
    """The answer to a client whose session is not."""
    return ConnectResponse(0, 0, NO_PASSWORD, None if request.read_only is None else False)
