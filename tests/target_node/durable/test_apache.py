"""Files written by Apache ZooKeeper are read, and ours are read by it, to the last byte."""

from __future__ import annotations

from pathlib import Path

import pytest

from target_node.durable.disk import opened
from target_node.durable.log import TxnLog, read_txns
from target_node.durable.names import logs_in
from target_node.durable.operations import Append, TakeSnapshot, Truncate, Truncated, perform
from target_node.durable.os_disk import OsDisk
from target_node.durable.recovery import CutTail, recover
from target_node.durable.refusal import Corrupt
from target_node.durable.scan import Scan
from target_node.durable.snapshot import Snapshot, newest_first, read_body, write_snapshot
from target_node.durable.store import open_store
from tests.target_node.durable.apache import Apache

FIRST = 1 << 32 | 1
LAST = FIRST + 19
ROLL = FIRST + 7


@pytest.fixture(scope="module")
def apache(tmp_path_factory: pytest.TempPathFactory) -> Apache:
    return Apache(tmp_path_factory.mktemp("classes"))


@pytest.fixture(scope="module")
def written(apache: Apache, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twenty txns in two files, with 64 KiB allocated ahead."""
    directory = tmp_path_factory.mktemp("apache") / "log"
    directory.mkdir()
    apache.ask("log", directory, FIRST, LAST, ROLL, 1 << 16)
    return directory


def copied(source: Path, target: Path) -> OsDisk:
    disk = OsDisk(target)
    for file in source.iterdir():
        (target / file.name).write_bytes(file.read_bytes())
    return disk


def test_apaches_log_is_read_and_written_byte_for_byte(written: Path, tmp_path: Path) -> None:
    disk = copied(written, tmp_path / "theirs")
    # Padded behind both files.
    assert all((tmp_path / "theirs" / name).stat().st_size >= 65536 for _, name in logs_in(disk))
    txns = recover(disk).txns
    assert [txn.zxid for txn in txns] == list(range(FIRST, LAST + 1))
    assert list(read_txns(disk, ROLL + 3)) == list(txns[10:])

    ours = OsDisk(tmp_path / "ours")
    log = TxnLog(ours, 0)
    for txn in txns:
        log.append(txn.payload)
        if txn.zxid == ROLL:
            log.roll()
    log.sync()
    assert logs_in(ours) == logs_in(disk)
    for name in ours.list():
        padded = (tmp_path / "theirs" / name).read_bytes()
        assert (tmp_path / "ours" / name).read_bytes() == padded.rstrip(b"\0")


def test_apache_reads_our_log_and_its_torn_tail(
    apache: Apache, written: Path, tmp_path: Path
) -> None:
    theirs = copied(written, tmp_path / "theirs")
    store, _ = open_store(OsDisk(tmp_path / "ours"), roll_bytes=1000)
    for txn in read_txns(theirs, 0):
        perform(store, [Append((txn.payload,))])
    assert len(logs_in(store.disk)) > 2
    answer = apache.ask("read", tmp_path / "theirs", 0)
    assert len(answer) == 21
    assert answer[-1] == f"last {LAST}"
    assert apache.ask("read", tmp_path / "ours", 0) == answer
    assert apache.ask("read", tmp_path / "ours", ROLL + 3) == answer[10:]

    (_, newest) = logs_in(store.disk)[-1]
    path = tmp_path / "ours" / newest
    path.write_bytes(path.read_bytes()[:-1])
    torn = apache.ask("read", tmp_path / "ours", 0)
    assert torn == [*answer[:19], f"last {LAST - 1}"]
    recovered = recover(store.disk)
    assert recovered.last_zxid == LAST - 1
    assert isinstance(recovered.repairs[0], CutTail)
    assert apache.ask("read", tmp_path / "ours", 0) == torn


@pytest.mark.parametrize("zxid", [ROLL + 5, ROLL - 2])
def test_both_cut_a_log_at_the_same_byte(
    apache: Apache, written: Path, tmp_path: Path, zxid: int
) -> None:
    theirs = copied(written, tmp_path / "theirs")
    ours = copied(written, tmp_path / "ours")
    assert apache.ask("truncate", tmp_path / "theirs", zxid) == ["true"]
    (completion,) = perform(open_store(ours)[0], [Truncate(zxid)])
    assert isinstance(completion, Truncated)
    assert completion.left.last_zxid == zxid
    assert logs_in(ours) == logs_in(theirs)
    for name in theirs.list():
        assert (tmp_path / "ours" / name).read_bytes() == (tmp_path / "theirs" / name).read_bytes()


def test_a_wrong_end_mark_is_a_hole_in_apaches_history_and_refused_here(
    apache: Apache, written: Path, tmp_path: Path
) -> None:
    """It takes it for the end of that file, and goes on with the next one."""
    disk = copied(written, tmp_path / "data")
    (_, name), _ = logs_in(disk)
    with opened(disk, name) as file:
        scan = Scan(file, name)
        ends = [scan.end for _ in scan]
    path = tmp_path / "data" / name
    data = bytearray(path.read_bytes())
    data[ends[3] - 1] ^= 1
    path.write_bytes(data)
    answer = apache.ask("read", tmp_path / "data", 0)
    assert answer[-1] == f"last {LAST}"
    assert len(answer) == 1 + (LAST - FIRST + 1) - (ROLL - FIRST + 1 - 3)
    with pytest.raises(Corrupt, match="the record has no end mark, yet a whole record follows"):
        recover(disk)


def test_both_refuse_a_wrong_checksum(apache: Apache, written: Path, tmp_path: Path) -> None:
    disk = copied(written, tmp_path / "data")
    (_, name) = logs_in(disk)[-1]
    path = tmp_path / "data" / name
    path.write_bytes(path.read_bytes().replace(b"data", b"dada", 1))
    with pytest.raises(AssertionError, match="CRC check failed"):
        apache.ask("read", tmp_path / "data", 0)
    with pytest.raises(Corrupt, match="the checksum of a whole record is wrong"):
        recover(disk)


@pytest.mark.parametrize("digest", [True, False])
def test_snapshots_are_exchanged(apache: Apache, tmp_path: Path, *, digest: bool) -> None:
    theirs = OsDisk(tmp_path / "theirs")
    apache.ask("snapshot", tmp_path / "theirs", LAST, 40, digest=digest)
    (snapshot,) = newest_first(theirs)
    assert isinstance(snapshot, Snapshot)
    body = b"".join(read_body(theirs, snapshot))
    # Where the tree ends, with or without a digest behind it.
    assert body.endswith(b"\0\0\0\1/")
    assert body.startswith(b"\0\0\0\1" + bytes(7) + b"\x77\0\0\x0f\xa0")
    assert recover(theirs).last_zxid == LAST

    ours = OsDisk(tmp_path / "ours")
    write_snapshot(ours, LAST, [body[:11], body[11:]])
    restored = [f"{LAST} 45 {{119=4000}} data of 0"]
    assert apache.ask("restore", tmp_path / "theirs", digest=digest) == restored
    assert apache.ask("restore", tmp_path / "ours", digest=digest) == restored
    if not digest:
        with opened(theirs, snapshot.name) as one, opened(ours, snapshot.name) as other:
            assert one.read(0, 1 << 20) == other.read(0, 1 << 20)


def test_apache_passes_over_our_unfinished_files(
    apache: Apache, written: Path, tmp_path: Path
) -> None:
    store, _ = open_store(OsDisk(tmp_path / "data"))
    apache.ask("snapshot", tmp_path / "data", LAST, 3)
    (snapshot,) = newest_first(store.disk)
    assert isinstance(snapshot, Snapshot)
    body = b"".join(read_body(store.disk, snapshot))
    perform(store, [TakeSnapshot(LAST + 5, [body])])
    for ending in ("tmp", "install"):
        (tmp_path / "data" / f"snapshot.{LAST + 9:x}.{ending}").write_bytes(b"half")
    assert apache.ask("restore", tmp_path / "data")[0].startswith(f"{LAST + 5} ")
