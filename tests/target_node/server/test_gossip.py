"""One server's election links, effect by effect. Whole ensembles are in `test_gossip_worlds`."""

from __future__ import annotations

import struct

import pytest

from target_node.protocol.election import Heard, Linked, Tell
from target_node.protocol.ensemble import Address
from target_node.protocol.events import WakeAt, Woken
from target_node.server.events import (
    Connected,
    Data,
    Dial,
    Ended,
    HangUp,
    Port,
    Write,
)
from target_node.server.gossip import MOST_STRANGERS
from target_node.server.peer import DIAL_MS, FIRST_PAUSE_MS, MOST_PAUSE_MS
from target_node.wire.election import (
    MANY_ADDRESSES,
    InitialMessage,
    encode_initial,
)
from tests.target_node.protocol.members import ensemble, participants
from tests.target_node.server.one_server import Links, dial, said, sent
from tests.target_node.server.votes_net import vote


def test_the_larger_dials_and_speaks_first() -> None:
    links = Links()
    assert links.step(0, Tell(1, vote(7))) == (dial(-1, 1), WakeAt(DIAL_MS))
    initial = struct.pack(">qqi", -65536, 2, 7) + b"n2:3888"
    body = struct.pack(">iqqqqii", 0, 1, 7, 1, 0, 2, 7) + b"x" * 7
    assert links.step(5, Connected(-1)) == (
        Write(-1, initial),
        Write(-1, struct.pack(">i", len(body)) + body),
        Linked(1),
    )
    assert links.step(6, Data(-1, sent(8) + sent(9))) == (Heard(1, vote(8)), Heard(1, vote(9)))
    assert links.step(7, Tell(1, vote(10))) == (Write(-1, sent(10)),)


def test_the_smaller_announces_itself_and_is_dialled_back() -> None:
    links = Links()
    links.step(0, Tell(3, vote(7)))
    assert links.step(5, Tell(3, vote(8))) == ()
    assert links.step(10, Connected(-1)) == (Write(-1, said(2)), HangUp(-1), WakeAt(210))
    assert links.step(11, Ended(-1)) == ()
    assert links.accept(1, said(3) + sent(1)[:9], 20) == (Write(1, sent(8)), Linked(3))
    assert links.step(21, Data(1, sent(1)[9:])) == (Heard(3, vote(1)),)
    assert links.step(210, Woken()) == ()


def test_the_smaller_tries_again_if_nobody_dials_back() -> None:
    links = Links()
    links.step(0, Tell(3, vote(7)))
    links.step(10, Connected(-1))
    assert links.step(209, Woken()) == (WakeAt(210),)
    assert links.step(210, Woken()) == (dial(-2, 3), WakeAt(210 + DIAL_MS))


def test_both_dial_at_once_seen_by_the_larger() -> None:
    links = Links()
    links.step(0, Tell(1, vote(7)))
    assert links.accept(1, said(1)) == (HangUp(1),), "ours is on its way"
    links.step(5, Connected(-1))
    assert links.accept(2, said(1), 6) == (HangUp(2),), "the two have crossed"
    later_ms = 5 + FIRST_PAUSE_MS
    assert links.accept(3, said(1), later_ms) == (
        HangUp(3),
        HangUp(-1),
        dial(-2, 1),
        WakeAt(later_ms + DIAL_MS),
    ), "it has no link, whatever we believe"


def test_both_dial_at_once_seen_by_the_smaller() -> None:
    links = Links()
    links.step(0, Tell(3, vote(7)))
    assert links.accept(1, said(3)) == (HangUp(-1), Write(1, sent(7)), Linked(3))
    assert links.step(1, Connected(-1)) == ()
    assert links.step(2, Ended(-1)) == ()
    assert links.step(3, Tell(3, vote(8))) == (Write(1, sent(8)),)


def test_a_restarted_larger_peer_replaces_its_link() -> None:
    links = Links()
    links.accept(1, said(3))
    assert links.accept(2, said(3), 1) == (HangUp(1), Linked(3))
    assert links.step(2, Data(1, sent(7))) == ()
    assert links.step(3, Ended(1)) == ()
    assert links.step(4, Tell(3, vote(8))) == (Write(2, sent(8)),)


def test_a_restarted_smaller_peer_is_dialled_back_though_there_is_nothing_to_say() -> None:
    links = Links()
    assert links.accept(1, said(1)) == (HangUp(1), dial(-1, 1), WakeAt(DIAL_MS))
    assert links.step(5, Connected(-1)) == (Write(-1, said(2)), Linked(1))
    assert links.accept(2, said(1), 500)[:3] == (HangUp(2), HangUp(-1), dial(-2, 1))
    assert links.step(501, Tell(1, vote(1))) == ()
    assert links.step(502, Ended(-2)) == (WakeAt(600),)
    assert links.step(600, Woken())[0] == dial(-3, 1)


