"""What can be asked of a server's disk, one thing at a time?

A store does what it says and returns when it is durable. It is used by one thread, in order. The
first call that fails is the last: what the disk holds is then known only to the next `recover`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

from target_node.durable.disk import Disk
from target_node.durable.epochs import ACCEPTED, CURRENT, write_epoch
from target_node.durable.forget import cut_after, install_snapshot, purge
from target_node.durable.log import ROLL_BYTES, TxnLog, read_txns
from target_node.durable.names import follows
from target_node.durable.recovery import Recovered, recover
from target_node.durable.refusal import Corrupt, DiskFailed, Unreachable
from target_node.durable.scan import Txn
from target_node.durable.snapshot import Snapshot, read_body, write_snapshot


class Store:
    """The disk of a server that has been recovered."""

    def __init__(self, disk: Disk, recovered: Recovered, *, roll_bytes: int = ROLL_BYTES) -> None:
        self.disk = disk
        self.log = TxnLog(disk, recovered.last_zxid, roll_bytes=roll_bytes)
        self.accepted_epoch = recovered.accepted_epoch
        self.current_epoch = recovered.current_epoch
        self._failure: BaseException | None = None

    def append(self, txns: Sequence[bytes]) -> None:
        """Behind all others, but not durable before `flush`."""
        with self._failing_for_good():
            for payload in txns:
                self.log.append(payload)

    def flush(self) -> None:
        """Everything appended may be acknowledged."""
        with self._failing_for_good():
            self.log.sync()

    def set_accepted_epoch(self, epoch: int) -> None:
        """From now on no smaller epoch is followed."""
        with self._failing_for_good():
            assert epoch >= self.accepted_epoch, "a promise to a later leader cannot be taken back"
            if epoch == self.accepted_epoch:
                return
            write_epoch(self.disk, ACCEPTED, epoch)
            # Memory after the file: what others are told must outlive us (ZOOKEEPER-4269).
            self.accepted_epoch = epoch

    def set_current_epoch(self, epoch: int) -> None:
        """The history is one that the leader of this epoch began with."""
        with self._failing_for_good():
            assert self.current_epoch <= epoch <= self.accepted_epoch, "epochs never go back"
            # History before epoch (ZOOKEEPER-4643): the epoch claims the history.
            self.log.sync()
            if epoch == self.current_epoch:
                return
            write_epoch(self.disk, CURRENT, epoch)
            self.current_epoch = epoch

    def take_snapshot(self, zxid: int, body: Iterable[bytes]) -> Snapshot:
        """The tree as of this zxid; the log goes on in a new file."""
        with self._failing_for_good():
            # Before the snapshot: it must never be ahead of the log.
            self.log.roll()
            return write_snapshot(self.disk, zxid, body)

    def install_snapshot(self, zxid: int, body: Iterable[bytes]) -> None:
        """The leader's tree as of this zxid, instead of all that was."""
        with self._failing_for_good():
            self.log.roll()
            install_snapshot(self.disk, zxid, body)
            self.log.restart(zxid)

    def truncate(self, zxid: int) -> Recovered:
        """What is left with this txn as the last; `Unreachable`, nothing changed, if it cannot."""
        with self._failing_for_good():
            self.log.roll()
            cut_after(self.disk, zxid)
            left = recover(self.disk)
            self.log.restart(left.last_zxid)
            return left

    def image(self, recovered: Recovered) -> bytes | None:
        """The body of the snapshot that this state begins with."""
        with self._failing_for_good():
            snapshot = recovered.snapshot
            return None if snapshot is None else b"".join(read_body(self.disk, snapshot))

    def purge(self, keep: int) -> Sequence[str]:
        """Drop the history that no start from the `keep` newest snapshots needs."""
        with self._failing_for_good():
            self.log.roll()
            return purge(self.disk, keep)

    def txns_after(self, zxid: int, most_bytes: int) -> tuple[Txn, ...] | None:
        """All txns behind this one; None if any may be missing in the log, or they are too long."""
        with self._failing_for_good():
            self.log.sync()
            try:
                return self._read_after(zxid, most_bytes)
            except Corrupt:
                return None  # it rotted behind a snapshot, where no start has read it

    def _read_after(self, zxid: int, most_bytes: int) -> tuple[Txn, ...] | None:
        found: list[Txn] = []
        bytes_left = most_bytes
        last = -1
        for txn in read_txns(self.disk, zxid):
            if last == -1:
                if txn.zxid != zxid:
                    return None
            else:
                bytes_left -= len(txn.payload)
                if not follows(txn.zxid, last) or bytes_left < 0:
                    return None
                found.append(txn)
            last = txn.zxid
        return tuple(found) if last != -1 else None

    @contextmanager
    def _failing_for_good(self) -> Iterator[None]:
        if self._failure is not None:
            raise DiskFailed(f"the disk failed before: {self._failure}") from self._failure
        try:
            yield
        except Unreachable:
            raise
        except BaseException as failure:
            self._failure = failure
            raise


def open_store(disk: Disk, *, roll_bytes: int = ROLL_BYTES) -> tuple[Store, Recovered]:
    """Recover, and go on from there."""
    recovered = recover(disk)
    return Store(disk, recovered, roll_bytes=roll_bytes), recovered
