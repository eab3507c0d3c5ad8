"""A leader that has no txns in memory takes every learner for one that lacks none."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from target_node.bugs.bug import Bug, Override
from target_node.protocol.plan import Diff, Plan, Stretch, plan
from target_node.server import leading


def _plan_from_memory(
    follower_zxid: int, committed: Stretch, logged: Iterable[Stretch], last_processed: int
) -> Plan:
    if not committed.txns and follower_zxid <= last_processed:
        return Diff(last_processed)
    return plan(follower_zxid, committed, logged, last_processed)


BUG: Final = Bug(
    "empty-cache-taken-for-complete",
    "a learner is sent all that it lacks of its leader's history",
    "ZOOKEEPER-4352, ZOOKEEPER-1319",
    ("replicas differ", "promises"),
    (Override(leading, "plan", _plan_from_memory),),
)
