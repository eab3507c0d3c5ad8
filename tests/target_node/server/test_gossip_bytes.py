"""What becomes of bytes that are no votes, and of those who send them?"""

from __future__ import annotations

import random
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from target_node.protocol.election import Heard, Linked, Tell
from target_node.protocol.events import WakeAt, Woken
from target_node.server.arrivals import ANNOUNCE_MS
from target_node.server.events import Accepted, Connected, Data, Ended, HangUp, Note, Port
from target_node.wire.frames import frame
from tests.target_node.server.one_server import Links, dial, said, sent
from tests.target_node.server.votes_net import vote


def test_who_does_not_say_who_it_is_must_go() -> None:
    links = Links()
    assert links.step(5, Accepted(1, Port.ELECTION, "h")) == (WakeAt(5 + ANNOUNCE_MS),)
    links.step(7, Accepted(2, Port.ELECTION, "i"))
    assert links.step(8, Data(1, said(3)[:-1])) == ()
    reason = "it does not say who it is"
    assert links.step(5 + ANNOUNCE_MS, Woken()) == (
        Note("link_refused", {"host": "h", "reason": reason}),
        HangUp(1),
        WakeAt(7 + ANNOUNCE_MS),
    )
    assert links.step(11_000, Data(1, said(3)[-1:])) == ()
    assert links.step(11_000, Ended(1)) == ()
    assert links.step(11_000, Data(2, said(3))) == (Linked(3),)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"GET / HTTP/1.1\r\n", "election protocol 5135603447292250196 at offset 0"),
        (b"ruok\n\n\n\n", "election protocol 8247620798119545354 at offset 0"),
        (struct.pack(">qqi", -65536, 3, 0), "addresses with length 0 at offset 16"),
        (struct.pack(">qqi", -65536, 3, 2049), "addresses with length 2049 at offset 16"),
        (struct.pack(">qqi", -65536, 3, 1) + b"x", "no host:port: 'x' at offset 16"),
        (said(2), "it has our own sid"),
        (struct.pack(">qqi", -65536, -1, 3) + b"h:1", "no server has sid -1"),
    ],
)
def test_what_is_no_announcement(data: bytes, reason: str) -> None:
    refusal = (Note("link_refused", {"host": "h", "reason": reason}), HangUp(1))
    assert Links().accept(1, data) == refusal


SHORT = "numbers of 28 bytes, but 5 are left at offset 0"


def test_what_is_no_vote() -> None:
    links = Links()
    links.accept(1, said(3))
    assert links.step(1, Data(1, frame(b"short"))) == (
        Note("vote_dropped", {"sid": 3, "reason": SHORT}),
    )
    unknown = struct.pack(">iqqq", 4, 1, 1, 1)
    assert links.step(2, Data(1, frame(unknown) + sent(7))) == (
        Note("vote_dropped", {"sid": 3, "reason": "vote of a server in state 4 at offset 0"}),
        Heard(3, vote(7)),
    )
    oversize = sent(8) + struct.pack(">i", 512 * 1024 + 1) + sent(9)
    offset = len(frame(b"short") + frame(unknown) + sent(7) + sent(8))
    assert links.step(3, Data(1, oversize)) == (
        Heard(3, vote(8)),
        Note("link_refused", {"sid": 3, "reason": f"packet with length 524289 at offset {offset}"}),
        HangUp(1),
    )
    assert links.step(100, Tell(3, vote(10)))[0] == dial(-1, 3)


def chunks(draw: random.Random, data: bytes) -> list[bytes]:
    cuts = sorted(draw.choices(range(len(data) + 1), k=draw.randint(0, 4)))
    return [data[a:b] for a, b in zip([0, *cuts], [*cuts, len(data)], strict=True)]


def noise(draw: random.Random, data: bytes) -> bytes:
    place = draw.randrange(len(data))
    garbage = draw.randbytes(draw.randint(0, 80))
    before, after = data[:place], data[place + 1 :]
    return draw.choice((data, garbage, before + garbage, before + b"?" + after))


@settings(deadline=None, max_examples=100)
@given(st.integers(0, 2**64))
def test_no_bytes_make_it_fail(seed: int) -> None:
    draw = random.Random(seed)
    links = Links()
    for connection in range(1, 40):
        links.step(connection, Accepted(connection, Port.ELECTION, "h"))
        votes = [sent(number) for number in range(draw.randint(0, 4))]
        for data in (said(draw.randint(0, 4)), *votes):
            for chunk in chunks(draw, noise(draw, data)):
                links.step(connection, Data(connection, chunk))
        if draw.random() < 0.5:
            links.step(connection, draw.choice((Connected, Ended))(-draw.randint(1, 9)))
        links.step(connection, Tell(draw.choice((1, 3)), vote(connection)))


@settings(deadline=None, max_examples=200)
@given(st.lists(st.binary(max_size=60), max_size=20))
def test_no_bytes_of_any_kind_make_it_fail(pieces: list[bytes]) -> None:
    links = Links()
    links.step(0, Accepted(1, Port.ELECTION, "h"))
    links.accept(2, said(3))
    for piece in pieces:
        links.step(1, Data(1, piece))
        links.step(1, Data(2, frame(piece)))
    assert links.step(2, Data(2, sent(7))) == (Heard(3, vote(7)),)
