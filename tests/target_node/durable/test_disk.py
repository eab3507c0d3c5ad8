"""One suite of promises, asked of every disk: whoever passes may stand in for the others."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from harness.sim.disk import SimDisk
from target_node.durable.disk import Disk, opened, write_whole
from target_node.durable.os_disk import OsDisk


@dataclass
class Machine:
    """A disk, and the way to crash what runs on it, losing as much as may be lost."""

    disk: Disk
    crash: Callable[[], Disk]


@pytest.fixture(params=["os", "simulated: killed", "simulated: power cut"])
def machine(request: pytest.FixtureRequest, tmp_path: Path) -> Machine:
    if request.param == "os":
        return Machine(OsDisk(tmp_path / "data"), lambda: OsDisk(tmp_path / "data"))
    sim = SimDisk()

    def crash() -> Disk:
        (sim.kill if request.param == "simulated: killed" else sim.power_off)(lambda n: 0)
        return sim

    return Machine(sim, crash)


def content(disk: Disk, name: str) -> bytes:
    with opened(disk, name) as file:
        assert file.size() == len(file.read(0, 1 << 20))
        return file.read(0, 1 << 20)


def make(disk: Disk, name: str, data: bytes) -> None:
    file = disk.create(name)
    file.append(data)
    file.sync()
    disk.sync_dir()
    file.close()


def test_synced_bytes_outlive_a_crash(machine: Machine) -> None:
    make(machine.disk, "a", b"one two")
    assert content(machine.crash(), "a") == b"one two"


def test_appended_bytes_are_seen_at_once_and_lost_without_a_sync(machine: Machine) -> None:
    make(machine.disk, "a", b"one ")
    file = machine.disk.open("a")
    file.append(b"two ")
    file.append(b"three")
    assert file.size() == 13
    assert [file.read(0, 99), file.read(2, 4), file.read(5, 2), file.read(99, 1)] == [
        b"one two three", b"e tw", b"wo", b"",
    ]  # fmt: skip
    assert content(machine.crash(), "a") == b"one "


def test_a_cut_without_a_sync_is_undone(machine: Machine) -> None:
    make(machine.disk, "a", b"one two")
    machine.disk.open("a").truncate(3)
    assert content(machine.crash(), "a") == b"one two"


def test_a_synced_cut_and_what_was_appended_behind_it_stay(machine: Machine) -> None:
    make(machine.disk, "a", b"one two")
    with opened(machine.disk, "a") as file:
        file.append(b"lost")
        file.truncate(9)
        file.truncate(3)
        file.append(b"!")
        assert file.read(0, 99) == b"one!"
        file.sync()
        file.append(b"?")
        assert file.read(2, 99) == b"e!?"
        file.sync()
    assert content(machine.crash(), "a") == b"one!?"


def test_a_cut_never_makes_a_file_longer(machine: Machine) -> None:
    make(machine.disk, "a", b"one")
    with opened(machine.disk, "a") as file, pytest.raises(ValueError, match="a has 3 bytes"):
        file.truncate(4)


def test_synced_names_outlive_a_crash(machine: Machine) -> None:
    for name in "cab":
        make(machine.disk, name, name.encode())
    machine.disk.rename("a", "b")
    machine.disk.delete("c")
    machine.disk.sync_dir()
    after = machine.crash()
    assert after.list() == ("b",)
    assert content(after, "b") == b"a"


def test_a_name_is_created_once_and_opened_if_it_is_there(machine: Machine) -> None:
    make(machine.disk, "a", b"")
    with pytest.raises(FileExistsError):
        machine.disk.create("a")
    with pytest.raises(FileNotFoundError):
        machine.disk.open("b")


def test_a_file_is_replaced_whole_or_not_at_all(machine: Machine) -> None:
    make(machine.disk, "a", b"old")
    write_whole(machine.disk, "a", "a.tmp", [b"n", b"ew"])
    after = machine.crash()
    assert (after.list(), content(after, "a")) == (("a",), b"new")


def test_a_simulated_disk_may_lose_every_change_of_names_that_was_not_synced() -> None:
    disk = SimDisk()
    for name in "ab":
        make(disk, name, name.encode())
    disk.rename("a", "b")
    disk.create("c")
    disk.power_off(lambda n: 0)
    assert (disk.list(), content(disk, "b")) == (("a", "b"), b"b")


def test_a_simulated_disk_tears_what_was_not_synced() -> None:
    disk = SimDisk()
    make(disk, "a", b"one ")
    disk.open("a").append(b"two")
    draws = iter([0, 2, 2])
    disk.power_off(lambda n: next(draws))
    assert content(disk, "a") == b"one tw\0"


def test_what_a_kill_let_through_is_still_not_synced() -> None:
    disk = SimDisk()
    make(disk, "a", b"one ")
    disk.open("a").append(b"two")
    disk.kill(lambda n: n - 1)
    assert content(disk, "a") == b"one two"
    disk.power_off(lambda n: 0)
    assert content(disk, "a") == b"one "


def test_a_killed_process_loses_what_it_did_not_sync(tmp_path: Path) -> None:
    program = (
        "import os, pathlib, signal, sys\n"
        "from target_node.durable.os_disk import OsDisk\n"
        "file = OsDisk(pathlib.Path(sys.argv[1])).create('a')\n"
        "file.append(b'kept'); file.sync(); file.append(b'lost')\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    root = Path(__file__).parents[3]
    ended = subprocess.run([sys.executable, "-c", program, tmp_path], cwd=root, timeout=300)
    assert ended.returncode == -signal.SIGKILL
    assert content(OsDisk(tmp_path), "a") == b"kept"


def test_a_file_whose_sync_failed_never_syncs_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = OsDisk(tmp_path)
    file = disk.create("a")
    file.append(b"x")

    def fail(fd: int) -> None:
        raise OSError(5, "injected")

    with monkeypatch.context() as patched:
        patched.setattr("target_node.durable.os_disk._flush", fail)
        with pytest.raises(OSError, match="injected"):
            file.sync()
    with pytest.raises(OSError, match="an earlier sync of this file failed"):
        file.sync()


def test_names_are_flat(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no name in a flat directory"):
        OsDisk(tmp_path).create("../a")
