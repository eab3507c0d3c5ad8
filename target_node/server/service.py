"""What does a client's connection need of the server's role?"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Protocol

from target_node.wire.data import Id


@dataclass(frozen=True, slots=True)
class Wish:
    """A request that the whole ensemble has to agree on; `body` is as `decode_request` takes it."""

    session: int
    cxid: int
    op: int
    body: bytes
    ids: tuple[Id, ...] = ()


class Service(Protocol):
    """Leads, follows, observes, or only reads."""

    @property
    def only_reads(self) -> bool:
        """There is no quorum: nothing can be written."""

    @property
    def proposed(self) -> int:
        """No txn up to this zxid can answer what is asked from now on."""

    def submit(self, wish: Wish) -> None:
        """It comes back as an applied txn, after all that was submitted before."""

    def sync(self, token: Hashable) -> None:
        """The token comes back once all is applied that was committed before now."""

    def revalidate(self, session: int, timeout_ms: int) -> None:
        """Whether the session is alive comes back; it is this server's then."""

    def touch(self, session: int, timeout_ms: int) -> None:
        """It was heard."""
