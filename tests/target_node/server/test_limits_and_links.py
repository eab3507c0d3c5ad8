"""Who is let go, who takes whose place, and who must wait: limits of clients, links of learners."""

from __future__ import annotations

from target_node.server.clients import MOST_ASKED, SILENT_MS
from target_node.server.events import Data, Port
from tests.target_node.server.correspondence import Correspondence, tree_of

ALONE = "server 1 of 1 log=1.1\nat 1\ndisk"
PROSPECTS = "server 3 of 1 2 3 log=1.1\nlink 1\nvote 1 LOOKING 3 1.1 round=1 epoch=1\nat 400"


def after(*texts: str) -> Correspondence:
    world = Correspondence()
    for text in texts:
        world.play(text)
    return world


def test_who_says_nothing_for_long_is_let_go() -> None:
    world = after(ALONE)
    world.accept("a", Port.CLIENT)
    assert world.play(f"at {SILENT_MS}") == []
    world.accept("b", Port.CLIENT)
    assert world.play(f"at {SILENT_MS + 1}") == ["hang up on a"]
    assert world.play(f"at {2 * SILENT_MS}") == ["hang up on b"]


def test_so_many_connections_from_one_address_and_no_more() -> None:
    world = after(ALONE)
    numbers = [world.accept("a", Port.CLIENT) for _ in range(61)]
    assert [number in world.others for number in numbers] == [True] * 60 + [False]
    world.over(numbers[0])
    assert world.accept("a", Port.CLIENT) in world.others


def test_who_asks_for_more_than_is_answered_is_not_read_from() -> None:
    world = after(ALONE, "client a connects\ndisk")
    assert world.server is not None
    (client,) = world.server.clients.by_connection.values()
    held: list[bool] = []
    for step in (" then ".join(["create /x"] * (MOST_ASKED - 1)), "create /x"):
        world.play(f"client a {step}")
        held.append(client.held)
    world.play("disk 1")
    assert [*held, client.held] == [False, True, False]


def test_a_learner_that_comes_back_takes_its_own_place() -> None:
    world = after(PROSPECTS, "dials 1\nfrom 1 FOLLOWERINFO 1.0\ndisk\ndials 1")
    before = [number for number, one in world.others.items() if one.port is Port.QUORUM]
    assert "to 1: LEADERINFO 2.0" in world.play("from 1 FOLLOWERINFO 1.0")
    assert [number in world.others for number in before] == [False, True]
    world.play("gone 1\ndials 1")
    assert world.play("from 1 FOLLOWERINFO 1.0") == ["to 1: LEADERINFO 2.0"]


def test_an_observer_may_come_back_as_a_follower() -> None:
    world = after("server 3 of 1 2 3 log=1.1\nleads with 1")
    for kind in ("OBSERVERINFO", "FOLLOWERINFO"):
        world.play(f"dials 2\nfrom 2 {kind} 1.0\nfrom 2 ACKEPOCH 1.1 current=1\nfrom 2 ACK 2.0")
        asked = world.play("client a connects")
        assert any(line.startswith("to 2: PROPOSAL") for line in asked) == (kind[0] == "F")
        world.play("gone 2")


def test_a_tree_that_comes_slowly_is_a_sign_of_life() -> None:
    world = after("server 2 of 1 2 3 log=1.1\nlink 3\nvote 3 LOOKING 3 2.1 round=1 epoch=1\nat 400")
    world.play("connected 3\nfrom 3 LEADERINFO 2.0\ndisk\nfrom 3 SNAP 1.9")
    tree, link = tree_of(["1.9"]), world.end("3", Port.QUORUM)
    for place in range(5):
        world.play(f"at {9000 * (place + 1)}")
        world.step(Data(link, tree[place : place + 1]))
    assert world.play("at 54000") == []
    assert "note: leaving follower the leader is silent" in world.play("at 55000")


def test_syncs_are_answered_in_the_order_in_which_they_were_asked() -> None:
    world = after("server 2 of 1 2 3 log=1.1\nfollows 3\nclient a connects\nclient b connects")
    world.play("from 3 PROPOSAL 2.1 opens a\nfrom 3 PROPOSAL 2.2 opens b")
    world.play("from 3 COMMIT 2.1\nfrom 3 COMMIT 2.2\nclient a sync\nclient b sync")
    assert world.play("from 3 SYNC") == ["to a: #1 at 2.2"]
    assert world.play("from 3 SYNC") == ["to b: #1 at 2.2"]


def test_a_tree_of_a_synchronization_that_broke_off_is_shown_to_nobody() -> None:
    world = after("server 2 of 1 2 3 log=1.1 read_only=yes\nlink 3")
    world.play("vote 3 LOOKING 3 2.1 round=1 epoch=1\nat 400\nconnected 3")
    world.play("from 3 LEADERINFO 2.0\ndisk\nfrom 3 SNAP 1.9\nfrom 3 tree 1.9\ndisk\ngone 3")
    assert "note: not_serving" in world.play("at 3000")
