"""Which few of these calls already cannot be in one order?

A history that the search refuted is illegal as a whole; a person wants the handful of calls that
clash. We let go of ever smaller groups of calls, as long as what remains is refuted too.
"""

from __future__ import annotations

from checker.contract.calls import Call, Calls
from checker.contract.search import search
from checker.contract.slots import Slots, slots_of
from checker.contract.words import Words


def core(calls: Calls, words: Words, max_steps: int) -> list[Call]:
    """Some calls that have no order; few, if the steps suffice to find out which."""
    kept = [call.row for call in calls.done]
    size = max(1, len(kept) // 2)
    while size and max_steps > 0:
        at = 0
        while at < len(kept) and max_steps > 0:
            fewer = kept[:at] + kept[at + size :]
            weak = calls.weakened(set(fewer))
            slots = slots_of(weak, words)
            assert isinstance(slots, Slots), "fewer calls cannot tell more tales"
            found = search(weak, slots, max_steps)
            max_steps -= found.steps
            if found.exhausted:
                kept = fewer
            else:
                at += size
        size //= 2
    rows = set(kept)
    return [call for call in calls.done if call.row in rows]
