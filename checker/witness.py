"""Does the order that the service itself reports prove the history legal?

Replies may carry a zxid: the place of a change in the service's own log, or, of a read, how much
of the log the answering server had applied. Sorting by it takes O(n log n), however many calls
crashed. Whatever comes out goes through the same check as any certificate, so a service that
lies proves nothing; and where the check fails nothing is known, for the service may merely have
reported badly.
"""

from __future__ import annotations

from typing import Any

from checker.certificate import complaint
from checker.history import History
from checker.model import Model
from checker.outcome import ANYTHING, Ok


def by_zxid(history: History, model: Model[Any, Any, Any], rows: list[int]) -> list[int] | None:
    """An order of these rows that their zxids suggest and the certificate check accepts."""
    zxids = history.details.get("zxid")
    if zxids is None:
        return None
    keyed: list[tuple[int, bool, int, int]] = []
    for row in rows:
        call, outcome = history.deeds[history.deed[row]]
        zxid = zxids[row]
        if zxid is None:
            if isinstance(outcome, Ok):
                return None
            continue  # nobody heard of it: try without
        result = outcome.result if isinstance(outcome, Ok) else ANYTHING
        observes = model.observes_only(call, result)
        keyed.append((zxid, observes, history.called[row], row))
    order = [row for _, _, _, row in sorted(keyed)]
    index = {row: i for i, row in enumerate(rows)}
    ops = [history[row] for row in rows]
    return order if not complaint(ops, model, [index[row] for row in order]) else None
