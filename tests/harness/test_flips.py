"""Which bit is flipped, of which file?"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.flips import chosen, flip_of, newest_first, place, written

NAMES = (
    *("acceptedEpoch", "currentEpoch", "log.5", "log.1", "log.100000002", "snapshot.5"),
    *("snapshot.1f", "snapshot.5.tmp", "snapshot.7.install", "log.", "log.x", "myid"),
)


def test_only_the_history_is_touched_and_the_newest_comes_first() -> None:
    assert newest_first(NAMES) == (["log.100000002", "snapshot.1f", "log.5", "snapshot.5", "log.1"])
    assert [chosen(NAMES, file) for file in (0, 2, 4, 5)] == [
        *("log.100000002", "log.5", "log.1", "log.100000002"),
    ]
    assert chosen(("currentEpoch", "myid"), 3) is None


@given(st.binary(max_size=40), st.integers(0, 3), st.integers(0, 10_000))
def test_one_bit_of_what_is_written_and_no_other_is_wrong(
    data: bytes, zeros: int, back: int
) -> None:
    whole = data + bytes(zeros)
    wrong = flip_of(whole, "log.1", back)
    if not any(data):
        assert wrong is None
        return
    assert wrong is not None
    assert wrong.byte < written(data) <= len(data)
    after = bytearray(whole)
    after[wrong.byte] = wrong.now
    was, now = (int.from_bytes(one, "big") for one in (whole, after))
    assert (was ^ now).bit_count() == 1
    # So many bits in front of the last one that is written.
    from_the_end = (was ^ now).bit_length() - 1 - 8 * (len(whole) - written(data))
    assert from_the_end == back % (8 * written(data))


@pytest.mark.parametrize(
    ("back", "where"), [(0, (9, 1)), (7, (9, 128)), (8, (8, 1)), (79, (0, 128)), (80, (9, 1))]
)
def test_it_is_counted_from_the_end_and_goes_round(back: int, where: tuple[int, int]) -> None:
    assert place(10, back) == where
