"""A learner leaves when a commit comes before it serves: it knows of no proposal then."""

from __future__ import annotations

from typing import Final

from target_node.bugs.bug import Bug, Override
from target_node.protocol.learner import Learner, Stage
from target_node.wire.codes import PacketType
from target_node.wire.quorum import QuorumPacket

_follow: Final = Learner._follow


def _follow_when_serving(self: Learner, packet: QuorumPacket) -> None:
    if packet.type == PacketType.COMMIT and self.stage is not Stage.SERVING:
        self._blame(f"commit of 0x{packet.zxid:x} before UPTODATE")
    else:
        _follow(self, packet)


BUG: Final = Bug(
    "commit-behind-newleader-refused",
    "a server joins while others write",
    "ZOOKEEPER-4394",
    ("promises", "recovery", "last calls"),
    (Override(Learner, "_follow", _follow_when_serving),),
)
