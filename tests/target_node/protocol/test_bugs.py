"""Bugs that others had in synchronisation, elections and epochs, each in the step that shows it."""

from __future__ import annotations

import pytest

from target_node.durable.operations import (
    AcceptEpoch,
    Append,
    Appended,
    EpochAccepted,
    EpochEntered,
)
from target_node.durable.scan import Txn
from target_node.protocol.broadcast import Admit, Broadcast, Commit, Include, Propose, Sync, Synced
from target_node.protocol.discovery import Established, Phase, ProspectiveLeader, Synchronise
from target_node.protocol.election import Elected, Election, Heard, Look, Settled
from target_node.protocol.ensemble import Ensemble
from target_node.protocol.events import Begin, Dismiss, GiveUp, Received, Send, Woken
from target_node.protocol.plan import Diff, Snap, Stretch, Trunc, plan
from target_node.protocol.promise import ProspectiveFollower, Standing
from target_node.wire.codes import PacketType, ServerState
from target_node.wire.election import Notification
from target_node.wire.payloads import AckEpoch, LeaderInfo, LearnerInfo, encode_payload
from target_node.wire.quorum import QuorumPacket
from tests.target_node.protocol.members import ensemble, participants
from tests.target_node.protocol.script import zxid

LOOKING, FOLLOWING, LEADING = ServerState.LOOKING, ServerState.FOLLOWING, ServerState.LEADING


def heard(
    sid: int, leader: int, last: str, *, epoch: int, round_: int, state: ServerState = LOOKING
) -> Heard:
    return Heard(sid, Notification(state, leader, zxid(last), round_, epoch))


def looking(me: int, members: Ensemble, last: str = "1.1", epoch: int = 1) -> Election:
    election = Election(me, members)
    election.step(0, Look(zxid(last), epoch))
    return election


def elected(election: Election, now_ms: int = 200) -> list[int]:
    effects = election.step(now_ms, Woken())
    return [effect.vote.leader for effect in effects if isinstance(effect, Elected)]


def info(sid: int, accepted: int = 1) -> Received:
    data = encode_payload(LearnerInfo(sid))
    return Received(sid, QuorumPacket(PacketType.FOLLOWERINFO, accepted << 32, data))


def ack_epoch(sid: int, current: int, last: str) -> Received:
    data = encode_payload(AckEpoch(current))
    return Received(sid, QuorumPacket(PacketType.ACKEPOCH, zxid(last), data))


def ack(sid: int, last: str) -> Received:
    return Received(sid, QuorumPacket(PacketType.ACK, zxid(last)))


def leader_info(sid: int, epoch: int) -> Received:
    data = encode_payload(LeaderInfo())
    return Received(sid, QuorumPacket(PacketType.LEADERINFO, epoch << 32, data))


def prospect(members: Ensemble, last: str = "1.1") -> ProspectiveLeader:
    leader = ProspectiveLeader(1, members, Standing(1, 1, zxid(last)), limit_ms=10_000)
    leader.step(0, Begin())
    return leader


def reign(members: Ensemble, *followers: int) -> Broadcast:
    leader = Broadcast(1, members, 2)
    leader.step(0, Begin())
    for sid in followers:
        leader.step(0, Admit(sid, observes=not members.is_voter(sid)))
        leader.step(0, Include(sid))
    return leader


def test_5_a_promise_is_on_disk_before_it_is_told() -> None:
    follower = ProspectiveFollower(2, 1, Standing(1, 1, zxid("1.1")), limit_ms=10_000)
    follower.step(0, Begin())
    assert follower.step(0, leader_info(1, 2)) == (AcceptEpoch(2),)
    told = [e for e in follower.step(0, EpochAccepted(2)) if isinstance(e, Send)]
    assert [effect.packet.type for effect in told] == [PacketType.ACKEPOCH]
    leader = prospect(participants(3))
    assert leader.step(0, info(2)) == (AcceptEpoch(2),)
    assert leader.step(0, EpochAccepted(2)) != ()


def txns_of(*zxids: str) -> tuple[Txn, ...]:
    return tuple(Txn(zxid(text), b"") for text in zxids)


def stretch(after: str, *zxids: str) -> Stretch:
    return Stretch(zxid(after), zxid(zxids[-1] if zxids else after), txns_of(*zxids))


