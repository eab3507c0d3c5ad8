"""How is a group of nodes written and read as one on a ZooKeeper-like service?

The nodes are made together by the first write. Each write makes a node besides and deletes it
again, so that a transaction holds parts of every kind; a compare-and-set names the version that it
expects in its last part, where a refusal comes latest.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from checker.models.register import MISMATCH, Cas, Read, Write
from checker.models.zookeeper import LocalRead
from checker.outcome import Refused
from workloads.multi import Attempt, Wrote
from workloads.register import OrderedRead
from workloads.session import (
    ANY_VERSION,
    Check,
    Create,
    Delete,
    NotDone,
    Refusal,
    Reply,
    SetData,
    Step,
    ZooKeeperSession,
)
from workloads.workload import Answer, Ask
from workloads.zookeeper.nodes import ROOT, make

FOLDER: Final = f"{ROOT}/multi"
PARTS: Final = ("a", "b", "c")


class GroupsOnZooKeeper:
    """Remembers which version each value came with."""

    def __init__(self) -> None:
        self._versions: dict[tuple[str, object], int] = {}

    async def prepare(self, session: ZooKeeperSession) -> None:
        """The folder of all groups."""
        await make(session, FOLDER)

    async def perform(self, session: ZooKeeperSession, ask: Ask) -> Answer:
        """One read, transaction, or attempt."""
        group = f"{FOLDER}/{ask.key}"
        match ask.call:
            case Read():
                locally = isinstance(ask.call, LocalRead)
                synced = isinstance(ask.call, OrderedRead) or not locally
                return await self._read(session, group, ask.key, synced=synced)
            case Write(value):
                return await self._write(session, group, ask.key, value)
            case Cas(old, new):
                version = self._versions.get((ask.key, old))
                if version is None:
                    raise NotDone("nobody was told the version of the expected value")
                try:
                    replies = await session.multi(_changes(group, new, version))
                except Refusal as refusal:
                    if refusal.code in ("bad-version", "no-node"):
                        return Answer(result=MISMATCH, zxid=refusal.zxid)
                    raise
                return self._wrote(replies, ask.key, new)
            case Attempt(value):
                steps = (*_changes(group, value), Delete(f"{group}/nobody"))
                try:
                    return self._wrote(await session.multi(steps), ask.key, value)
                except Refusal as refusal:
                    return Answer(result=Refused(refusal.code), zxid=refusal.zxid)
            case _:
                raise AssertionError(f"a group has no call {ask.call!r}")

    async def _read(
        self, session: ZooKeeperSession, group: str, key: str, *, synced: bool
    ) -> Answer:
        replies = await session.get_all([f"{group}/{part}" for part in PARTS], synced=synced)
        values = tuple(None if one.stat is None else int(one.data) for one in replies)
        first = replies[0]
        if first.stat is None or len(set(values)) > 1:
            return Answer(result=values, zxid=first.zxid)
        self._versions[key, values[0]] = first.stat.version
        return Answer(
            result=values,
            zxid=first.zxid,
            version=first.stat.version,
            mzxid=first.stat.mzxid,
        )

    async def _write(self, session: ZooKeeperSession, group: str, key: str, value: Any) -> Answer:
        data = b"%d" % value
        made = (Create(group, b""), *(Create(f"{group}/{part}", data) for part in PARTS))
        for _ in range(2):  # it may be made by another between our two requests, and stays then
            try:
                return self._wrote(await session.multi(_changes(group, value)), key, value)
            except Refusal as refusal:
                if refusal.code != "no-node":
                    raise
            try:
                return self._wrote(await session.multi(made), key, value)
            except Refusal as refusal:
                if refusal.code != "node-exists":
                    raise
        raise NotDone("the group was there for one request and gone for the next")

    def _wrote(self, replies: Sequence[Reply], key: str, value: Any) -> Answer:
        # The answer to a deletion or a check has no stat, and its place says which these are.
        stats = [one.stat for one in replies if not one.bare]
        zxids = tuple(None if stat is None else stat.mzxid for stat in stats)
        last = stats[-1]
        if last is None:
            return Answer(result=Wrote(zxids), zxid=replies[0].zxid)
        self._versions[key, value] = last.version
        return Answer(
            result=Wrote(zxids), zxid=replies[0].zxid, version=last.version, mzxid=last.mzxid
        )


def _changes(group: str, value: Any, version: int = ANY_VERSION) -> Sequence[Step]:
    """All that a transaction on a group that is there does."""
    data, by = b"%d" % value, f"{group}/by-{value}"
    first, *others, last = (f"{group}/{part}" for part in PARTS)
    return (
        Check(group),
        SetData(first, data),
        Create(by, data),
        *(SetData(path, data) for path in others),
        Delete(by),
        SetData(last, data, version),
    )
