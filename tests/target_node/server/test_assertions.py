"""Does a server that breaks a promise of ZAB's end at once, and does its memory follow its disk?"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from target_node.durable.operations import (
    EnterEpoch,
    EpochAccepted,
    EpochEntered,
    InstallSnapshot,
    Operation,
    Truncate,
    Truncated,
)
from target_node.durable.recovery import Recovered
from target_node.durable.scan import Txn
from target_node.protocol.election import Elected, Vote
from target_node.protocol.events import Woken
from target_node.server.events import (
    Accepted,
    Connected,
    Data,
    Dial,
    Done,
    Ended,
    Event,
    Note,
    Now,
    Perform,
    Port,
    Start,
)
from target_node.server.leading import Leading
from target_node.server.looking import Looking
from target_node.server.server import Server
from target_node.server.settings import Settings
from target_node.state.image import read_image
from target_node.wire.codes import OpCode, PacketType, ServerState
from target_node.wire.payloads import LeaderInfo, encode_config, encode_payload
from target_node.wire.quorum import QuorumPacket
from target_node.wire.record import encode
from target_node.wire.txn import CreateSessionTxn, TxnHeader, decode_txn, encode_txn
from tests.target_node.protocol.members import participants

NOW = Now(0, 0)


def txn(zxid: int) -> Txn:
    header = TxnHeader(zxid, 0, zxid, 0, OpCode.CREATE_SESSION)
    return Txn(zxid, encode_txn(header, CreateSessionTxn(5000)))


def recovered(*zxids: int) -> Recovered:
    txns = tuple(map(txn, zxids))
    epoch = zxids[-1] >> 32 if zxids else 0
    return Recovered(None, txns, zxids[-1] if zxids else 0, epoch, epoch, ())


class Played:
    """Server 1 of 3 with these in its log; the test is its disk, and its leader, server 2."""

    def __init__(self, *zxids: int) -> None:
        self.core = Server(Settings(1, participants(3)), recovered(*zxids), None, lambda _: 0)
        self.place = self.core.place
        self.asked: list[Operation] = []
        self.notes: list[Note] = []
        self.link = 0
        self.happens(Start())

    def happens(self, event: Event) -> None:
        for effect in self.core.step(NOW, event):
            match effect:
                case Perform(operation):
                    self.asked.append(operation)
                case Dial(connection, Port.QUORUM):
                    self.link = connection
                case Note():
                    self.notes.append(effect)
                case _:
                    pass

    def elect(self, leader: int, state: ServerState) -> None:
        self.core._elected = Elected(Vote(leader, 0, 0, 1), state)
        self.happens(Woken())

    def hears(self, kind: PacketType, zxid: int, data: bytes | None = None) -> None:
        self.happens(Data(self.link, encode(QuorumPacket(kind, zxid, data))))

    def follow(self, epoch: int) -> None:
        """Up to our promise."""
        self.elect(2, ServerState.FOLLOWING)
        self.happens(Connected(self.link))
        self.hears(PacketType.LEADERINFO, epoch << 32, encode_payload(LeaderInfo()))
        self.happens(Done(EpochAccepted(epoch)))

    def take(self) -> list[Operation]:
        """What the disk has been asked for since."""
        asked, self.asked = self.asked, []
        return asked


def test_the_history_is_what_the_disk_says_even_if_the_leader_who_cut_it_is_gone() -> None:
    one = Played(0x1_0000_0001, 0x1_0000_0002)
    one.follow(2)
    one.hears(PacketType.TRUNC, 0x1_0000_0001)
    assert one.take()[-1] == Truncate(0x1_0000_0001)
    one.happens(Ended(one.link))
    assert isinstance(one.core.role, Looking)
    one.happens(Done(Truncated(0x1_0000_0001, recovered(0x1_0000_0001), None)))
    assert one.place.history.last_zxid == 0x1_0000_0001
    assert one.notes[-1] == Note("looking", {"zxid": 0x1_0000_0001, "epoch": 1})


def test_a_history_that_cannot_be_cut_is_replaced_in_one_step() -> None:
    """Between two steps a crash would leave nothing, and what was acked would be lost."""
    one = Played(0x1_0000_0001, 0x1_0000_0002)
    one.place.wants_all = True
    one.follow(2)
    one.take()
    one.hears(PacketType.DIFF, 0x1_0000_0001)
    one.hears(PacketType.PROPOSAL, 0x1_0000_0001, txn(0x1_0000_0001).payload)
    one.hears(PacketType.COMMIT, 0x1_0000_0001)
    assert one.take() == []
    one.hears(PacketType.NEWLEADER, 2 << 32, encode_config(str(participants(3))))
    install, enter = one.take()
    assert isinstance(install, InstallSnapshot)
    assert install.zxid == 0x1_0000_0001
    assert enter == EnterEpoch(2)
    tree = read_image(install.zxid, install.body)
    assert tree.sessions == {0x1_0000_0001: 5000}


def break_epochs(one: Played) -> None:
    one.place.accepted_epoch = 0
    one.elect(2, ServerState.FOLLOWING)


def break_epoch_of_log(one: Played) -> None:
    one.place.accepted_epoch = one.place.current_epoch = 0
    one.elect(2, ServerState.LEADING)


def vote_without_disk(one: Played) -> None:
    one.follow(2)
    one.place.history.tail.append(txn(0x1_0000_0003))
    one.happens(Ended(one.link))


def enter_without_history(one: Played) -> None:
    one.place.due_zxid = 0x1_0000_0009
    one.happens(Done(EpochEntered(1)))


def cut_what_is_committed(one: Played) -> None:
    one.place.history.absorb()
    one.place.history.confirmed = True
    one.place.left()
    one.follow(2)
    one.hears(PacketType.TRUNC, 0x1_0000_0001)


def answer_without_a_role(one: Played) -> None:
    one.happens(Accepted(1, Port.CLIENT, "h"))
    one.core.clients._send(one.core.clients.by_connection[1], b"")


def serve_what_may_not_be_committed(one: Played) -> None:
    one.place.history.absorb()
    one.elect(1, ServerState.LEADING)
    assert isinstance(one.core.role, Leading)
    one.core.clients.serve(one.core.role)


def apply_with_a_hole(one: Played) -> None:
    one.place.history.absorb()
    header, body, _ = decode_txn(txn(0x1_0000_0004).payload)
    one.place.history.apply(txn(0x1_0000_0004), header, body)


def propose_too_early(one: Played) -> None:
    one.elect(1, ServerState.LEADING)
    assert isinstance(one.core.role, Leading)
    one.core.role._propose(())


BREAKS: dict[str, Callable[[Played], None]] = {
    "nobody enters what it has not accepted": break_epochs,
    "of an epoch that was never accepted": break_epoch_of_log,
    "a vote tells what is on disk": vote_without_disk,
    "an epoch is entered with its history": enter_without_history,
    "what is committed is in every leader's history": cut_what_is_committed,
    "nobody is answered by who neither leads nor follows": answer_without_a_role,
    "nobody is shown what may not be committed": serve_what_may_not_be_committed,
    "some are missing between": apply_with_a_hole,
    "proposed before a quorum has joined the epoch": propose_too_early,
}


@pytest.mark.parametrize("promise", BREAKS)
def test_who_breaks_a_promise_ends(promise: str) -> None:
    one = Played(0x1_0000_0001, 0x1_0000_0002)
    with pytest.raises(AssertionError, match=promise):
        BREAKS[promise](one)