def test_12_no_diff_over_a_hole_in_the_log() -> None:
    memory = stretch("1.8", "1.9")
    disk = [stretch("0.0", "1.1", "1.2"), stretch("1.6", "1.7", "1.8")]
    assert plan(zxid("1.1"), memory, disk, zxid("1.9")) == Snap(zxid("1.9"))
    assert plan(zxid("1.2"), memory, disk, zxid("1.9")) == Snap(zxid("1.9"))
    assert plan(zxid("1.6"), memory, disk, zxid("1.9")) == Diff(
        zxid("1.9"), txns_of("1.7", "1.8", "1.9")
    )


def test_14_a_surplus_is_truncated_and_nothing_else() -> None:
    memory = stretch("1.1", "1.2", "1.3")
    assert plan(zxid("1.4"), memory, [], zxid("1.3")) == Trunc(zxid("1.3"))
    later = stretch("1.1", "1.2", "1.3", "2.1")
    assert plan(zxid("1.4"), later, [], zxid("2.1")) == Trunc(zxid("1.3"), txns_of("2.1"))
    assert plan(zxid("1.3"), later, [], zxid("2.1")) == Diff(zxid("2.1"), txns_of("2.1"))


def test_14_nobody_is_told_to_truncate_to_what_it_may_lack() -> None:
    assert plan(zxid("2.1"), stretch("1.1", "1.2"), [], zxid("1.2")) == Snap(zxid("1.2"))


def test_16_stale_bounds_truncate_nobody() -> None:
    assert plan(zxid("1.5"), stretch("1.1", "1.2"), [], zxid("1.9")) == Snap(zxid("1.9"))


def test_17_an_empty_cache_is_not_a_complete_one() -> None:
    empty = stretch("1.9")
    assert plan(zxid("1.5"), empty, [], zxid("1.9")) == Snap(zxid("1.9"))
    assert plan(zxid("1.9"), empty, [], zxid("1.9")) == Diff(zxid("1.9"))


def test_22_no_diff_over_a_hole_between_disk_and_memory() -> None:
    memory, disk = stretch("1.6", "1.7"), [stretch("0.0", "1.1", "1.2", "1.3")]
    assert plan(zxid("1.3"), memory, disk, zxid("1.7")) == Snap(zxid("1.7"))


@pytest.mark.parametrize(("count", "acks"), [(2, 2), (3, 2), (4, 3), (5, 3), (6, 4), (7, 4)])
def test_26_commit_needs_more_than_half(count: int, acks: int) -> None:
    leader = reign(participants(count), *range(2, count + 1))
    leader.step(0, Propose(Txn(leader.next_zxid, b"")))
    leader.step(0, Appended(leader.proposed))
    for sid in range(2, acks):
        assert leader.step(0, ack(sid, "2.1")) == ()
    assert Commit(Txn(zxid("2.1"), b"")) in leader.step(0, ack(acks, "2.1"))


@pytest.mark.parametrize("sid", [1, 2, 6, 9])
def test_26_no_one_counts_twice_and_no_observer_at_all(sid: int) -> None:
    leader = reign(ensemble(1, 2, 3, 4, 5, "6:observer"), 2, 3, 6)
    leader.step(0, Propose(Txn(leader.next_zxid, b"")))
    leader.step(0, Appended(leader.proposed))
    leader.step(0, ack(2, "2.1"))
    assert leader.step(0, ack(sid, "2.1")) == ()
    assert leader.committed == zxid("2.0")


def test_27_votes_of_an_older_round_are_forgotten() -> None:
    election = looking(3, participants(5))
    election.step(0, heard(1, 3, "1.1", epoch=1, round_=1))
    election.step(0, heard(2, 3, "1.1", epoch=1, round_=1))
    election.step(100, heard(4, 3, "1.1", epoch=1, round_=2))
    assert elected(election) == elected(election, 60_000) == []
    election.step(60_000, heard(1, 3, "1.1", epoch=1, round_=1))
    assert elected(election, 70_000) == []
    election.step(70_000, heard(1, 3, "1.1", epoch=1, round_=2))
    assert elected(election, 70_200) == [3]


def test_27_the_proposal_of_an_older_round_is_forgotten_too() -> None:
    election = looking(1, participants(3), "1.5")
    election.step(0, heard(3, 3, "1.9", epoch=1, round_=1))
    assert election.vote.leader == 3
    election.step(0, heard(2, 2, "1.1", epoch=1, round_=2))
    assert (election.vote.leader, election.vote.round) == (1, 2)


