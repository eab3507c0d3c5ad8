"""Bugs that others had between their leaders, learners and clients, each where it would show."""

from __future__ import annotations

import pytest

from target_node.server.events import Data, Port
from tests.target_node.server.correspondence import Correspondence

FOLLOWS = """
server 2 of 1 2 3 log=1.1
follows 3
"""
SYNCHRONISES = """
server 2 of 1 2 3 log=1.1,1.2
link 3
vote 3 LOOKING 3 2.1 round=1 epoch=1
at 400
connected 3
from 3 LEADERINFO 2.0
disk
"""
A_IS_IN = """
client a connects
from 3 PROPOSAL 2.1 opens a
from 3 COMMIT 2.1
"""
LEADS = """
server 3 of 1 2 3 log=1.1
leads with 1 2
client a connects
disk
from 1 ACK 2.1
"""


def after(*texts: str) -> Correspondence:
    world = Correspondence()
    for text in texts:
        world.play(text)
    return world


def test_2_newleader_is_acked_when_what_came_before_it_is_on_disk() -> None:
    """ZOOKEEPER-4646, 3023 and 3911; and 4643: the epoch behind the history it stands for."""
    world = after(SYNCHRONISES, "from 3 DIFF 1.3\nfrom 3 PROPOSAL 1.3 create /x\nfrom 3 COMMIT 1.3")
    came = world.play("from 3 NEWLEADER 2.0")
    assert came == ["disk: append 1.3", "apply 1.3", "disk: enter epoch 2"]
    assert world.play("disk 1") == []
    assert world.play("disk 1") == ["to 3: ACK 2.0"]


def test_7_an_epoch_is_entered_behind_the_tree_it_begins_with() -> None:
    """ZOOKEEPER-1653 and 2354."""
    world = after(SYNCHRONISES, "from 3 SNAP 1.9")
    assert world.play("from 3 tree 1.9") == ["disk: install the tree of 1.9"]
    assert world.play("from 3 NEWLEADER 2.0") == ["disk: enter epoch 2"]
    assert world.play("disk 1") == []
    assert world.play("disk 1") == ["to 3: ACK 2.0"]


def test_13_what_is_logged_counts_in_a_vote_committed_or_not() -> None:
    """ZOOKEEPER-2845."""
    world = after(FOLLOWS, "from 3 PROPOSAL 2.1 create /x")
    world.play("gone 3")
    assert world.play("disk") == ["vote to 3: LOOKING 2 2.1 round=2 epoch=2"]


@pytest.mark.parametrize("cut", ["TRUNC 1.1", "DIFF 1.2"])
def test_15_a_history_that_broke_off_leaves_memory_as_the_disk_is(cut: str) -> None:
    """ZOOKEEPER-5094: the next one began where the memory stood, and the disk had a hole."""
    world = after(SYNCHRONISES, f"from 3 {cut}\ndisk")
    begin = "1.2" if cut == "TRUNC 1.1" else "1.3"
    number = begin if cut == "DIFF 1.2" else "1.2"
    world.play(f"from 3 PROPOSAL {number} create /x\nfrom 3 COMMIT {number}\ngone 3\ndisk")
    assert world.server is not None
    on_disk = world.store.log.last_zxid
    assert world.server.place.history.last_zxid == on_disk
    assert on_disk == 1 << 32 | (1 if cut == "TRUNC 1.1" else 2)


def test_18_a_commit_right_behind_newleader_finds_its_proposal() -> None:
    """ZOOKEEPER-4394."""
    world = after(SYNCHRONISES, "from 3 DIFF 1.2\nfrom 3 PROPOSAL 2.1 create /x")
    world.play("from 3 NEWLEADER 2.0")
    assert world.play("from 3 COMMIT 2.1") == ["apply 2.1"]


def test_19_the_ack_of_newleader_is_the_first() -> None:
    """ZOOKEEPER-4685."""
    world = after(SYNCHRONISES, "from 3 DIFF 1.2\nfrom 3 PROPOSAL 2.1 create /x")
    world.play("from 3 NEWLEADER 2.0")
    assert world.play("disk") == ["to 3: ACK 2.0", "to 3: ACK 2.1"]


def test_20_newleader_comes_behind_all_that_was_under_way() -> None:
    """ZOOKEEPER-3104."""
    world = after(LEADS, "client a create /x\ngone 1\ndials 1\nfrom 1 FOLLOWERINFO 1.0")
    came = world.play("from 1 ACKEPOCH 1.1 current=1")
    assert came[-2:] == ["to 1: PROPOSAL 2.2 CREATE", "to 1: NEWLEADER 2.0"]


