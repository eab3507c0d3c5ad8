"""What a start mends, what it refuses, and in which words."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from harness.sim.disk import SimDisk
from target_node.durable.disk import opened
from target_node.durable.epochs import ACCEPTED, CURRENT
from target_node.durable.forget import cut_after, install_snapshot, purge
from target_node.durable.names import logs_in
from target_node.durable.operations import (
    AcceptEpoch,
    Append,
    EnterEpoch,
    InstallSnapshot,
    Operation,
    Purge,
    ReadAfter,
    TakeSnapshot,
    Truncate,
    Truncated,
    TruncateRefused,
    TxnsRead,
    perform,
)
from target_node.durable.recovery import (
    CutTail,
    DroppedLog,
    FellBack,
    FinishedInstall,
    RaisedCurrentEpoch,
    RemovedUnfinished,
    recover,
)
from target_node.durable.refusal import COPY_AFRESH, Corrupt
from target_node.durable.scan import FILE_HEADER, encode
from target_node.durable.snapshot import write_snapshot
from target_node.durable.store import open_store
from tests.target_node.durable.txns import body, history, txn

E1 = 1 << 32
ONE = [txn(1, n) for n in range(1, 10)]
RECORD = len(encode(ONE[0]))
FIRST_LOG = "log.100000001"


def disk_with(*operations: Operation) -> SimDisk:
    disk = SimDisk()
    store, _ = open_store(disk)
    for operation in (AcceptEpoch(1), EnterEpoch(1), *operations):
        perform(store, [operation])
    return disk


def content(disk: SimDisk, name: str) -> bytes:
    with opened(disk, name) as file:
        return file.read(0, 1 << 20)


def put(disk: SimDisk, name: str, data: bytes) -> None:
    if name in disk.list():
        disk.delete(name)
    file = disk.create(name)
    file.append(data)
    file.sync()
    disk.sync_dir()


def append(*payloads: bytes) -> Append:
    return Append(payloads)


def refused(disk: SimDisk) -> str:
    with pytest.raises(Corrupt) as caught:
        recover(disk)
    text = str(caught.value)
    assert text.endswith(f"; {caught.value.mend}")
    return text.removesuffix(f"; {caught.value.mend}")


def two_logs() -> SimDisk:
    return disk_with(append(*ONE[:3]), TakeSnapshot(E1 + 1, body(ONE[:1])), append(*ONE[3:6]))


def test_an_empty_disk_is_a_first_start() -> None:
    recovered = recover(SimDisk())
    assert (recovered.snapshot, recovered.txns, recovered.last_zxid) == (None, (), 0)
    assert (recovered.accepted_epoch, recovered.current_epoch, recovered.repairs) == (0, 0, ())


@pytest.mark.parametrize("cut", range(1, RECORD))
@pytest.mark.parametrize("zeros", [0, 1000])
def test_a_tail_cut_at_any_byte_is_cut_off(cut: int, zeros: int) -> None:
    disk = disk_with(append(*ONE[:3]))
    whole = content(disk, FIRST_LOG)
    put(disk, FIRST_LOG, whole[:-cut] + bytes(zeros))
    recovered = recover(disk)
    assert history(disk, recovered) == ONE[:2]
    # A record begins with zeros: four bytes of it look like room that was allocated ahead.
    if (kept := RECORD - cut) > 4 or (zeros == 0 and kept > 12):
        (repair,) = recovered.repairs
        assert isinstance(repair, CutTail)
        assert (repair.file, repair.offset) == (FIRST_LOG, len(whole) - RECORD)
        assert repair.lost_bytes == kept + zeros
        assert content(disk, FIRST_LOG) == whole[:-RECORD]
    assert recover(disk).repairs == ()


@pytest.mark.parametrize("left", [*range(len(FILE_HEADER) + 1), 30, len(FILE_HEADER) + RECORD - 1])
@pytest.mark.parametrize("zeros", [0, 1000])
def test_a_newest_log_without_a_whole_txn_is_dropped(left: int, zeros: int) -> None:
    disk = two_logs()
    name = logs_in(disk)[-1][1]
    put(disk, name, content(disk, name)[:left] + bytes(zeros))
    recovered = recover(disk)
    assert history(disk, recovered) == ONE[:3]
    assert recovered.repairs == (DroppedLog(name, left + zeros),)
    assert logs_in(disk) == [(E1 + 1, FIRST_LOG)]


def test_a_torn_tail_in_front_of_a_newer_log_is_refused() -> None:
    disk = two_logs()
    put(disk, FIRST_LOG, content(disk, FIRST_LOG)[:-1])
    at = len(FILE_HEADER) + 2 * RECORD
    assert refused(disk) == (
        f"{FIRST_LOG}, byte {at}: the record is cut short: {RECORD - 13} of {RECORD - 12} bytes, "
        "and this log was once synced"
    )


def test_a_wrong_checksum_of_a_whole_record_is_refused() -> None:
    disk = disk_with(append(*ONE[:3]))
    put(disk, FIRST_LOG, content(disk, FIRST_LOG)[:-2] + b"yB")
    at = len(FILE_HEADER) + 2 * RECORD
    assert refused(disk) == f"{FIRST_LOG}, byte {at}: the checksum of a whole record is wrong"


def test_a_broken_record_in_front_of_a_whole_one_is_refused() -> None:
    disk = disk_with(append(*ONE[:3]))
    whole = content(disk, FIRST_LOG)
    at = len(FILE_HEADER) + RECORD
    behind = f"yet a whole record follows at byte {at + RECORD}"
    longer = whole[: at + 8] + b"\0\1" + whole[at + 10 :]
    put(disk, FIRST_LOG, longer)
    rest = len(whole) - at - 12
    assert refused(disk) == (
        f"{FIRST_LOG}, byte {at}: the record is cut short: {rest} of {65536 + RECORD - 12} bytes, "
        + behind
    )
    put(disk, FIRST_LOG, whole[:at] + bytes(RECORD) + whole[at + RECORD :])
    assert refused(disk) == f"{FIRST_LOG}, byte {at}: the record has no end mark, {behind}"
    put(disk, FIRST_LOG, whole[: at + RECORD - 1] + b"C" + whole[at + RECORD :])
    assert refused(disk) == f"{FIRST_LOG}, byte {at}: the record has no end mark, {behind}"
    put(disk, FIRST_LOG, whole[: at + 8] + b"\xff" + whole[at + 9 :])
    assert refused(disk).startswith(f"{FIRST_LOG}, byte {at}: a record of length -")


def test_no_flipped_bit_of_the_history_is_taken_for_true() -> None:
    """Refused, or as with a torn tail: the epoch files have no checksum, as ZooKeeper's."""

    def fresh() -> SimDisk:
        snapshot = TakeSnapshot(E1 + 4, tuple(body(ONE[:4])))
        return disk_with(append(*ONE[:4]), snapshot, append(*ONE[4:7]))

    seen: set[tuple[str, str]] = set()
    for name in (name for name in fresh().list() if name not in (ACCEPTED, CURRENT)):
        for bit in range(8 * len(content(fresh(), name))):
            disk = fresh()
            disk.flip(name, bit)
            try:
                _, recovered = open_store(disk)
            except Corrupt:
                seen.add((name.partition(".")[0], "refused"))
                continue
            left = history(disk, recovered)
            assert left == ONE[: len(left)], f"bit {bit} of {name}"
            seen.add((name.partition(".")[0], f"{7 - len(left)} lost"))
    assert seen == {
        ("log", "refused"),
        ("log", "1 lost"),  # the last, whose record a power loss may as well have torn
        ("log", "0 lost"),  # what nobody reads
        ("snapshot", "0 lost"),  # the log has it all
    }


