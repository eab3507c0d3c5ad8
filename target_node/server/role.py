"""What is a server, besides a place where clients connect?

It looks for a leader, or leads, or learns from one; one at a time. A role begins when the disk owes
nothing and ends for good; the next one is made anew.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol
from zlib import crc32

from target_node.durable.names import counter_of, epoch_of
from target_node.durable.operations import Completion
from target_node.durable.scan import Txn
from target_node.protocol import election
from target_node.protocol.ensemble import Ensemble
from target_node.protocol.membership import Members
from target_node.protocol.promise import Standing
from target_node.server.clients import Clients
from target_node.server.events import Detail
from target_node.server.history import History
from target_node.server.links import QuorumLink
from target_node.server.turn import Turn
from target_node.wire.txn import TxnBody, TxnHeader


@dataclass(slots=True)
class Place:
    """What outlives all roles of one server.

    `leave` ends the role under way; `elect` is the election's step; `adopt` makes these the
    members, committed for good. The epochs are those that the disk was asked to keep; the durable
    zxid is the last that it said it has.
    """

    me: int
    turn: Turn
    history: History
    clients: Clients
    ensemble: Members
    accepted_epoch: int
    current_epoch: int
    durable_zxid: int
    leave: Callable[[str], None]
    elect: Callable[[election.Event], None]
    adopt: Callable[[Ensemble], None]
    wants_all: bool = False  # our own history cannot be cut to the leader's: we need all of that
    due_zxid: int = 0  # the end of the history that the epoch being entered began with
    committed_zxid: int = 0  # up to here all that we had applied was committed

    @property
    def standing(self) -> Standing:
        """What we bring into a discovery."""
        last_zxid = self.history.last_zxid
        assert self.accepted_epoch >= self.current_epoch, "nobody enters what it has not accepted"
        assert epoch_of(last_zxid) <= self.accepted_epoch, "of an epoch that was never accepted"
        return Standing(self.accepted_epoch, self.current_epoch, last_zxid)

    def commit(self, txn: Txn, header: TxnHeader, body: TxnBody | None) -> None:
        """It is committed: apply it, and tell whom it concerns."""
        applied = self.history.apply(txn, header, body)
        if self.turn.settings.traces:
            self._note_history("applied", txn=crc32(txn.payload))
        self.clients.applied(applied)

    def left(self) -> None:
        """The role is over: what it served was committed.

        A tree that came as a snapshot may bear the beginning of an epoch. That is no txn's, and a
        leader who was told its history otherwise does not have it.
        """
        last = self.history.tree.last_zxid
        if self.history.confirmed and counter_of(last):
            self.committed_zxid = max(self.committed_zxid, last)

    def cut(self, zxid: int) -> None:
        """A leader wants our history to end here, before it goes on."""
        assert zxid >= self.committed_zxid, "what is committed is in every leader's history"

    def begin_with(self, how: str) -> None:
        """The tree stands where no single txn has brought it; `how` says what has."""
        self._note_history("history", by=how)

    def _note_history(self, event: str, **detail: Detail) -> None:
        tree = self.history.tree
        chain = tree.chain
        self.turn.note(
            event, zxid=tree.last_zxid, since=chain.since, chain=chain.hash.hex(), **detail
        )


class Role(Protocol):
    """What the server hands on to the role it has."""

    @property
    def name(self) -> str:
        """As four-letter words call it."""

    def begin(self) -> None: ...

    def linked(self, link: QuorumLink) -> None:
        """Somebody has dialled our quorum port; what it sent so far is in the link."""

    def connected(self, connection: int) -> None:
        """A dial of ours to a leader has succeeded."""

    def came(self, connection: int, data: bytes) -> None:
        """Bytes over a quorum link."""

    def ended(self, connection: int) -> None:
        """A quorum link is gone."""

    def done(self, completion: Completion) -> None:
        """The disk has done what this role asked for."""

    def woken(self, who: str) -> None:
        """The alarm of this name."""

    def end(self) -> None:
        """Hang up, and leave the history as the log is."""