@pytest.mark.parametrize(
    ("mine", "theirs", "winner"),
    [
        (("1.9", 1), ("1.1", 2), 1),  # a later epoch beats a longer log
        (("1.2", 1), ("1.3", 1), 1),
        (("1.3", 1), ("1.2", 1), 2),
        (("1.3", 1), ("1.3", 1), 2),  # the larger sid
        (("2.1", 1), ("1.1", 2), 1),  # currentEpoch, not the epoch of the last zxid
    ],
)
def test_28_epoch_before_zxid_before_sid(
    mine: tuple[str, int], theirs: tuple[str, int], winner: int
) -> None:
    election = looking(2, participants(3), *mine)
    election.step(0, heard(1, 1, theirs[0], epoch=theirs[1], round_=1))
    assert election.vote.leader == winner


@pytest.mark.parametrize(("current", "last"), [(1, "1.6"), (2, "1.1"), (2, "2.1")])
def test_29_nobody_leads_those_who_know_more(current: int, last: str) -> None:
    leader = prospect(participants(3), "1.5")
    leader.step(0, info(2))
    leader.step(0, EpochAccepted(2))
    effects = leader.step(0, ack_epoch(2, current, last))
    assert [type(effect) for effect in effects] == [GiveUp]
    assert leader.step(0, ack_epoch(2, 1, "1.5")) == ()


def test_30_an_old_leaders_epoch_is_not_followed() -> None:
    follower = ProspectiveFollower(2, 1, Standing(3, 2, zxid("2.1")), limit_ms=10_000)
    follower.step(0, Begin())
    effects = follower.step(0, leader_info(1, 2))
    assert [type(effect) for effect in effects] == [GiveUp]


def test_30_acks_of_another_epoch_establish_nobody() -> None:
    leader = prospect(participants(3))
    leader.step(0, info(2))
    leader.step(0, EpochAccepted(2))
    assert Synchronise(2, zxid("1.1")) in leader.step(0, ack_epoch(2, 1, "1.1"))
    leader.step(0, EpochEntered(2))
    for other in ("1.0", "3.0", "2.1"):
        assert leader.step(0, ack(2, other)) == ()
    assert Established(2) in leader.step(0, ack(2, "2.0"))


def test_30_acks_of_another_epochs_txns_commit_nothing() -> None:
    leader = reign(participants(3), 2, 3)
    leader.step(0, Propose(Txn(leader.next_zxid, b"")))
    leader.step(0, ack(2, "1.1"))
    leader.step(0, ack(3, "3.1"))
    assert leader.step(0, Appended(zxid("2.1"))) == ()


def test_31_a_deposed_leader_answers_no_sync() -> None:
    leader = reign(participants(3), 2, 3)
    ping = QuorumPacket(PacketType.PING, zxid("2.0"))
    assert Synced("a") not in leader.step(0, Sync("a"))
    leader.step(0, Received(2, ping))
    # Answers to what was asked before a sync came say nothing about it.
    leader.step(1000, Woken())
    assert leader.step(1000, Sync("b")) != ()
    assert leader.step(1000, Received(2, ping)) == ()
    assert leader.step(1000, Received(2, ping)) == (Synced("b"),)
    leader.step(1000, Dismiss(2))
    leader.step(1000, Dismiss(3))
    assert leader.step(2000, Sync("c")) == ()


def test_31_answers_that_nobody_asked_for_confirm_nothing() -> None:
    leader = reign(participants(3), 2, 3)
    ping = QuorumPacket(PacketType.PING, zxid("2.0"))
    for _ in range(3):
        assert leader.step(0, Received(2, ping)) == ()
    assert Synced("a") not in leader.step(0, Sync("a"))
    assert leader.step(0, Received(2, ping)) == (Synced("a"),)


def test_31_a_sync_is_answered_behind_what_was_proposed_before_it() -> None:
    leader = reign(participants(3), 2, 3)
    txn = Txn(leader.next_zxid, b"")
    assert Append((b"",)) in leader.step(0, Propose(txn))
    leader.step(0, Sync("a"))
    assert leader.step(0, Received(2, QuorumPacket(PacketType.PING, 0))) == ()
    leader.step(0, ack(2, "2.1"))
    effects = leader.step(0, Appended(txn.zxid))
    assert effects.index(Commit(txn)) < effects.index(Synced("a"))


@pytest.mark.parametrize(("own", "others"), [(1, 1), (4, 1), (1, 4)])
def test_32_every_leader_begins_an_epoch_that_nobody_had(own: int, others: int) -> None:
    leader = ProspectiveLeader(1, participants(3), Standing(own, 1, 0), limit_ms=1)
    leader.step(0, Begin())
    assert leader.step(0, info(2, others)) == (AcceptEpoch(max(own, others) + 1),)
    assert Broadcast(1, participants(3), 5).next_zxid == zxid("5.1")


