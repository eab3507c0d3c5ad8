"""A learner does not tell its leader which of its clients it has heard."""

from __future__ import annotations

from typing import Final

from target_node.bugs.bug import Bug, Override
from target_node.server.learning import Learning


def _keep_to_oneself(self: Learning, session: int, timeout_ms: int) -> None:
    pass


BUG: Final = Bug(
    "touches-not-forwarded",
    "a session that is heard within its timeout lives",
    "a classic",
    ("tenures", "lifetimes"),
    (Override(Learning, "touch", _keep_to_oneself),),
)
