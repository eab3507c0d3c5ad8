"""The logs of three nodes, as short text: one line for each event.

`1 durable zxid=1.2`: zxids are epoch.counter, tuples have commas, a txn is any number.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from harness.invariants import Event

# Node 3 leads epoch 1 and dies with a txn that only it has. Node 1 leads epoch 2 and cuts that off
# node 3, which comes back; then node 2 gets a snapshot.
KEPT = """
1 started zxid=0.0 accepted_epoch=0 current_epoch=0
2 started zxid=0.0 accepted_epoch=0 current_epoch=0
3 started zxid=0.0 accepted_epoch=0 current_epoch=0
3 accepted_epoch epoch=1
3 entering epoch=1 zxid=0.0
3 history zxid=0.0 since=0.0 chain=00 by=log
3 current_epoch epoch=1
1 accepted_epoch epoch=1
1 promised leader=3 epoch=1 counts=1
1 synchronising leader=3 by=DIFF
1 history zxid=0.0 since=0.0 chain=00 by=log
1 joined leader=3 zxid=1.0 last_zxid=0.0
1 current_epoch epoch=1
3 established epoch=1 zxid=0.0 acks=3,1 voters=1,2,3 weights=1,1,1
3 up_to_date learner=1
1 serving role=follower epoch=1 leader=3
3 proposed zxid=1.1 txn=11
3 durable zxid=1.1
1 durable zxid=1.1
3 committed zxid=1.1 acks=1,3
3 applied zxid=1.1 since=0.0 chain=a1 txn=11
3 proposed zxid=1.2 txn=12
1 applied zxid=1.1 since=0.0 chain=a1 txn=11
1 durable zxid=1.2
3 durable zxid=1.2
3 committed zxid=1.2 acks=1,3
3 applied zxid=1.2 since=0.0 chain=a2 txn=12
3 proposed zxid=1.3 txn=13
3 durable zxid=1.3
1 leaving role=follower reason=gone
1 looking zxid=1.2 epoch=1
1 accepted_epoch epoch=2
1 entering epoch=2 zxid=1.2
1 history zxid=1.2 since=0.0 chain=a2 by=log
1 current_epoch epoch=2
2 accepted_epoch epoch=2
2 promised leader=1 epoch=2 counts=1
2 synchronising leader=1 by=DIFF
2 history zxid=0.0 since=0.0 chain=00 by=log
2 applied zxid=1.1 since=0.0 chain=a1 txn=11
2 applied zxid=1.2 since=0.0 chain=a2 txn=12
2 joined leader=1 zxid=2.0 last_zxid=1.2
2 durable zxid=1.2
2 current_epoch epoch=2
1 established epoch=2 zxid=1.2 acks=1,2 voters=1,2,3 weights=1,1,1
1 up_to_date learner=2
2 serving role=follower epoch=2 leader=1
3 started zxid=1.3 accepted_epoch=1 current_epoch=1
3 accepted_epoch epoch=2
3 promised leader=1 epoch=2 counts=1
3 synchronising leader=1 by=TRUNC zxid=1.2
3 truncated zxid=1.2
3 history zxid=1.2 since=0.0 chain=a2 by=log
3 joined leader=1 zxid=2.0 last_zxid=1.2
3 current_epoch epoch=2
3 serving role=follower epoch=2 leader=1
1 proposed zxid=2.1 txn=21
2 durable zxid=2.1
1 durable zxid=2.1
1 committed zxid=2.1 acks=1,2
1 applied zxid=2.1 since=0.0 chain=b1 txn=21
2 applied zxid=2.1 since=0.0 chain=b1 txn=21
3 durable zxid=2.1
3 applied zxid=2.1 since=0.0 chain=b1 txn=21
2 leaving role=follower reason=gone
2 looking zxid=2.1 epoch=2
2 promised leader=1 epoch=2 counts=0
2 synchronising leader=1 by=SNAP zxid=2.1
2 history zxid=2.1 since=2.1 chain=00 by=snapshot
2 joined leader=1 zxid=2.0 last_zxid=2.1
2 snapshot_installed zxid=2.1
2 current_epoch epoch=2
2 serving role=follower epoch=2 leader=1
1 proposed zxid=2.2 txn=22
1 durable zxid=2.2
2 durable zxid=2.2
1 committed zxid=2.2 acks=1,2
1 applied zxid=2.2 since=0.0 chain=b2 txn=22
2 applied zxid=2.2 since=2.1 chain=c2 txn=22
""".strip().splitlines()

_TUPLES = frozenset({"acks", "voters", "weights"})
_ZXIDS = frozenset({"zxid", "last_zxid", "since"})
_TEXTS = frozenset({"chain", "role", "reason", "by", "what"})


def log(lines: Iterable[str]) -> list[Event]:
    return [_event(line) for line in lines]


def without(*gone: str) -> list[Event]:
    """The log that keeps all promises, without these lines."""
    assert set(gone) <= set(KEPT)
    return log(line for line in KEPT if line not in gone)


def changed(before: str, *after: str) -> list[Event]:
    """With these lines in the place of one."""
    assert KEPT.count(before) == 1, before
    place = KEPT.index(before)
    return log([*KEPT[:place], *after, *KEPT[place + 1 :]])


def _event(line: str) -> Event:
    node, name, *facts = line.split()
    return Event(int(node), name, dict(_fact(*fact.split("=")) for fact in facts))


def _fact(key: str, value: str) -> tuple[str, Any]:
    if key in _TUPLES:
        return key, [int(one) for one in value.split(",")]
    if key in _ZXIDS:
        epoch, counter = value.split(".")
        return key, int(epoch) << 32 | int(counter)
    return key, value if key in _TEXTS else int(value)
