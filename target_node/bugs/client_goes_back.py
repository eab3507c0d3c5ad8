"""A learner lets a client in that has seen more than it has itself, and asks nobody."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from target_node.bugs.bug import Bug, Override
from target_node.bugs.session_revalidated_locally import _look_it_up
from target_node.server import clients
from target_node.server.learning import Learning
from target_node.state.admission import Admission, admit
from target_node.wire.connect import ConnectRequest


def _admit_anybody(
    request: ConnectRequest,
    *,
    last_zxid: int,
    least_ms: int,
    most_ms: int,
    only_reads: bool = False,
) -> Admission:
    fresh = replace(request, last_zxid_seen=0)
    return admit(
        fresh, last_zxid=last_zxid, least_ms=least_ms, most_ms=most_ms, only_reads=only_reads
    )


BUG: Final = Bug(
    "client-goes-back",
    "a session never sees an older state than before",
    "a classic",
    ("lifetimes", "replies"),
    (
        Override(clients, "admit", _admit_anybody),
        # The leader's word would come behind all that it had committed by then.
        Override(Learning, "revalidate", _look_it_up),
    ),
)
