"""How is history given up so that a crash on the way never leaves something in between?

Three ways: cut the end (TRUNC), replace everything by another server's snapshot (SNAP), and drop
the beginning that no restart needs (purge). Each does its deletions in an order that makes every
intermediate state one that `recover` reads as the old history, the new one, or, for a cut, some
prefix of the old that still has all of the new.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Final

from target_node.durable.disk import Disk, opened
from target_node.durable.log import read_txns
from target_node.durable.names import (
    begins_history,
    counter_of,
    follows,
    logs_in,
    snapshot_name,
    snapshots_in,
)
from target_node.durable.refusal import Corrupt, Unreachable
from target_node.durable.scan import FILE_HEADER, Scan
from target_node.durable.snapshot import Invalid, Snapshot, judge, newest_first, write_snapshot

_INSTALLING: Final = ".install"


def cut_after(disk: Disk, zxid: int) -> None:
    """The history ends with this txn, durably; else `Unreachable`, and nothing was touched."""
    try:
        _check_reachable(disk, zxid)
    except Corrupt as rotten:  # behind a newer snapshot, where no start has read it
        raise Unreachable(zxid, f"{rotten.file}, byte {rotten.offset}: {rotten.problem}") from None
    # Snapshots before logs (ZOOKEEPER-1549): one that is newer than the cut would bring the txns
    # back. While they go, the log is whole, so a crash here loses nothing.
    newer = [name for at, name in snapshots_in(disk) if at > zxid]
    for name in newer:
        disk.delete(name)
    if newer:
        disk.sync_dir()
    # Logs from the newest backwards, each for good before the next: what is left is a prefix.
    logs = logs_in(disk)
    while logs and logs[-1][0] > zxid:
        disk.delete(logs.pop()[1])
        disk.sync_dir()
    if logs:
        _cut_file(disk, logs[-1][1], zxid)


def _cut_file(disk: Disk, name: str, zxid: int) -> None:
    with opened(disk, name) as file:
        scan = Scan(file, name)
        end = len(FILE_HEADER)
        for txn in scan:
            if txn.zxid > zxid:
                break
            end = scan.end
        if end < file.size():
            file.truncate(end)
            # Before any further append: the cut has to be as old as what follows it.
            file.sync()


def _check_reachable(disk: Disk, zxid: int) -> None:
    snapshots = (found for found in newest_first(disk) if found.zxid <= zxid)
    base = next((found for found in snapshots if isinstance(found, Snapshot)), None)
    logs = logs_in(disk)
    # Without a base the log has to begin at the very beginning. Once there are snapshots, its
    # beginning may have been purged.
    if base is None and snapshots_in(disk) and zxid != 0:
        if not logs:
            raise Unreachable(zxid, "no snapshot is as old, and there is no log")
        if not begins_history(logs[0][0]):
            raise Unreachable(
                zxid, f"no snapshot is as old, and the log begins at 0x{logs[0][0]:x}"
            )
    last = 0 if base is None else base.zxid
    for txn in read_txns(disk, last + 1):
        if txn.zxid > zxid:
            break
        if not follows(txn.zxid, last):
            raise Unreachable(zxid, f"zxids between 0x{last:x} and 0x{txn.zxid:x} are missing")
        last = txn.zxid
    # The first zxid of an epoch is its NEWLEADER, which stands in no log.
    if last != zxid and counter_of(zxid) != 0:
        raise Unreachable(zxid, f"this server never had that txn: before it comes 0x{last:x}")


def install_snapshot(disk: Disk, zxid: int, body: Iterable[bytes]) -> None:
    """The history is this snapshot and nothing else; after a crash on the way, that or the old one.

    The old log must go: its txns need not be in the snapshot's history, whatever their zxids
    (ZOOKEEPER-2099), and a later one would be replayed on top of a state it was not made for.
    """
    # This name is the decision. Before it, all is old; behind it, `finish_install` does the rest.
    write_snapshot(disk, zxid, body, name=snapshot_name(zxid) + _INSTALLING)
    finish_install(disk)


def finish_install(disk: Disk) -> int | None:
    """Carry out a replacement that was decided; the zxid, if there was one."""
    found = [name for name in disk.list() if name.endswith(_INSTALLING)]
    for name in found:
        final = name.removesuffix(_INSTALLING)
        zxid = int(final.removeprefix("snapshot."), 16)
        judged = judge(disk, zxid, name)
        if isinstance(judged, Invalid):
            raise Corrupt(name, 0, judged.problem)
        for _, old in (*logs_in(disk), *snapshots_in(disk)):
            disk.delete(old)
        # Before the new name: once that is taken, nobody will delete what came back.
        disk.sync_dir()
        disk.rename(name, final)
        disk.sync_dir()
        return zxid
    return None


def purge(disk: Disk, keep: int) -> Sequence[str]:
    """Keep so many of the newest valid snapshots, and the logs they need; what was deleted."""
    if keep < 1:
        raise ValueError("the newest snapshot is needed to start")
    kept: list[int] = []
    for found in newest_first(disk):
        if isinstance(found, Snapshot):
            kept.append(found.zxid)
        if len(kept) == keep:
            break
    else:
        return ()
    oldest = kept[-1]
    doomed = [name for zxid, name in snapshots_in(disk) if zxid < oldest]
    logs = logs_in(disk)
    # A log is needed unless the next one begins no later than the first txn to be replayed.
    doomed += [name for (_, name), (after, _) in pairwise(logs) if after <= oldest + 1]
    # In any order: the kept snapshots are valid and durable, so no start looks behind the oldest.
    for name in doomed:
        disk.delete(name)
    if doomed:
        disk.sync_dir()
    return tuple(doomed)
