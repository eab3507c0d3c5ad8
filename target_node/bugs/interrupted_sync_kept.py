"""What a leader sends is applied as it comes, and stays so if the link breaks before NEWLEADER."""

from __future__ import annotations

from typing import Final

from target_node.bugs.bug import Bug, Override
from target_node.protocol.broadcast import Commit
from target_node.protocol.learner import Learner
from target_node.server.looking import Looking
from target_node.wire.codes import PacketType
from target_node.wire.quorum import QuorumPacket

_collect: Final = Learner._collect
_join: Final = Learner._join
_begin: Final = Looking.begin


def _collect_and_apply(self: Learner, packet: QuorumPacket) -> None:
    before = self._uncommitted
    _collect(self, packet)
    if packet.type != PacketType.NEWLEADER:
        self._effects.extend(map(Commit, self._received[before : self._uncommitted]))


def _join_applied(self: Learner, packet: QuorumPacket) -> None:
    before = [*self._effects]
    _join(self, packet)
    fresh = self._effects[len(before) :]
    self._effects = before + [one for one in fresh if not isinstance(one, Commit)]
    self._uncommitted = 0


def _begin_from_memory(self: Looking) -> None:
    self._place.durable_zxid = self._place.history.last_zxid
    _begin(self)


BUG: Final = Bug(
    "interrupted-sync-kept",
    "a history that broke off is forgotten",
    "ZOOKEEPER-5094",
    ("recovery", "a node ended by itself", "membership", "linearizable", "promises"),
    (
        Override(Learner, "_collect", _collect_and_apply),
        Override(Learner, "_join", _join_applied),
        Override(Looking, "begin", _begin_from_memory),
    ),
)