def test_a_file_that_is_no_log_is_refused() -> None:
    disk = disk_with(append(*ONE[:3]))
    put(disk, FIRST_LOG, b"something else entirely")
    assert refused(disk) == (
        f"{FIRST_LOG}, byte 0: this is not the header of a ZooKeeper log, version 2"
    )


@pytest.mark.parametrize(
    ("name", "payloads", "problem"),
    [
        (FIRST_LOG, [txn(1, 2)], "byte 16: its first zxid is 0x100000002"),
        (FIRST_LOG, [ONE[0], ONE[1], ONE[1]], "zxid 0x100000002 stands behind zxid 0x100000002"),
        (FIRST_LOG, [ONE[0], ONE[2]], "zxid 0x100000001 and zxid 0x100000003 are missing"),
        ("log.200000002", [txn(2, 2)], "zxid 0x0 and zxid 0x200000002 are missing"),
        (FIRST_LOG, [b"short"], "a record of 5 bytes is too short to be a txn"),
    ],
)  # fmt: skip
def test_txns_that_cannot_follow_each_other_are_refused(
    name: str, payloads: Sequence[bytes], problem: str
) -> None:
    disk = SimDisk()
    put(disk, name, FILE_HEADER + b"".join(map(encode, payloads)))
    assert problem in refused(disk)


