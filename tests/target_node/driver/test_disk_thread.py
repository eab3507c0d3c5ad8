from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from target_node.driver.disk_thread import MOST_AT_ONCE, DiskThread
from target_node.durable.operations import (
    AcceptEpoch,
    Append,
    Appended,
    Completion,
    EpochAccepted,
    Operation,
    SnapshotTaken,
    TakeSnapshot,
)
from target_node.durable.os_disk import OsDisk
from target_node.durable.recovery import recover
from target_node.durable.store import Store, open_store
from tests.target_node.durable.txns import txn

PATIENCE = 180


class Watched(Store):
    """Counts syncs, and can be made to wait before one."""

    def __init__(self, path: Path) -> None:
        store, recovered = open_store(OsDisk(path))
        super().__init__(store.disk, recovered)
        self.syncs = 0
        self.most_appended = 0
        self.go_on = threading.Event()
        self.go_on.set()
        self._appended = 0

    def append(self, txns: Sequence[bytes]) -> None:
        self._appended += 1
        super().append(txns)

    def flush(self) -> None:
        assert self.go_on.wait(PATIENCE)
        self.syncs += 1
        self.most_appended = max(self.most_appended, self._appended)
        self._appended = 0
        super().flush()


class Listener:
    """What came back, and what went wrong."""

    def __init__(self) -> None:
        self.completions: list[Completion] = []
        self.failures: list[BaseException] = []
        self.threads: set[int] = set()
        self.heard = threading.Condition()

    def hand_back(self, completions: Sequence[Completion]) -> None:
        with self.heard:
            self.threads.add(threading.get_ident())
            self.completions += completions
            self.heard.notify_all()

    def failed(self, failure: BaseException) -> None:
        with self.heard:
            self.failures.append(failure)
            self.heard.notify_all()

    def wait(self, count: int) -> None:
        with self.heard:
            assert self.heard.wait_for(lambda: len(self.completions) >= count, PATIENCE)


def start(store: Store) -> tuple[DiskThread, Listener]:
    listener = Listener()
    return DiskThread(store, hand_back=listener.hand_back, failed=listener.failed), listener


def appends(count: int, start: int = 1) -> list[Operation]:
    return [Append((txn(0, zxid),)) for zxid in range(start, start + count)]


def test_everything_is_done_in_order_and_told_once(tmp_path: Path) -> None:
    thread, listener = start(Watched(tmp_path))
    operations: list[Operation] = [
        AcceptEpoch(1), *appends(5), TakeSnapshot(5, [b"tree"]), *appends(5, 6),
    ]  # fmt: skip
    for operation in operations:
        thread.put(operation)
    assert thread.close(PATIENCE)
    assert listener.completions == [
        EpochAccepted(1),
        *map(Appended, range(1, 6)),
        SnapshotTaken(5),
        *map(Appended, range(6, 11)),
    ]
    assert not listener.failures
    assert threading.get_ident() not in listener.threads
    assert len(listener.threads) == 1
    assert recover(OsDisk(tmp_path)).last_zxid == 10


def test_what_queues_up_shares_a_sync_but_not_without_bound(tmp_path: Path) -> None:
    store = Watched(tmp_path)
    thread, listener = start(store)
    store.go_on.clear()
    count = 2 * MOST_AT_ONCE + 500
    for operation in appends(count):
        thread.put(operation)
    store.go_on.set()
    listener.wait(count)
    assert thread.close(PATIENCE)
    # The first few may have gone alone, before the rest was put.
    assert store.most_appended == MOST_AT_ONCE
    assert store.syncs <= 5


def test_appends_are_told_before_a_snapshot_behind_them_is_written(tmp_path: Path) -> None:
    store = Watched(tmp_path)
    thread, listener = start(store)
    told_before: list[int] = []

    def body() -> Iterator[bytes]:
        told_before.append(len(listener.completions))
        yield b"tree"

    store.go_on.clear()
    for operation in [*appends(3), TakeSnapshot(3, body())]:
        thread.put(operation)
    store.go_on.set()
    assert thread.close(PATIENCE)
    assert told_before == [3]


def test_a_failure_is_told_and_ends_the_thread(tmp_path: Path) -> None:
    class Full(Watched):
        def flush(self) -> None:
            raise OSError(28, "No space left on device")

    thread, listener = start(Full(tmp_path))
    for operation in appends(3):
        thread.put(operation)
    assert thread.close(PATIENCE)
    assert [str(failure) for failure in listener.failures] == ["[Errno 28] No space left on device"]
    assert not listener.completions


def test_closing_does_not_wait_for_ever(tmp_path: Path) -> None:
    store = Watched(tmp_path)
    thread, listener = start(store)
    store.go_on.clear()
    for operation in appends(1):
        thread.put(operation)
    assert not thread.close(0.01)
    assert not listener.completions
    store.go_on.set()
    assert thread.close(PATIENCE)
    assert listener.completions == [Appended(1)]


@pytest.mark.parametrize("count", [0, 1])
def test_an_idle_thread_ends(tmp_path: Path, count: int) -> None:
    thread, listener = start(Watched(tmp_path))
    for operation in appends(count):
        thread.put(operation)
    listener.wait(count)
    assert thread.close(PATIENCE)
