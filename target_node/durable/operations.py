"""What does the node's core ask of its disk, and what is it told when that is done?

The core only ever queues operations; one thread performs them strictly in order and hands back one
completion each. Appends that stand side by side share one fsync.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from target_node.durable.recovery import Recovered
from target_node.durable.refusal import Unreachable
from target_node.durable.scan import Txn
from target_node.durable.store import Store


@dataclass(frozen=True, slots=True)
class Append:
    """Log these payloads, in order of their zxids, and sync."""

    payloads: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Appended:
    """Every txn up to this one is durable: acknowledge it now."""

    zxid: int


@dataclass(frozen=True, slots=True)
class AcceptEpoch:
    """Promise not to follow a leader of a smaller epoch."""

    epoch: int


@dataclass(frozen=True, slots=True)
class EpochAccepted:
    """The promise is durable: answer LEADERINFO."""

    epoch: int


@dataclass(frozen=True, slots=True)
class EnterEpoch:
    """Write currentEpoch: the history before this operation is the leader's."""

    epoch: int


@dataclass(frozen=True, slots=True)
class EpochEntered:
    """History and epoch are durable: acknowledge NEWLEADER."""

    epoch: int


@dataclass(frozen=True, slots=True)
class TakeSnapshot:
    """Write our own tree; the body is consumed by the log's thread, once."""

    zxid: int
    body: Iterable[bytes]


@dataclass(frozen=True, slots=True)
class SnapshotTaken:
    """A restart needs no log up to this zxid."""

    zxid: int


@dataclass(frozen=True, slots=True)
class InstallSnapshot:
    """Replace the whole history by the leader's snapshot (SNAP)."""

    zxid: int
    body: Iterable[bytes]


@dataclass(frozen=True, slots=True)
class SnapshotInstalled:
    """The old history is gone, and the new one durable."""

    zxid: int


@dataclass(frozen=True, slots=True)
class Truncate:
    """Make this txn the last (TRUNC)."""

    zxid: int


@dataclass(frozen=True, slots=True)
class Truncated:
    """Rebuild the tree from what is left; `image` is the body of the snapshot in it."""

    zxid: int
    left: Recovered
    image: bytes | None


@dataclass(frozen=True, slots=True)
class TruncateRefused:
    """Nothing was changed; only a snapshot from the leader helps."""

    zxid: int
    problem: str


@dataclass(frozen=True, slots=True)
class Purge:
    """Keep this many snapshots and the logs that they need."""

    keep: int


@dataclass(frozen=True, slots=True)
class Purged:
    """What was deleted."""

    files: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ReadAfter:
    """All logged txns behind this one, if they are together no longer than so many bytes."""

    zxid: int
    most_bytes: int


@dataclass(frozen=True, slots=True)
class TxnsRead:
    """None: the log does not reach back so far without a hole, or is too long; send a snapshot."""

    zxid: int
    txns: tuple[Txn, ...] | None


Operation = (
    Append
    | AcceptEpoch
    | EnterEpoch
    | TakeSnapshot
    | InstallSnapshot
    | Truncate
    | Purge
    | ReadAfter
)
Completion = (
    Appended
    | EpochAccepted
    | EpochEntered
    | SnapshotTaken
    | SnapshotInstalled
    | Truncated
    | TruncateRefused
    | Purged
    | TxnsRead
)


def perform(store: Store, operations: Sequence[Operation]) -> list[Completion]:
    """One completion for each operation, in order, all durable.

    If this raises, the server must end: the operations not yet complete are in doubt.
    """
    completions: list[Completion] = []
    unsynced: list[Completion] = []
    for operation in operations:
        if isinstance(operation, Append):
            store.append(operation.payloads)
            unsynced.append(Appended(store.log.last_zxid))
            continue
        if unsynced:
            store.flush()
            completions += unsynced
            unsynced.clear()
        completions.append(_perform_one(store, operation))
    if unsynced:
        store.flush()
        completions += unsynced
    return completions


def _perform_one(
    store: Store,
    operation: (
        AcceptEpoch | EnterEpoch | TakeSnapshot | InstallSnapshot | Truncate | Purge | ReadAfter
    ),
) -> Completion:
    match operation:
        case AcceptEpoch(epoch):
            store.set_accepted_epoch(epoch)
            return EpochAccepted(epoch)
        case EnterEpoch(epoch):
            store.set_current_epoch(epoch)
            return EpochEntered(epoch)
        case TakeSnapshot(zxid, body):
            store.take_snapshot(zxid, body)
            return SnapshotTaken(zxid)
        case InstallSnapshot(zxid, body):
            store.install_snapshot(zxid, body)
            return SnapshotInstalled(zxid)
        case Truncate(zxid):
            try:
                left = store.truncate(zxid)
            except Unreachable as refused:
                return TruncateRefused(zxid, refused.problem)
            return Truncated(zxid, left, store.image(left))
        case Purge(keep):
            return Purged(tuple(store.purge(keep)))
        case ReadAfter(zxid, most_bytes):
            return TxnsRead(zxid, store.txns_after(zxid, most_bytes))
