"""What is left when the power fails, beside what a few lines of Python say must be left."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Any

import pytest

from harness.lossy.remains import Lost, Remains

NAMES = ("a", "b", "c")


class Naive:
    """Each file is a list of contents, one after the other; so are the names."""

    def __init__(self) -> None:
        self.files: list[list[bytes]] = []
        self.names: list[dict[str, int]] = [{}]

    @property
    def now(self) -> dict[str, int]:
        return self.names[-1]

    def rename(self, change: Callable[[dict[str, int]], Any]) -> None:
        new = dict(self.now)
        change(new)
        self.names.append(new)

    def sync_names(self) -> None:
        del self.names[:-1]

    def settle(self, file: int) -> None:
        del self.files[file][:-1]


def contents(remains: Remains) -> dict[str, bytes]:
    return {one.name: one.read_bytes() for one in remains.root.iterdir()}


def one_deed(naive: Naive, remains: Remains, chance: Random) -> None:
    name, other = chance.choice(NAMES), chance.choice(NAMES)
    deed = chance.choice(("create", "write", "write", "cut", "remove", "rename", "sync", "names"))
    if deed == "names":
        remains.sync_names()
        naive.sync_names()
    elif deed == "create" and name not in naive.now:
        os.close(remains.create(name, 0o600))
        naive.files.append([b""])
        naive.rename(lambda names: names.update({name: len(naive.files) - 1}))
    elif name not in naive.now:
        return
    elif deed == "remove":
        remains.remove(name)
        naive.rename(lambda names: names.pop(name))
    elif deed == "rename" and name != other:
        remains.rename(name, other)
        if other in naive.now:
            naive.settle(naive.now[name])
        naive.rename(lambda names: names.update({other: names.pop(name)}))
    else:
        change_bytes(naive, remains, chance, deed, name)


def change_bytes(naive: Naive, remains: Remains, chance: Random, deed: str, name: str) -> None:
    file = naive.now[name]
    was = naive.files[file][-1]
    fd = os.open(remains.at(name), os.O_RDWR)
    try:
        if deed == "write":
            data, at = chance.randbytes(chance.randrange(1, 9)), chance.randrange(12)
            remains.write(fd, data, at)
            padded = was.ljust(at, bytes(1))
            naive.files[file].append(padded[:at] + data + padded[at + len(data) :])
        elif deed == "cut":
            to = chance.randrange(12)
            remains.resize(fd, to)
            if to != len(was):
                naive.files[file].append(was[:to].ljust(to, bytes(1)))
        elif deed == "sync":
            remains.sync(fd)
            naive.settle(file)
            naive.sync_names()
    finally:
        os.close(fd)


def lived(folder: Path, seed: int) -> tuple[Naive, Remains, Random]:
    chance = Random(seed)
    naive, remains = Naive(), Remains(folder)
    for _ in range(chance.randrange(1, 25)):
        one_deed(naive, remains, chance)
    assert contents(remains) == {name: naive.files[file][-1] for name, file in naive.now.items()}
    return naive, remains, chance


@pytest.mark.parametrize("some", range(4))
def test_without_tears_just_what_was_synced_is_left(some: int, tmp_path: Path) -> None:
    for seed in range(some * 500, (some + 1) * 500):
        naive, remains, _ = lived(tmp_path / str(seed), seed)
        lost = remains.lose(lambda below: 1 // 0, torn=False)
        wanted = {name: naive.files[file][0] for name, file in naive.names[0].items()}
        assert contents(remains) == wanted, seed
        assert lost.names == len(naive.names) - 1
        assert remains.lose(lambda below: 1 // 0, torn=False) == Lost(), "it is durable now"
        assert not list((tmp_path / str(seed) / "away").iterdir())


@pytest.mark.parametrize("some", range(4))
def test_torn_it_is_a_beginning_of_what_was_done(some: int, tmp_path: Path) -> None:
    for seed in range(some * 500, (some + 1) * 500):
        naive, remains, chance = lived(tmp_path / str(seed), seed)
        remains.lose(chance.randrange, torn=True)
        left = contents(remains)
        assert any(
            names.keys() == left.keys()
            and all(may_be(left[name], naive.files[file]) for name, file in names.items())
            for names in naive.names
        ), seed


def may_be(left: bytes, versions: list[bytes]) -> bool:
    """Whether it is one of them, or one with a part of the next, zeros instead of the rest."""
    for was, after in zip(versions, [*versions[1:], versions[-1]], strict=True):
        if left in (was, after):
            return True
        if len(left) <= max(len(was), len(after)) and all(
            byte in (*was[at : at + 1], *after[at : at + 1], 0) for at, byte in enumerate(left)
        ):
            return True
    return False


def test_always_the_largest_draw_keeps_everything(tmp_path: Path) -> None:
    for seed in range(300):
        _, remains, _ = lived(tmp_path / str(seed), seed)
        before = contents(remains)
        assert remains.lose(lambda below: below - 1, torn=True) == Lost()
        assert contents(remains) == before


def test_a_new_file_that_is_synced_has_its_name_and_what_came_before_it(tmp_path: Path) -> None:
    remains = Remains(tmp_path)
    remains.make_folder("sub", 0o700)
    other = remains.create("sub/unsynced", 0o600)
    remains.write(other, b"lost", 0)
    fd = remains.create("sub/log", 0o600)
    remains.write(fd, b"kept", 0)
    remains.sync(fd)
    remains.write(fd, b" and lost", 4)
    remains.make_folder("late", 0o700)
    assert remains.lose(lambda below: 0, torn=False) == Lost(bytes=2, names=1)
    assert (tmp_path / "files/sub/log").read_bytes() == b"kept"
    assert (tmp_path / "files/sub/unsynced").read_bytes() == b""
    assert not (tmp_path / "files/late").exists()
    for one in (fd, other):
        with suppress(OSError):
            os.close(one)
