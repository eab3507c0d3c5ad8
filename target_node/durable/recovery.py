"""What does a server know when it starts, and what had to be mended for it?

Rules of this file:
1. A crash at any moment leaves something that is mended here, never refused.
2. What is mended was not acknowledged; whatever may have been is refused with `Corrupt`.
3. Nothing is returned before it is durable: a kill may leave bytes that are in the kernel's cache
   only, and the server is about to vote on their strength.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from target_node.durable.disk import Disk, opened
from target_node.durable.epochs import ACCEPTED, CURRENT, read_epoch, read_unfinished, write_epoch
from target_node.durable.forget import finish_install
from target_node.durable.log import read_txns
from target_node.durable.names import begins_history, epoch_of, follows, logs_in
from target_node.durable.refusal import Corrupt
from target_node.durable.scan import FILE_HEADER, Scan, Txn
from target_node.durable.snapshot import Invalid, Snapshot, newest_first


@dataclass(frozen=True, slots=True)
class CutTail:
    """The last record of the newest log was not whole."""

    file: str
    offset: int
    lost_bytes: int
    problem: str


@dataclass(frozen=True, slots=True)
class DroppedLog:
    """The newest log had been created, and no txn of it was whole."""

    file: str
    lost_bytes: int


@dataclass(frozen=True, slots=True)
class FellBack:
    """A snapshot was not valid; an older one and the log say the same."""

    file: str
    problem: str


@dataclass(frozen=True, slots=True)
class FinishedInstall:
    """A snapshot from the leader was about to replace the history, and now has."""

    zxid: int


@dataclass(frozen=True, slots=True)
class RaisedCurrentEpoch:
    """The history of a new epoch was durable, but not yet the epoch."""

    before: int
    after: int


@dataclass(frozen=True, slots=True)
class RemovedUnfinished:
    """A file that was being written under a temporary name."""

    file: str


Repair = CutTail | DroppedLog | FellBack | FinishedInstall | RaisedCurrentEpoch | RemovedUnfinished


@dataclass(frozen=True, slots=True)
class Recovered:
    """The state to start from: the snapshot's body, then these txns in order."""

    snapshot: Snapshot | None
    txns: tuple[Txn, ...]
    last_zxid: int
    accepted_epoch: int
    current_epoch: int
    repairs: tuple[Repair, ...]


def recover(disk: Disk) -> Recovered:
    """The newest valid snapshot and all txns behind it, mended and durable; or `Corrupt`."""
    # Names first: what we see may be a rename that a power loss would still undo.
    disk.sync_dir()
    repairs: list[Repair] = []
    if (installed := finish_install(disk)) is not None:
        repairs.append(FinishedInstall(installed))
    repairs += _mend_tail(disk)
    snapshot, invalid = _base(disk)
    txns = _replay(disk, snapshot, invalid)
    repairs += [FellBack(one.name, one.problem) for one in invalid]
    last_zxid = txns[-1].zxid if txns else snapshot.zxid if snapshot else 0
    accepted_epoch, current_epoch, raised = _epochs(disk, epoch_of(last_zxid))
    repairs += [*raised, *_remove_unfinished(disk)]
    return Recovered(snapshot, txns, last_zxid, accepted_epoch, current_epoch, tuple(repairs))


def _mend_tail(disk: Disk) -> Iterator[Repair]:
    for _, name in reversed(logs_in(disk)):
        with opened(disk, name) as file:
            size = file.size()
            scan = Scan(file, name)
            holds_txns = sum(1 for _ in scan) > 0
            if holds_txns:
                if scan.torn is not None:
                    file.truncate(scan.end)
                    yield CutTail(name, scan.end, size - scan.end, scan.torn)
                # Torn or not (rule 3). Older logs were synced before this one was begun.
                file.sync()
                return
        # The next append may begin with the same zxid, and so want this name (ZOOKEEPER-2332).
        disk.delete(name)
        disk.sync_dir()
        yield DroppedLog(name, size)


def _base(disk: Disk) -> tuple[Snapshot | None, list[Invalid]]:
    for name in disk.list():
        if name.startswith("snapshot.") and name.endswith((".gz", ".snappy")):
            raise Corrupt(name, 0, "compressed snapshots cannot be read", "unpack it")
    invalid: list[Invalid] = []
    for found in newest_first(disk):
        if isinstance(found, Snapshot):
            return found, invalid
        invalid.append(found)
    return None, invalid


def _replay(disk: Disk, base: Snapshot | None, invalid: list[Invalid]) -> tuple[Txn, ...]:
    """The txns behind the base, without a hole and past every snapshot that was skipped."""
    last = base.zxid if base else 0
    txns = tuple(read_txns(disk, last + 1))
    for txn in txns:
        if not follows(txn.zxid, last):
            problem = f"the txns between zxid 0x{last:x} and zxid 0x{txn.zxid:x} are missing"
            raise Corrupt(_file_of(disk, txn.zxid), len(FILE_HEADER), problem)
        last = txn.zxid
    # A snapshot may have been the only copy of what came before it (SNAP, or a purge). Without it
    # the log must hold its very zxid, and, without any base, the first txn ever.
    logged = {txn.zxid for txn in txns}
    for one in invalid:
        if one.zxid not in logged:
            raise Corrupt(one.name, 0, f"{one.problem}, and no older snapshot and log replace it")
        if base is None and not begins_history(txns[0].zxid):
            raise Corrupt(one.name, 0, f"{one.problem}, and the log may not go back to the start")
    return txns


def _file_of(disk: Disk, zxid: int) -> str:
    return max(found for found in logs_in(disk) if found[0] <= zxid)[1]


def _epochs(disk: Disk, logged: int) -> tuple[int, int, list[Repair]]:
    """The two epochs, checked against each other and against the epoch of the last txn."""
    promised = read_epoch(disk, ACCEPTED)
    entered = read_epoch(disk, CURRENT)
    if promised is None and entered is not None:
        raise Corrupt(ACCEPTED, 0, f"there is none, although currentEpoch is {entered}")
    # Neither: a first start, or the data of a lone server, which keeps no epochs.
    accepted = logged if promised is None else promised
    current = entered or 0
    if accepted < current:
        raise Corrupt(ACCEPTED, 0, f"acceptedEpoch {accepted} is less than currentEpoch {current}")
    if logged > accepted:
        problem = (
            f"the last txn is of epoch {logged}, but acceptedEpoch is {accepted} and currentEpoch "
            f"{current}: this server never promised to follow that leader"
        )
        raise Corrupt(CURRENT, 0, problem)
    if logged <= current:
        return accepted, current, []
    # Written even where the log says as much: a log may be cut, and epochs never go back.
    if promised is None:
        write_epoch(disk, ACCEPTED, accepted)
    # The history is synced before currentEpoch is written: a crash in between ends up here
    # (ZOOKEEPER-2354). A txn of epoch e stands behind all that its leader began with, so the log
    # does hold what joining epoch e asks for. An unfinished currentEpoch was written after the
    # whole history, so it may be more.
    unfinished = read_unfinished(disk, CURRENT) or 0
    after = unfinished if logged <= unfinished <= accepted else logged
    write_epoch(disk, CURRENT, after)
    return accepted, after, [RaisedCurrentEpoch(current, after)]


def _remove_unfinished(disk: Disk) -> list[Repair]:
    unfinished = [name for name in disk.list() if name.endswith(".tmp")]
    for name in unfinished:
        disk.delete(name)
    if unfinished:
        # For good: an epoch that was dropped now must not be adopted by a later start.
        disk.sync_dir()
    return [RemovedUnfinished(name) for name in unfinished]
