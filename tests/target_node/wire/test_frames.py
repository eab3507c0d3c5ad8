from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from target_node.wire.frames import CLIENT_LIMIT, FOUR_LETTER_WORDS, Frames, frame
from target_node.wire.jute import Malformed
from tests.target_node.wire.values import some


def test_a_packet_stands_behind_its_length() -> None:
    assert frame(b"abc").hex() == "00000003616263"


@some
@given(st.lists(st.binary(max_size=30)), st.lists(st.integers(0, 40)))
def test_packets_come_out_however_the_stream_is_cut(packets: list[bytes], cuts: list[int]) -> None:
    stream = b"".join(frame(packet) for packet in packets)
    frames = Frames(30)
    received: list[bytes] = []
    for cut in cuts:
        received += frames.feed(stream[:cut])
        stream = stream[cut:]
    received += frames.feed(stream)
    assert received == packets
    assert frames.buffered == 0


def test_what_is_not_iterated_stays() -> None:
    frames = Frames(10)
    assert next(frames.feed(frame(b"a") + frame(b"b"))) == b"a"
    assert list(frames.feed(frame(b"c"))) == [b"b", b"c"]


def test_good_packets_before_a_bad_one_are_given() -> None:
    packets = Frames(3).feed(frame(b"abc") + frame(b"abcd"))
    assert next(packets) == b"abc"
    with pytest.raises(Malformed, match="packet with length 4 at offset 7"):
        next(packets)


@pytest.mark.parametrize("length", ["ffffffff", "80000000", "00100000", "7fffffff"])
def test_refuses_a_length_before_the_packet_comes(length: str) -> None:
    with pytest.raises(Malformed, match="packet with length"):
        list(Frames(CLIENT_LIMIT).feed(bytes.fromhex(length)))


@pytest.mark.parametrize("word", sorted(FOUR_LETTER_WORDS))
def test_a_connection_may_begin_with_a_word(word: bytes) -> None:
    frames = Frames(CLIENT_LIMIT, FOUR_LETTER_WORDS)
    assert [*frames.feed(word[:3]), frames.word] == [None]
    assert list(frames.feed(word[3:] + b"\n" + frame(b"abc"))) == []
    assert frames.word == word.decode()
    assert list(frames.feed(frame(b"abc"))) == []


def test_a_word_later_is_a_length() -> None:
    frames = Frames(CLIENT_LIMIT, FOUR_LETTER_WORDS)
    assert list(frames.feed(frame(b""))) == [b""]
    with pytest.raises(Malformed):
        list(frames.feed(b"ruok"))


def test_a_word_is_a_length_where_no_words_are_known() -> None:
    with pytest.raises(Malformed):
        list(Frames(CLIENT_LIMIT).feed(b"ruok"))
