"""What do exit statuses tell, and of whom?"""

from __future__ import annotations

import pytest

from harness.ends import APACHES, OURS, Ends
from target_node.driver import directory, node


@pytest.mark.parametrize(
    ("ends", "status", "wrong", "disk", "bit"),
    [
        (OURS, node.STOPPED, False, False, False),
        (OURS, directory.HALTED, False, True, False),
        (OURS, directory.UNUSABLE, False, False, False),
        (OURS, directory.CORRUPT, True, False, True),
        (OURS, node.BROKEN, True, False, False),
        (OURS, 137, False, False, False),
        (OURS, 7, False, False, False),
        (APACHES, 1, False, True, True),
        (APACHES, 3, False, True, False),
        (APACHES, 10, False, True, False),
        (APACHES, 12, True, False, False),
        (APACHES, 70, False, False, False),
        (APACHES, 137, False, False, False),
        (Ends(), 70, False, False, False),
    ],
)
def test_each_says_what_it_means(
    ends: Ends, status: int, wrong: bool, disk: bool, bit: bool
) -> None:
    for how in (f"exit status {status}: exit status 70: exit status 1: ", f"exit status {status}:"):
        assert (ends.tell_of_a_wrong(how), ends.may_be_for_a_disk(how)) == (wrong, disk)
        assert ends.may_be_for_a_bit(how) == bit
        assert ends.told(how, rotten=False) == how
        # A bit that was flipped explains no other end than this.
        assert ends.tell_of_a_wrong(ends.told(how, rotten=True)) == (wrong and not bit)


@pytest.mark.parametrize(
    "how", ["exit status : it says so", "exit status None: ", "exit status 1", ""]
)
def test_who_does_not_tell_is_not_excused(how: str) -> None:
    assert not OURS.tell_of_a_wrong(how)
    assert not OURS.may_be_for_a_disk(how)
    assert not OURS.may_be_for_a_bit(how)