def test_logs_that_overlap_are_refused() -> None:
    disk = disk_with(append(*ONE[:3]))
    put(disk, "log.100000002", FILE_HEADER + encode(ONE[1]))
    assert refused(disk) == (
        "log.100000002, byte 16: an earlier log already reaches zxid 0x100000003"
    )


def test_a_lost_log_is_noticed() -> None:
    disk = disk_with(
        append(*ONE[:2]), Truncate(E1 + 2), append(*ONE[2:4]), Truncate(E1 + 4), append(ONE[4])
    )
    disk.delete("log.100000003")
    assert refused(disk).endswith(
        "the txns between zxid 0x100000002 and zxid 0x100000005 are missing"
    )


def test_an_invalid_snapshot_is_replaced_by_an_older_one_and_the_log() -> None:
    disk = disk_with(
        append(*ONE[:3]),
        TakeSnapshot(E1 + 2, body(ONE[:2])),
        append(*ONE[3:5]),
        TakeSnapshot(E1 + 4, body(ONE[:4])),
    )
    newest = f"snapshot.{E1 + 4:x}"
    whole = content(disk, newest)
    for broken, problem in (
        (whole[:20] + b"?" + whole[21:], "its seal does not match its bytes"),
        (whole[:-1], "its seal does not match its bytes"),
        (b"?" + whole[1:], "this is not the header of a snapshot, version 2"),
        (b"", "0 bytes are too few"),
    ):
        put(disk, newest, broken)
        recovered = recover(disk)
        assert recovered.snapshot is not None
        assert recovered.snapshot.zxid == E1 + 2
        assert history(disk, recovered) == ONE[:5]
        assert recovered.repairs == (FellBack(newest, problem),)


def test_an_invalid_snapshot_that_nothing_replaces_is_refused() -> None:
    other = [txn(1, n, b"theirs") for n in range(1, 9)]
    disk = disk_with(append(*ONE[:3]), InstallSnapshot(E1 + 8, body(other)))
    name = f"snapshot.{E1 + 8:x}"
    put(disk, name, content(disk, name)[:-1])
    nothing = "its seal does not match its bytes, and no older snapshot and log replace it"
    assert refused(disk) == f"{name}, byte 0: {nothing}"


def test_a_purged_log_does_not_replace_the_only_snapshot() -> None:
    disk = SimDisk()
    later = [txn(3, n) for n in range(1, 4)]
    put(disk, "log.300000001", FILE_HEADER + b"".join(map(encode, later)))
    write_snapshot(disk, 3 << 32 | 2, body(later[:2]))
    name = f"snapshot.{3 << 32 | 2:x}"
    put(disk, name, content(disk, name)[:-1])
    assert refused(disk).endswith("and the log may not go back to the start")


def test_compressed_snapshots_are_not_passed_over() -> None:
    disk = disk_with(append(*ONE[:3]))
    put(disk, "snapshot.5.gz", b"")
    assert refused(disk) == "snapshot.5.gz, byte 0: compressed snapshots cannot be read"


def epochs(accepted: str | None, current: str | None, unfinished: str | None = None) -> SimDisk:
    """A log that ends in epoch 2."""
    disk = SimDisk()
    put(disk, FIRST_LOG, FILE_HEADER + encode(ONE[0]) + encode(txn(2, 1)))
    texts = {ACCEPTED: accepted, CURRENT: current, f"{CURRENT}.tmp": unfinished}
    for name, text in texts.items():
        if text is not None:
            put(disk, name, text.encode())
    return disk


@pytest.mark.parametrize(
    ("accepted", "current", "unfinished", "found"),
    [
        ("2", "2", None, (2, 2)),
        ("5", "3\n", None, (5, 3)),
        (None, None, None, (2, 2)),
        ("3", None, None, (3, 2)),
        ("3", "1", None, (3, 2)),
        ("3", "1", "3", (3, 3)),
        ("3", "1", "1", (3, 2)),
        ("3", "1", "4", (3, 2)),
        ("3", "1", "", (3, 2)),
        ("3", "2", "3", (3, 2)),
    ],
)
def test_epochs_are_found_and_completed(
    accepted: str | None, current: str | None, unfinished: str | None, found: tuple[int, int]
) -> None:
    disk = epochs(accepted, current, unfinished)
    recovered = recover(disk)
    assert (recovered.accepted_epoch, recovered.current_epoch) == found
    before = int(current or 0)
    raised = (RaisedCurrentEpoch(before, found[1]),) if before < found[1] else ()
    removed = (
        (RemovedUnfinished(f"{CURRENT}.tmp"),) if unfinished is not None and not raised else ()
    )
    assert recovered.repairs == raised + removed
    disk.power_off(lambda n: 0)
    again = recover(disk)
    assert (again.accepted_epoch, again.current_epoch) == found
    assert again.repairs == ()


