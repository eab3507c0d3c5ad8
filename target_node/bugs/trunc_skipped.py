"""A learner that has logged more than its leader keeps that, and is sent only what it lacks."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from target_node.bugs.bug import Bug, Override
from target_node.protocol.plan import Diff, Plan, Stretch, Trunc, plan
from target_node.server import leading


def _plan_without_trunc(
    follower_zxid: int, committed: Stretch, logged: Iterable[Stretch], last_processed: int
) -> Plan:
    decided = plan(follower_zxid, committed, logged, last_processed)
    return Diff(last_processed, decided.txns) if isinstance(decided, Trunc) else decided


BUG: Final = Bug(
    "trunc-skipped",
    "a learner's history is its leader's, and no more",
    "ZOOKEEPER-1154",
    ("replicas differ", "promises"),
    (Override(leading, "plan", _plan_without_trunc),),
)
