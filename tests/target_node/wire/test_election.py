from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from target_node.wire.codes import ServerState
from target_node.wire.election import (
    MANY_ADDRESSES,
    InitialMessage,
    Notification,
    decode_initial,
    decode_notification,
    encode_initial,
    encode_notification,
)
from target_node.wire.jute import Malformed
from tests.target_node.wire.values import longs, some, texts

VOTE = Notification(ServerState.LEADING, 3, 0x100000002, 5, 1, "v")
VOTE_BYTES = (
    "00000002 0000000000000003 0000000100000002 0000000000000005 0000000000000001 00000002"
    " 00000001 76"
)


def test_golden_vote() -> None:
    assert encode_notification(VOTE) == bytes.fromhex(VOTE_BYTES)


@some
@given(st.sampled_from(ServerState), longs, longs, longs, longs, texts)
def test_votes_survive_the_wire(
    state: ServerState, leader: int, zxid: int, election: int, peer: int, config: str
) -> None:
    vote = Notification(state, leader, zxid, election, peer, config)
    assert decode_notification(encode_notification(vote)) == vote


def test_older_peers_say_less() -> None:
    whole = bytes.fromhex(VOTE_BYTES)
    assert decode_notification(whole[:28]) == Notification(
        ServerState.LEADING, 3, 0x100000002, 5, 1, version=0
    )
    assert decode_notification(whole[:36] + bytes([0, 0, 0, 1])) == Notification(
        ServerState.LEADING, 3, 0x100000002, 5, 1, version=1
    )


@pytest.mark.parametrize(
    ("packet", "what"),
    [
        ("", "28 bytes, but 0 are left"),
        (VOTE_BYTES[:57], "28 bytes, but 27 are left"),
        ("00000004" + VOTE_BYTES[8:], "server in state 4 at offset 0"),
        (VOTE_BYTES[:-3], "string of 1 bytes, but 0 are left"),
        (VOTE_BYTES + "00", "1 bytes too many"),
        (VOTE_BYTES[:-11] + "fffffffe", "string with length -2"),
    ],
)
def test_refuses_a_vote(packet: str, what: str) -> None:
    with pytest.raises(Malformed, match=what):
        decode_notification(bytes.fromhex(packet))


HELLO = InitialMessage(3, ("127.0.0.1:3888",))
HELLO_BYTES = "ffffffffffff0000 0000000000000003 0000000e" + b"127.0.0.1:3888".hex()


def test_golden_initial_message() -> None:
    assert encode_initial(HELLO) == bytes.fromhex(HELLO_BYTES)


@pytest.mark.parametrize(
    "message",
    [HELLO, InitialMessage(-1, ("[::1]:1",)), InitialMessage(4, ("a:1", "b:2"), MANY_ADDRESSES)],
)
def test_an_initial_message_may_come_in_pieces(message: InitialMessage) -> None:
    data = encode_initial(message)
    for end in range(len(data)):
        assert decode_initial(data[:end]) is None
    assert decode_initial(data) == (message, len(data))
    assert decode_initial(bytearray(data + b"next")) == (message, len(data))


@pytest.mark.parametrize(
    ("data", "what"),
    [
        ("0000000000000003", "election protocol 3 at offset 0"),
        (HELLO_BYTES[:34] + "00000000", "addresses with length 0 at offset 16"),
        (HELLO_BYTES[:34] + "00000801", "addresses with length 2049"),
        (HELLO_BYTES[:34] + "ffffffff", "addresses with length -1"),
        (HELLO_BYTES[:34] + "00000003" + b"a:b".hex(), "no host:port: 'a:b'"),
        (HELLO_BYTES[:34] + "00000003" + b"abc".hex(), "no host:port: 'abc'"),
        (HELLO_BYTES[:34] + "00000007" + b"a:65536".hex(), "no host:port"),
        (HELLO_BYTES[:34] + "00000007" + b"a:1|b:2".hex(), "2 addresses where one must be"),
    ],
)
def test_refuses_an_initial_message(data: str, what: str) -> None:
    with pytest.raises(Malformed, match=what):
        decode_initial(bytes.fromhex(data))