def test_33_the_counter_never_runs_into_the_epoch() -> None:
    leader = reign(participants(3), 2)
    leader.committed = leader.proposed = zxid("2.fffffffd")
    leader.step(0, Propose(Txn(zxid("2.fffffffe"), b"")))
    effects = leader.step(0, Propose(Txn(leader.next_zxid, b"")))
    assert [type(effect) for effect in effects] == [GiveUp]


def test_34_nobody_is_established_before_a_quorum_has_its_history() -> None:
    leader = prospect(participants(5))
    for sid in (2, 3, 4):
        leader.step(0, info(sid))
    leader.step(0, EpochAccepted(2))
    for sid in (2, 3, 4):
        leader.step(0, ack_epoch(sid, 1, "1.1"))
    leader.step(0, EpochEntered(2))
    leader.step(0, ack(2, "2.0"))
    leader.step(0, ack(2, "2.0"))
    assert leader.phase is Phase.SYNCHRONISING
    effects = leader.step(0, ack(3, "2.0"))
    # Serving before UPTODATE: who is told it may ask us at once.
    assert effects[0] == Established(2)
    assert [e.sid for e in effects[1:] if isinstance(e, Send)] == [2, 3]


def test_34_our_own_disk_is_part_of_the_quorum() -> None:
    leader = prospect(participants(3))
    leader.step(0, info(2))
    leader.step(0, info(3))
    leader.step(0, EpochAccepted(2))
    leader.step(0, ack_epoch(2, 1, "1.1"))
    leader.step(0, ack_epoch(3, 1, "1.1"))
    leader.step(0, ack(2, "2.0"))
    assert leader.step(0, ack(3, "2.0")) == ()
    assert leader.step(0, EpochEntered(2))[0] == Established(2)


def test_38_a_txn_waits_for_those_before_it() -> None:
    leader = reign(participants(3), 2, 3)
    txns = [Txn(zxid(f"2.{count}"), b"") for count in (1, 2, 3)]
    for txn in txns:
        leader.step(0, Propose(txn))
    for last in ("2.3", "2.2"):
        leader.step(0, ack(2, last))
        assert leader.step(0, ack(3, last)) == ()
    leader.step(0, ack(2, "2.1"))
    effects = leader.step(0, ack(3, "2.1"))
    assert [effect.txn for effect in effects if isinstance(effect, Commit)] == txns


def test_39_rounds_and_zxids_of_those_who_settled_need_not_agree() -> None:
    election = looking(1, participants(5), "4.1", 4)
    for sid, last, round_, state in ((2, "3.1", 2, FOLLOWING), (3, "3.5", 9, FOLLOWING)):
        election.step(0, heard(sid, 5, last, epoch=4, round_=round_, state=state))
    effects = election.step(0, heard(5, 5, "3.1", epoch=4, round_=2, state=LEADING))
    assert [type(effect) for effect in effects] == [Elected]
    assert (election.state, election.round) == (FOLLOWING, 2)


def test_39_after_synchronisation_all_votes_are_of_the_new_epoch() -> None:
    election = looking(3, participants(3))
    election.step(0, heard(1, 3, "1.1", epoch=1, round_=1))
    assert elected(election) == [3]
    election.step(300, Settled(2))
    (told,) = election.step(400, heard(2, 2, "1.1", epoch=1, round_=7))
    assert told.notification.peer_epoch == 2  # type: ignore[union-attr]
    assert told.notification.state is LEADING  # type: ignore[union-attr]


def test_39_who_has_lost_its_quorum_steps_down() -> None:
    leader = reign(participants(3), 2, 3)
    leader.step(0, Dismiss(2))
    leader.step(0, Dismiss(3))
    effects = leader.step(1000, Woken())
    assert [type(effect) for effect in effects] == [GiveUp]


def test_an_ack_is_void_when_its_learner_comes_back() -> None:
    """It may have been told to truncate the txn: with our own disk, it would seem a quorum."""
    leader = reign(participants(3), 2)
    leader.step(0, Propose(Txn(leader.next_zxid, b"")))
    leader.step(0, ack(2, "2.1"))
    leader.step(0, Dismiss(2))
    leader.step(0, Admit(2))
    assert leader.step(0, Appended(zxid("2.1"))) == ()
    assert leader.step(0, ack(2, "2.1")) != ()
