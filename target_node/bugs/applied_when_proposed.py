"""A follower applies a txn when it is proposed, and tells its clients so."""

from __future__ import annotations

from typing import Final

from target_node.bugs.bug import Bug, Override
from target_node.durable.scan import Txn
from target_node.protocol.broadcast import Commit
from target_node.protocol.learner import Learner
from target_node.wire.codes import PacketType
from target_node.wire.quorum import QuorumPacket

_log: Final = Learner._log
_follow: Final = Learner._follow


def _log_and_apply(self: Learner, txn: Txn) -> None:
    _log(self, txn)
    self._effects.append(Commit(txn))


def _follow_applied(self: Learner, packet: QuorumPacket) -> None:
    _follow(self, packet)
    if packet.type in (PacketType.COMMIT, PacketType.COMMITANDACTIVATE):
        self._effects = [one for one in self._effects if not isinstance(one, Commit)]


BUG: Final = Bug(
    "applied-when-proposed",
    "what a client is shown is committed",
    "a classic",
    ("linearizable", "membership", "promises"),
    (
        Override(Learner, "_log", _log_and_apply),
        Override(Learner, "_follow", _follow_applied),
    ),
)