@pytest.mark.parametrize(
    ("accepted", "current", "problem"),
    [
        ("1", "2", "acceptedEpoch, byte 0: acceptedEpoch 1 is less than currentEpoch 2"),
        (None, "2", "acceptedEpoch, byte 0: there is none, although currentEpoch is 2"),
        ("two", "2", "acceptedEpoch, byte 0: b'two' is no epoch"),
        ("2", "-1", "currentEpoch, byte 0: b'-1' is no epoch"),
        (
            "1",
            "1",
            "currentEpoch, byte 0: the last txn is of epoch 2, but acceptedEpoch is 1 and "
            "currentEpoch 1: this server never promised to follow that leader",
        ),
    ],
)
def test_epochs_that_no_crash_leaves_behind_are_refused(
    accepted: str | None, current: str | None, problem: str
) -> None:
    assert refused(epochs(accepted, current)) == problem


def test_a_refusal_says_how_to_mend_it() -> None:
    with pytest.raises(Corrupt) as caught:
        recover(epochs("1", "2"))
    assert str(caught.value).endswith(COPY_AFRESH)
    assert (caught.value.file, caught.value.offset) == (ACCEPTED, 0)


def test_a_decided_install_is_finished_by_the_next_start() -> None:
    disk = disk_with(append(*ONE[:3]), TakeSnapshot(E1 + 2, body(ONE[:2])))
    write_snapshot(disk, E1 + 1, body([ONE[0]]), name=f"snapshot.{E1 + 1:x}.install")
    recovered = recover(disk)
    assert history(disk, recovered) == ONE[:1]
    assert recovered.repairs == (FinishedInstall(E1 + 1),)
    assert disk.list() == (ACCEPTED, CURRENT, f"snapshot.{E1 + 1:x}")


def test_a_cut_takes_the_newer_snapshots_along() -> None:
    disk = disk_with(
        append(*ONE[:3]),
        TakeSnapshot(E1 + 1, body(ONE[:1])),
        append(*ONE[3:]),
        TakeSnapshot(E1 + 9, body(ONE)),
        Truncate(E1 + 5),
    )
    assert disk.list() == (ACCEPTED, CURRENT, FIRST_LOG, "log.100000004", "snapshot.100000001")
    assert history(disk, recover(disk)) == ONE[:5]


@pytest.mark.parametrize(
    ("zxid", "problem"),
    [
        (E1 + 3, "no snapshot is as old, and the log begins at 0x100000005"),
        (E1, "no snapshot is as old, and the log begins at 0x100000005"),
        (E1 + 12, "this server never had that txn: before it comes 0x100000009"),
        (2 << 32 | 1, "this server never had that txn: before it comes 0x100000009"),
    ],
)
def test_a_cut_that_would_leave_no_history_is_refused(zxid: int, problem: str) -> None:
    disk = disk_with(
        append(*ONE[:4]),
        TakeSnapshot(E1 + 4, body(ONE[:4])),
        append(*ONE[4:]),
        TakeSnapshot(E1 + 8, body(ONE[:8])),
        Purge(2),
    )
    before = [(name, content(disk, name)) for name in disk.list()]
    store, _ = open_store(disk)
    assert perform(store, [Truncate(zxid), append(txn(1, 10))])[0] == TruncateRefused(zxid, problem)
    assert [
        (name, content(disk, name)) for name in disk.list() if name != "log.10000000a"
    ] == before


def test_a_purge_keeps_what_a_start_may_need() -> None:
    disk = disk_with(
        append(*ONE[:2]),
        TakeSnapshot(E1 + 2, body(ONE[:2])),
        append(*ONE[2:5]),
        TakeSnapshot(E1 + 4, body(ONE[:4])),
        append(*ONE[5:7]),
        TakeSnapshot(E1 + 7, body(ONE[:7])),
        Purge(2),
    )
    names = disk.list()
    assert names[2:] == (
        "log.100000003",
        "log.100000006",
        "snapshot.100000004",
        "snapshot.100000007",
    )
    disk.delete(names[-1])
    assert history(disk, recover(disk)) == ONE[:7]