def test_refused_dials_come_at_growing_pauses() -> None:
    links = Links()
    links.step(0, Tell(1, vote(7)))
    now_ms, pauses = 0, []
    for connection in range(-1, -8, -1):
        (wake,) = links.step(now_ms, Ended(connection))
        assert isinstance(wake, WakeAt)
        assert links.step(wake.time_ms - 1, Tell(1, vote(8))) == ()
        pauses.append(wake.time_ms - now_ms)
        now_ms = wake.time_ms
        assert dial(connection - 1, 1) in links.step(now_ms, Woken())
    assert pauses == [100, 200, 400, 800, 1000, 1000, 1000]
    assert links.step(now_ms, Ended(-8)) == (WakeAt(now_ms + MOST_PAUSE_MS),)
    assert links.accept(1, said(1), now_ms)[1] == dial(-9, 1)
    assert links.step(now_ms, Ended(-9)) == (WakeAt(now_ms + FIRST_PAUSE_MS),), "it is alive"
    now_ms += FIRST_PAUSE_MS
    assert dial(-10, 1) in links.step(now_ms, Woken())
    links.step(now_ms, Connected(-10))
    assert links.step(now_ms + 1, Ended(-10)) == ()
    assert links.step(now_ms + 2, Tell(1, vote(9))) == (WakeAt(now_ms + FIRST_PAUSE_MS),)


def test_a_dial_that_nobody_answers_is_given_up() -> None:
    links = Links()
    links.step(0, Tell(1, vote(7)))
    assert links.step(DIAL_MS, Woken()) == (HangUp(-1), dial(-2, 1), WakeAt(2 * DIAL_MS))
    assert links.step(DIAL_MS + 1, Connected(-1)) == ()
    assert links.step(DIAL_MS + 1, Ended(-1)) == ()
    assert links.step(DIAL_MS + 2, Connected(-2))[-1] == Linked(1)


def test_what_was_written_is_not_said_again() -> None:
    links = Links()
    links.step(0, Tell(1, vote(7)))
    links.step(1, Connected(-1))
    assert links.step(MOST_PAUSE_MS, Ended(-1)) == ()
    assert links.step(9000, Woken()) == ()
    assert links.accept(1, said(1), 9001)[1] == dial(-2, 1)
    assert links.step(9002, Connected(-2)) == (Write(-2, said(2)), Linked(1))


def test_strangers_may_link_up_but_not_too_many() -> None:
    links = Links()
    assert links.step(0, Tell(50, vote(1))) == (), "nobody knows where it is"
    for sid in range(50, 50 + MOST_STRANGERS):
        assert links.accept(sid, said(sid)) == (Linked(sid),)
    assert links.step(1, Tell(50, vote(7))) == (Write(50, sent(7)),)
    assert links.accept(50 + 32, said(50 + 32))[-1] == HangUp(50 + 32)
    assert links.accept(99, said(50)) == (HangUp(50), Linked(50)), "it was here before"
    assert links.accept(100, said(3)) == (Linked(3),), "a member"
    links.step(2, Ended(51))
    assert links.step(2, Tell(51, vote(1))) == ()
    assert links.accept(101, said(82)) == (Linked(82),)


def test_a_small_stranger_is_dialled_where_it_says_it_is() -> None:
    links = Links(3)
    links.ensemble = ensemble(2, 3)
    addresses = ("[::1]:7", "n1:8")
    there = Dial(-1, Port.ELECTION, 1, Address("::1", 7))
    initial = encode_initial(InitialMessage(1, addresses, MANY_ADDRESSES))
    assert links.accept(1, initial) == (HangUp(1), there, WakeAt(DIAL_MS))
    links.step(1, Tell(1, vote(7)))
    assert links.step(2, Ended(-1)) == (), "once"
    assert links.accept(2, said(1), 3)[1] == dial(-2, 1)
    links.step(4, Tell(1, vote(8)))
    assert links.step(5, Connected(-2)) == (Write(-2, said(3)), Write(-2, sent(8)), Linked(1))


def test_the_membership_may_change() -> None:
    links = Links()
    links.step(0, Tell(1, vote(7)))
    links.step(50, Ended(-1))
    links.ensemble = ensemble(2, 3)
    assert links.step(200, Woken()) == (), "it has gone"
    links.ensemble = participants(3)
    assert links.step(300, Woken())[0] == dial(-2, 1)
    links.ensemble = ensemble(1, 3)
    assert links.step(301, Connected(-2))[0] == Write(-2, said(2)), "where we were"


def test_a_server_must_know_its_own_address() -> None:
    with pytest.raises(ValueError, match="server 9"):
        Links(9)
