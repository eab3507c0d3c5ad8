"""Bugs of disks: in each scenario the correct node keeps its promise, and the bug breaks it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from harness.sim.disk import PowerCut, SimDisk
from target_node.durable.log import TxnLog
from target_node.durable.names import logs_in
from target_node.durable.operations import (
    AcceptEpoch,
    Append,
    EnterEpoch,
    InstallSnapshot,
    Operation,
    Purge,
    TakeSnapshot,
    perform,
)
from target_node.durable.recovery import recover
from target_node.durable.refusal import Corrupt, DiskFailed
from target_node.durable.scan import encode
from target_node.durable.store import open_store
from target_node.server.history import History
from tests.target_node.bugs.both import both
from tests.target_node.durable.txns import body, txn
from tests.target_node.server.correspondence import Correspondence
from tests.target_node.server.test_bugs import A_IS_IN, FOLLOWS, SYNCHRONISES, after

ONE = [txn(1, n) for n in range(1, 10)]
BEGUN: tuple[Operation, ...] = (AcceptEpoch(1), EnterEpoch(1))


def lose_all(below: int) -> int:
    return 0


def keep_the_first(below: int) -> int:
    return min(1, below - 1)


def disk_with(*operations: Operation) -> SimDisk:
    disk = SimDisk()
    store, _ = open_store(disk)
    for operation in operations:
        perform(store, [operation])
    return disk


def state(disk: SimDisk) -> tuple[int, int] | None:
    """The last zxid and the current epoch that a start finds, if there can be one."""
    try:
        recovered = recover(disk)
    except Corrupt:
        return None
    return recovered.last_zxid & 0xFFFF, recovered.current_epoch


def after_crashes(
    before: Sequence[Operation], then: Operation, lose: Callable[[int], int] = lose_all
) -> list[tuple[int, int] | None]:
    """The state that power failing before each change of the disk in turn would leave."""
    found: list[tuple[int, int] | None] = []
    while True:
        disk = disk_with(*before)
        store, _ = open_store(disk)
        disk.cut_power_at = disk.changes + len(found)
        try:
            perform(store, [then])
        except PowerCut:
            disk.power_off(lose)
            found.append(state(disk))
        else:
            return found


def test_ack_before_fsync() -> None:
    def scenario() -> int:
        disk = disk_with(*BEGUN, Append(tuple(ONE)))
        disk.power_off(lose_all)
        return recover(disk).last_zxid & 0xFFFF

    assert both("ack-before-fsync", scenario) == (9, 0)


def test_newleader_acked_before_history() -> None:
    def scenario() -> bool:
        world = after(
            SYNCHRONISES, "from 3 DIFF 1.3\nfrom 3 PROPOSAL 1.3 create /x\nfrom 3 COMMIT 1.3"
        )
        acked = "to 3: ACK 2.0" in world.play("from 3 NEWLEADER 2.0")
        on_disk = world.store.log.synced_zxid == 1 << 32 | 3
        return on_disk or not acked

    assert both("newleader-acked-before-history", scenario) == (True, False)


def test_epoch_before_history() -> None:
    """Who has the epoch has the history."""

    def scenario() -> bool:
        before = (*BEGUN, Append(tuple(ONE[:3])), AcceptEpoch(2))
        return (3, 2) in after_crashes(before, Append(tuple(ONE[3:6])))

    assert both("epoch-before-history", scenario) == (False, True)


def test_epoch_written_in_place() -> None:
    def scenario() -> bool:
        return None in after_crashes(BEGUN, AcceptEpoch(2), keep_the_first)

    assert both("epoch-written-in-place", scenario) == (False, True)


def test_epoch_behind_history_refused() -> None:
    def scenario() -> tuple[int, int] | None:
        disk = disk_with(*BEGUN, AcceptEpoch(2), InstallSnapshot(2 << 32 | 1, body(ONE)))
        return state(disk)

    assert both("epoch-behind-history-refused", scenario) == ((1, 2), None)


def test_empty_log_refused() -> None:
    def scenario() -> tuple[int, int] | None:
        disk = disk_with(*BEGUN, Append(tuple(ONE[:3])))
        disk.create("log.100000004")
        disk.sync_dir()
        return state(disk)

    assert both("empty-log-refused", scenario) == ((3, 1), None)


def test_torn_tail_taken() -> None:
    """The last bytes of a record never came, and the file is as long as if they had."""

    def scenario() -> bool:
        disk = disk_with(*BEGUN, Append(tuple(ONE[:3])))
        _, name = logs_in(disk)[-1]
        file, record = disk.open(name), encode(txn(1, 4, b"wanted"))
        file.append(record[:-4] + bytes(4))
        file.sync()
        return {one.payload for one in recover(disk).txns} <= {*ONE}

    assert both("torn-tail-taken", scenario) == (True, False)


def test_failed_fsync_ignored() -> None:
    """Nothing is acknowledged that a loss of power takes away."""

    def scenario() -> bool:
        disk = disk_with(*BEGUN, Append(tuple(ONE[:3])))
        store, recovered = open_store(disk)
        log = TxnLog(disk, recovered.last_zxid)
        store.log = log
        log.append(ONE[3])
        disk.fail_at = disk.all_calls
        try:
            store.flush()
        except (OSError, DiskFailed):
            return True
        disk.power_off(lose_all)
        return state(disk) == (4, 1)

    assert both("failed-fsync-ignored", scenario) == (True, False)


def test_snapshot_not_synced() -> None:
    """Whenever power fails, the old history or the new one is there."""

    def scenario() -> bool:
        before = (*BEGUN, Append(tuple(ONE[:3])))
        install = InstallSnapshot(1 << 32 | 9, body(ONE))
        return set(after_crashes(before, install)) <= {(3, 1), (9, 1)}

    assert both("snapshot-not-synced", scenario) == (True, False)


def restarted(world: Correspondence) -> History:
    """What is there after a restart, all of it taken for committed."""
    store, recovered = open_store(world.store.disk)
    history = History(recovered, store.image(recovered))
    history.absorb()
    return history


def test_snapshot_labelled_too_high() -> None:
    def scenario() -> bool:
        world = after(FOLLOWS, A_IS_IN, "from 3 PROPOSAL 2.2 create /x\ndisk")
        assert world.server is not None
        world.server._snapshot_at = 0
        world.play("from 3 PING 2.0\ndisk\nfrom 3 COMMIT 2.2")
        return "/x" in restarted(world).tree.nodes

    assert both("snapshot-labelled-too-high", scenario) == (True, False)


def test_purge_takes_needed_log() -> None:
    """The snapshot is of txns that are applied; the log has more."""

    def scenario() -> tuple[int, int] | None:
        snapshot = TakeSnapshot(1 << 32 | 5, body(ONE[:5]))
        return state(disk_with(*BEGUN, Append(tuple(ONE)), snapshot, Purge(1)))

    assert both("purge-takes-needed-log", scenario) == ((9, 1), (5, 1))
