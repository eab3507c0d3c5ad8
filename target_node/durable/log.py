"""Where does a txn stand on disk, and from when on is it surely there?

Many appends share one `sync`; a txn may be acknowledged only after the sync behind it. A new file
is begun after every start, every roll and every cut, so no file is ever written behind a repair.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from target_node.durable.disk import Disk, File, opened
from target_node.durable.names import log_name, logs_in
from target_node.durable.refusal import Corrupt, DiskFailed
from target_node.durable.scan import FILE_HEADER, Scan, Txn, encode, zxid_of

ROLL_BYTES: Final = 64 << 20


class TxnLog:
    """The end of the log. `last_zxid` counts what is appended, `synced_zxid` what will stay."""

    def __init__(self, disk: Disk, last_zxid: int, *, roll_bytes: int = ROLL_BYTES) -> None:
        self.last_zxid = last_zxid
        self.synced_zxid = last_zxid
        self._disk = disk
        self._roll_bytes = roll_bytes
        self._file: File | None = None
        self._name_is_synced = False
        self._failed = False

    def append(self, payload: bytes) -> int:
        """The txn's zxid, which must be greater than all before it."""
        zxid = zxid_of(payload)
        if zxid <= self.last_zxid:
            raise ValueError(f"zxid 0x{zxid:x} cannot stand behind zxid 0x{self.last_zxid:x}")
        self._refuse_after_failure()
        try:
            if self._file is None:
                self._file = self._disk.create(log_name(zxid))
                self._file.append(FILE_HEADER)
                self._name_is_synced = False
            self._file.append(encode(payload))
        except OSError:
            self._failed = True
            raise
        self.last_zxid = zxid
        return zxid

    def sync(self) -> None:
        """Everything appended outlives a crash. If this raises, nothing unsynced may ever be acked.

        A second try would not help: the kernel may have dropped the bytes and call it a success.
        """
        self._refuse_after_failure()
        if self._file is None or self.synced_zxid == self.last_zxid:
            return
        try:
            self._file.sync()
            if not self._name_is_synced:
                self._disk.sync_dir()
                self._name_is_synced = True
            self.synced_zxid = self.last_zxid
            if self._file.size() >= self._roll_bytes:
                self.roll()
        except OSError:
            self._failed = True
            raise

    def roll(self) -> None:
        """The next append begins a new file.

        What is behind a torn tail is refused at the next start: sync the old file first.
        """
        self.sync()
        if self._file is not None:
            file, self._file = self._file, None
            file.close()

    def restart(self, last_zxid: int) -> None:
        """The files were cut, or replaced by a snapshot: go on behind this zxid."""
        assert self._file is None, "a file that is open for appending must not be cut by others"
        self.last_zxid = self.synced_zxid = last_zxid

    def _refuse_after_failure(self) -> None:
        if self._failed:
            raise DiskFailed("an earlier append or sync of the log failed")


def read_txns(disk: Disk, from_zxid: int) -> Iterator[Txn]:
    """All txns with this zxid or a greater one, in order, of a log whose tail is mended.

    Zxids may jump where the node took over another's snapshot: who needs a history without a hole
    asks `follows` of each pair.
    """
    logs = logs_in(disk)
    # A file holds everything up to the next one's first zxid.
    begins = max((at for at, (first, _) in enumerate(logs) if first <= from_zxid), default=0)
    last = -1
    for first, name in logs[begins:]:
        with opened(disk, name) as file:
            scan = Scan(file, name)
            expected: int | None = first
            for txn in scan:
                if expected is not None and txn.zxid != expected:
                    raise Corrupt(name, len(FILE_HEADER), f"its first zxid is 0x{txn.zxid:x}")
                expected = None
                if txn.zxid <= last:
                    raise Corrupt(
                        name, len(FILE_HEADER), f"an earlier log already reaches zxid 0x{last:x}"
                    )
                last = txn.zxid
                if txn.zxid >= from_zxid:
                    yield txn
            if scan.torn is not None:
                raise Corrupt(name, scan.end, f"{scan.torn}, and this log was once synced")
