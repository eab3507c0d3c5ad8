"""What only a simulated disk can do; what every disk promises is asked in `durable.test_disk`."""

from __future__ import annotations

import pytest

from harness.sim.disk import FULL, SimDisk


def with_file(data: bytes) -> SimDisk:
    disk = SimDisk()
    file = disk.create("a")
    file.append(data)
    file.sync()
    disk.sync_dir()
    return disk


def test_a_full_disk_takes_nothing_and_still_tells_what_it_has() -> None:
    disk = with_file(b"one")
    disk.fails = FULL
    with pytest.raises(OSError, match="28"):
        disk.open("a").append(b"two")
    with pytest.raises(OSError, match="28"):
        disk.create("b")
    assert (disk.list(), disk.open("a").read(0, 9)) == (("a",), b"one")
    disk.fails = None
    disk.open("a").append(b"two")
    assert disk.open("a").read(0, 9) == b"onetwo"


def test_what_cannot_be_synced_can_be_written_and_is_lost_with_the_power() -> None:
    disk = with_file(b"one")
    disk.fails_to_sync = True
    file = disk.open("a")
    file.append(b"two")
    for sync in (file.sync, disk.sync_dir):
        with pytest.raises(OSError, match="5"):
            sync()
    assert not disk.all_durable()
    disk.power_off(lambda below: 0)
    assert disk.open("a").read(0, 9) == b"one"
    assert disk.all_durable()


def test_a_bit_flips() -> None:
    disk = with_file(b"abc")
    disk.flip("a", 8)
    assert disk.open("a").read(0, 9) == b"acc"
    disk.power_off(lambda below: 0)
    assert disk.open("a").read(0, 9) == b"acc"


def test_another_disk_is_empty() -> None:
    disk = with_file(b"abc")
    disk.wipe()
    disk.power_off(lambda below: below - 1)
    assert disk.list() == ()


def test_a_cut_and_what_was_appended_behind_it_are_kept_together_or_in_part() -> None:
    kept = set()
    for number in range(4):
        disk = with_file(b"abcdef")
        file = disk.open("a")
        file.append(b"gh")
        file.truncate(2)
        file.append(b"xy")
        draws = iter([number, 1, 0])
        disk.power_off(lambda below, draws=draws: next(draws, 0))  # type: ignore[misc]
        kept.add(disk.open("a").read(0, 99))
    assert kept == {b"abcdefg", b"abcdefgh", b"abx", b"abxy"}