def test_the_log_is_read_only_where_it_has_no_hole() -> None:
    disk = disk_with(append(*ONE[:3]), append(*ONE[3:6]))
    store, _ = open_store(disk)

    def read(zxid: int, most_bytes: int = 1000) -> list[bytes] | None:
        (done,) = perform(store, [ReadAfter(zxid, most_bytes)])
        assert isinstance(done, TxnsRead)
        return None if done.txns is None else [one.payload for one in done.txns]

    assert read(E1 + 1) == ONE[1:6]
    assert read(E1 + 6) == []
    assert read(E1 + 7) is None
    assert read(E1) is None
    assert read(E1 + 1, 5 * len(ONE[0])) == ONE[1:6]
    assert read(E1 + 1, 5 * len(ONE[0]) - 1) is None
    perform(store, [append(ONE[8])])
    assert read(E1 + 1) is None
    perform(store, [InstallSnapshot(E1 + 7, body(ONE[:7])), append(*ONE[7:])])
    assert read(E1 + 5) is None
    assert read(E1 + 8) == ONE[8:]


def test_a_bit_that_flips_where_no_start_reads_takes_nothing_but_the_history_behind_it() -> None:
    """Who lacks it is sent a snapshot, and a cut that needs it is refused: nobody ends for it."""
    disk = disk_with(append(*ONE[:3]), TakeSnapshot(E1 + 3, body(ONE[:3])), append(*ONE[3:6]))
    disk.flip(FIRST_LOG, 8 * (len(FILE_HEADER) + RECORD + 20))
    store, recovered = open_store(disk)
    assert history(disk, recovered) == ONE[:6]
    at = len(FILE_HEADER) + RECORD
    problem = f"{FIRST_LOG}, byte {at}: the checksum of a whole record is wrong"
    cut, read, _, near, again = perform(
        store,
        [
            Truncate(E1 + 2), ReadAfter(E1 + 1, 1000), append(ONE[6]), ReadAfter(E1 + 4, 1000),
            Truncate(E1 + 5),
        ],
    )  # fmt: skip
    assert cut == TruncateRefused(E1 + 2, problem)
    assert read == TxnsRead(E1 + 1, None)
    assert isinstance(near, TxnsRead)
    assert near.txns is not None
    assert [one.payload for one in near.txns] == ONE[4:7]
    assert isinstance(again, Truncated)
    assert history(disk, recover(disk)) == ONE[:5]


@pytest.mark.parametrize(
    "give_up",
    [
        lambda disk: cut_after(disk, E1 + 3),
        lambda disk: cut_after(disk, E1 + 5),
        lambda disk: purge(disk, 1),
        lambda disk: install_snapshot(disk, E1 + 1, body(ONE[:1])),
    ],
)
def test_what_was_given_up_does_not_come_back(give_up: Callable[[SimDisk], object]) -> None:
    disk = disk_with(
        append(*ONE[:4]),
        TakeSnapshot(E1 + 2, body(ONE[:2])),
        append(*ONE[4:7]),
        TakeSnapshot(E1 + 7, body(ONE[:7])),
    )
    give_up(disk)
    left = [(name, content(disk, name)) for name in disk.list()]
    disk.power_off(lambda n: 0)
    assert [(name, content(disk, name)) for name in disk.list()] == left


def test_the_history_is_durable_before_the_epoch_that_claims_it() -> None:
    disk = disk_with()
    store, _ = open_store(disk)
    store.append(ONE[:3])
    disk.calls = []
    store.set_current_epoch(1)
    assert disk.calls == [f"sync {FIRST_LOG}", "sync_dir"]
    disk.power_off(lambda n: 0)
    assert history(disk, recover(disk)) == ONE[:3]


def test_a_torn_txn_that_quotes_an_old_record_is_still_torn() -> None:
    disk = disk_with(append(*ONE[:3], txn(1, 4, b"quote" + encode(ONE[1]) + b"unquote")))
    put(disk, FIRST_LOG, content(disk, FIRST_LOG)[:-3])
    assert history(disk, recover(disk)) == ONE[:3]


def test_appends_side_by_side_share_one_sync() -> None:
    disk = SimDisk()
    store, _ = open_store(disk)
    perform(store, [append(ONE[0])])
    disk.calls = []
    perform(store, [append(ONE[1]), append(*ONE[2:5]), append(), append(ONE[5])])
    assert disk.calls == [f"append {FIRST_LOG}"] * 5 + [f"sync {FIRST_LOG}"]


def test_zxids_only_grow() -> None:
    store, _ = open_store(disk_with(append(*ONE[:3])))
    with pytest.raises(ValueError, match="zxid 0x100000003 cannot stand behind zxid 0x100000003"):
        perform(store, [append(ONE[2])])