def test_34_a_leader_serves_nobody_before_a_quorum_has_its_history() -> None:
    world = after("server 3 of 1 2 3 log=1.1\nlink 1\nvote 1 LOOKING 3 1.1 round=1 epoch=1\nat 400")
    for step in ("dials 1", "from 1 FOLLOWERINFO 1.0", "disk", "from 1 ACKEPOCH 1.1 current=1"):
        world.play(step)
        assert world.play("client a connects") == ["hang up on a"]
    world.play("disk")
    assert world.play("client a connects") == ["hang up on a"]
    assert "to 1: UPTODATE 2.0" in world.play("from 1 ACK 2.0")
    assert "hang up on a" not in world.play("client a connects")


def test_35_a_follower_serves_nobody_before_uptodate() -> None:
    world = after(SYNCHRONISES, "from 3 DIFF 1.2\nfrom 3 NEWLEADER 2.0\ndisk")
    assert world.play("client a connects") == ["hang up on a"]
    world.play("from 3 UPTODATE 2.0")
    assert world.play("client a connects") == ["to 3: REQUEST CREATE_SESSION by=a cxid=0"]


def test_36_what_is_only_proposed_shows_to_nobody() -> None:
    world = after(FOLLOWS, A_IS_IN, "from 3 PROPOSAL 2.2 create /x\ndisk")
    assert world.play("client a exists /x") == ["to a: #1 NO_NODE at 2.1"]
    world = after(LEADS, "client a create /x\ndisk\nclient b connects resumes=a")
    assert world.play("client b exists /x") == ["to b: #1 NO_NODE at 2.1"]


def test_37_what_the_log_ends_with_shows_to_nobody_without_a_leader() -> None:
    world = after("server 2 of 1 2 3 log=1.1 read_only=yes\nat 3000\nclient a connects read_only")
    assert world.play("client a exists /1.1") == ["to a: #1 NO_NODE at 0.0"]


def test_38_a_commit_of_another_than_the_oldest_ends_it() -> None:
    """ZOOKEEPER-1863 and others."""
    world = after(FOLLOWS, "from 3 PROPOSAL 2.1 create /x\nfrom 3 PROPOSAL 2.2 create /y")
    came = world.play("from 3 COMMIT 2.2")
    assert came[0].startswith("note: leaving follower commit of 0x200000002")
    assert not any(line.startswith("apply") for line in came)


def test_43_one_of_two_writes_that_are_under_way_with_one_version_fails() -> None:
    world = after(LEADS, "client a set /1.1 x version=0 then set /1.1 y version=0\ndisk")
    assert world.play("from 1 ACK 2.2")[-1] == "to a: #1 at 2.2 version 1"
    assert world.play("from 1 ACK 2.3")[-1] == "to a: #2 BAD_VERSION at 2.3"


def test_48_nothing_is_asked_twice_for_a_client_that_comes_back() -> None:
    world = after(FOLLOWS, A_IS_IN)
    assert world.play("client a create /x") == ["to 3: REQUEST CREATE by=a cxid=1"]
    world.play("client a gone")
    assert world.play("client b connects resumes=a") == ["to 3: REVALIDATE a"]
    came = world.play("from 3 REVALIDATE 2.1 a alive")
    assert came == ["to b: welcome, session of a"]


def test_48_an_answer_is_not_taken_for_that_of_an_earlier_life() -> None:
    """A client that has come back may number its requests anew."""
    world = after(
        FOLLOWS, A_IS_IN, "client a create /x\nclient a gone\nclient b connects resumes=a"
    )
    # The leader had proposed 2.2 when it answered: the old request, under the same number.
    world.play("from 3 REVALIDATE 2.2 a alive\nclient b create /y")
    world.play("from 3 PROPOSAL 2.2 create /x by=a cxid=1")
    assert world.play("from 3 COMMIT 2.2") == ["apply 2.2"]
    world.play("from 3 PROPOSAL 2.3 create /y by=a cxid=1")
    assert world.play("from 3 COMMIT 2.3") == ["apply 2.3", "to b: #1 at 2.3 made /y"]


def test_50_no_ephemeral_comes_behind_the_close_of_its_session() -> None:
    """ZOOKEEPER-1208."""
    world = after(LEADS, "client a close then create /e x ephemeral\ndisk")
    world.play("from 1 ACK 2.2\nfrom 1 ACK 2.3")
    assert world.server is not None
    assert "/e" not in world.server.place.history.tree.nodes


def test_51_no_vote_before_the_disk_has_done_what_the_last_role_asked_for() -> None:
    """ZOOKEEPER-4541, 4712 and 4409."""
    world = after(FOLLOWS, "from 3 PROPOSAL 2.1 create /x\nfrom 3 PROPOSAL 2.2 create /y")
    assert not any(line.startswith("vote") for line in world.play("gone 3"))
    assert world.play("disk 1") == []
    assert world.play("disk 1") == ["vote to 3: LOOKING 2 2.2 round=2 epoch=2"]


