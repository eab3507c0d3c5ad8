"""What must a session with a ZooKeeper-like service offer, and what does an error of it mean?

Rules of this file:
1. `NotDone` is a claim: whatever was asked has no effect, now or ever. In doubt it is `InDoubt`.
2. A `Refusal` is an answer: the service looked at its state and decided. It needs no doubt, but a
   model that predicts it.
3. A session never retries. One call is at most one request of its kind.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from types import MappingProxyType
from typing import Final, Protocol

ANY_VERSION: Final = -1


class Refusal(Exception):
    """The service decided against it; `code` says why, `zxid` what the server knew by then."""

    def __init__(self, code: str, zxid: int | None = None) -> None:
        super().__init__(code)
        self.code = code
        self.zxid = zxid


class NotDone(Exception):
    """It never reached the service, or surely had no effect."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class InDoubt(Exception):
    """It may have happened, or may yet."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Meaning(Enum):
    """What an error in a reply says of the request."""

    DECIDED = auto()  # Refusal
    NO_EFFECT = auto()  # NotDone
    IN_DOUBT = auto()  # InDoubt


ERRORS: Final[Mapping[int, tuple[str, Meaning]]] = MappingProxyType(
    {
        # A server whose state is broken, or that says what only a client's own library should.
        -1: ("system-error", Meaning.IN_DOUBT),
        -2: ("runtime-inconsistency", Meaning.IN_DOUBT),
        -3: ("data-inconsistency", Meaning.IN_DOUBT),
        -4: ("connection-loss", Meaning.IN_DOUBT),
        # Apache's server says so of any exception, also of one after the change was made.
        -5: ("marshalling-error", Meaning.IN_DOUBT),
        -6: ("unimplemented", Meaning.NO_EFFECT),
        -7: ("operation-timeout", Meaning.IN_DOUBT),
        -8: ("bad-arguments", Meaning.NO_EFFECT),
        -12: ("unknown-session", Meaning.IN_DOUBT),
        -13: ("new-config-no-quorum", Meaning.NO_EFFECT),
        -14: ("reconfig-in-progress", Meaning.NO_EFFECT),
        -100: ("api-error", Meaning.IN_DOUBT),
        -101: ("no-node", Meaning.DECIDED),
        -102: ("no-auth", Meaning.DECIDED),
        -103: ("bad-version", Meaning.DECIDED),
        -108: ("no-children-for-ephemerals", Meaning.DECIDED),
        -110: ("node-exists", Meaning.DECIDED),
        -111: ("not-empty", Meaning.DECIDED),
        # The session ended at a time that nobody told us; what it asked last may have come first.
        -112: ("session-expired", Meaning.IN_DOUBT),
        -113: ("invalid-callback", Meaning.IN_DOUBT),
        -114: ("invalid-acl", Meaning.DECIDED),
        -115: ("auth-failed", Meaning.IN_DOUBT),
        -118: ("session-moved", Meaning.IN_DOUBT),
        # A server that has lost its quorum says so before it does anything.
        -119: ("not-read-only", Meaning.NO_EFFECT),
        -120: ("ephemeral-on-local-session", Meaning.DECIDED),
        -121: ("no-watcher", Meaning.DECIDED),
        -122: ("request-timeout", Meaning.IN_DOUBT),
        -123: ("reconfig-disabled", Meaning.NO_EFFECT),
        -124: ("sasl-required", Meaning.NO_EFFECT),
        -125: ("quota-exceeded", Meaning.DECIDED),
        # A throttled request is answered without being passed on.
        -127: ("throttled", Meaning.NO_EFFECT),
    }
)
"""Every error code of the protocol. There is no other table of them."""


def complaint(error: int, zxid: int | None = None) -> Refusal | NotDone | InDoubt:
    """The exception that a reply with this error is; an error nobody knows leaves it in doubt."""
    code, meaning = ERRORS.get(error, (f"error {error}", Meaning.IN_DOUBT))
    match meaning:
        case Meaning.DECIDED:
            return Refusal(code, zxid)
        case Meaning.NO_EFFECT:
            return NotDone(code)
        case Meaning.IN_DOUBT:
            return InDoubt(code)


@dataclass(frozen=True, slots=True)
class Stat:
    """What a reply told of a node: when it was made and changed, and how often."""

    czxid: int
    mzxid: int
    version: int
    cversion: int
    pzxid: int
    ephemeral_owner: int
    children: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """`zxid`: up to where the answering server knew the history. The rest where there is any.

    After a create `path` is the name that the node got. `bare`: nothing more can be told of this.
    """

    zxid: int
    stat: Stat | None = None
    path: str = ""
    data: bytes = b""
    names: tuple[str, ...] = ()
    bare: bool = False


@dataclass(frozen=True, slots=True)
class Create:
    """In a multi: make this node."""

    path: str
    data: bytes
    ephemeral: bool = False


@dataclass(frozen=True, slots=True)
class SetData:
    """In a multi: let this node hold that."""

    path: str
    data: bytes
    version: int = ANY_VERSION


@dataclass(frozen=True, slots=True)
class Delete:
    """In a multi: away with this node."""

    path: str
    version: int = ANY_VERSION


@dataclass(frozen=True, slots=True)
class Check:
    """In a multi: nothing happens unless this node is there, with this version."""

    path: str
    version: int = ANY_VERSION


Step = Create | SetData | Delete | Check


class ZooKeeperSession(Protocol):
    """One session with one server over one connection, which makes one call at a time.

    Every call raises `Refusal`, `NotDone` or `InDoubt`, and nothing else; and every call ends, at
    the latest when its deadline is over.
    """

    @property
    def node(self) -> str:
        """The server at the other end."""
        ...

    @property
    def session_id(self) -> int:
        """As the service numbers it."""
        ...

    @property
    def alive(self) -> bool:
        """Whether it can be asked anything more. Once false, it stays false."""
        ...

    async def create(
        self, path: str, data: bytes, *, ephemeral: bool = False, sequential: bool = False
    ) -> Reply:
        """Make a node; the reply has its path and stat."""
        ...

    async def get(self, path: str, *, synced: bool = False) -> Reply:
        """Data and stat, as this server knows them."""
        ...

    async def get_all(self, paths: Sequence[str], *, synced: bool = False) -> Sequence[Reply]:
        """The same of all of these at one moment; of what is not there, neither data nor stat."""
        ...

    async def set(self, path: str, data: bytes, version: int = ANY_VERSION) -> Reply:
        """Let the node hold this; the reply has its stat."""
        ...

    async def delete(self, path: str, version: int = ANY_VERSION) -> Reply:
        """Away with a node that has no children."""
        ...

    async def exists(self, path: str) -> Reply:
        """The stat, as this server knows it."""
        ...

    async def children(self, path: str, *, synced: bool = False) -> Reply:
        """Names and the parent's stat, as this server knows them."""
        ...

    async def sync(self, path: str) -> Reply:
        """Let this server catch up with its leader."""
        ...

    async def multi(self, steps: Sequence[Step]) -> Sequence[Reply]:
        """All of it or nothing; a reply a step. `Refusal` with the code of the step that failed."""
        ...

    async def close(self) -> None:
        """End the session, if that can be said; never raises."""
        ...

    def abandon(self) -> None:
        """Drop the connection, without a word to the server."""
        ...