def test_53_whom_a_follower_has_heard_does_not_expire() -> None:
    world = after(LEADS, "client a gone")
    for time in range(2000, 20_000, 2000):
        world.play(f"from 1 PING touches=a\nfrom 2 PING\nat {time}")
    assert "to b: welcome, session of a" in world.play("client b connects resumes=a")


def test_54_who_has_seen_more_is_turned_away() -> None:
    world = after(FOLLOWS, A_IS_IN, "client a gone")
    assert world.play("client b connects resumes=a seen=2.2")[-1] == "hang up on b"


def test_55_a_session_that_has_moved_writes_nothing_where_it_was() -> None:
    """ZOOKEEPER-710."""
    world = after(LEADS, "from 1 REVALIDATE 0.0 a")
    assert "to 1: PROPOSAL 2.2 ERROR" in world.play("client a create /x")
    world.play("disk")
    assert world.play("from 1 ACK 2.2")[-1] == "hang up on a"


def test_56_a_read_waits_for_the_clients_own_writes() -> None:
    world = after(FOLLOWS, A_IS_IN)
    came = world.play("client a create /x 1 then get /x")
    assert came == ["to 3: REQUEST CREATE by=a cxid=1"]
    world.play("from 3 PROPOSAL 2.2 create /x 1 by=a cxid=1")
    came = world.play("from 3 COMMIT 2.2")
    assert came[1:] == ["to a: #1 at 2.2 made /x", "to a: #2 at 2.2 '1' version 0"]


def test_57_a_watch_fires_before_any_answer_that_shows_the_change() -> None:
    """ZOOKEEPER-1412 and others."""
    world = after(FOLLOWS, A_IS_IN, "client a exists /x watch then create /x then exists /x")
    world.play("from 3 PROPOSAL 2.2 create /x by=a cxid=2")
    came = world.play("from 3 COMMIT 2.2")
    assert came[1:3] == ["to a: event NODE_CREATED /x", "to a: #2 at 2.2 made /x"]


def test_60_only_the_leader_knows_whether_a_session_is_alive() -> None:
    world = after(FOLLOWS, A_IS_IN, "client a gone")
    assert world.play("client b connects resumes=a") == ["to 3: REVALIDATE a"]
    came = world.play("from 3 REVALIDATE 2.1 a gone")
    assert came == ["to b: that session is gone", "hang up on b"]


def test_an_observer_acks_newleader_and_nothing_else() -> None:
    world = after("server 4 of 1 2 3 4:observer log=1.1\nlink 1")
    world.play("vote 1 LOOKING 3 1.1 round=1 epoch=1\nfollows 3")
    world.play("from 3 INFORM 2.1 create /x")
    assert world.play("disk") == []


def test_the_word_of_a_session_that_is_open_opens_nothing_again() -> None:
    world = after(FOLLOWS, A_IS_IN)
    assert world.play("from 3 REVALIDATE 2.1 a alive") == []
    assert world.play("from 3 REVALIDATE 2.1 a gone") == []


def test_what_is_asked_while_earlier_requests_wait_stays_behind_them() -> None:
    world = after(FOLLOWS, A_IS_IN, "client a sync then create /x then get /x")
    assert world.play("client a exists /y") == []
    came = world.play("from 3 SYNC")
    assert came == ["to a: #1 at 2.1", "to 3: REQUEST CREATE by=a cxid=2"]
    assert world.play("client a exists /z") == []


def test_nobody_learns_from_itself() -> None:
    world = after(LEADS, "dials 9")
    assert world.play("from 9 FOLLOWERINFO 1.0 sid=3")[-1] == "hang up on 9"


@pytest.mark.parametrize("asked", ["REQUEST 0.0 a create /x", "REVALIDATE 0.0 a"])
def test_a_learner_asks_for_nothing_before_it_is_synchronised(asked: str) -> None:
    world = after(LEADS, "gone 2\ndials 2\nfrom 2 FOLLOWERINFO 1.0")
    came = world.play(f"from 2 {asked}")
    assert came == [
        "note: learner_closed it asks before it is synchronised",
        "hang up on 2",
    ]


def test_a_leader_that_sends_nonsense_is_left() -> None:
    world = after(FOLLOWS)
    world.step(Data(world.end("3", Port.QUORUM), b"GET / HTTP/1.1\r\nHost: here\r\n\r\n"))
    assert any("the leader sent nonsense" in line for line in world.lines)


def test_an_answer_belongs_to_the_request_of_its_number() -> None:
    world = after(FOLLOWS, A_IS_IN, "client a create /x")
    world.play("from 3 PROPOSAL 2.2 create /y by=a cxid=7")
    assert world.play("from 3 COMMIT 2.2") == ["apply 2.2"]


def test_who_dials_a_follower_and_goes_is_nobodys_leader() -> None:
    world = after(FOLLOWS)
    assert world.play("dials 1") == ["hang up on 1"]
    assert world.play("from 3 PING 2.0") == ["to 3: PING 2.0"]
