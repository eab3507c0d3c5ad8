"""Is this order of calls really a legal one? The whole argument stands on this page.

It shares nothing with the search: it takes the calls as they were recorded, the model, and an
order, and checks what linearizability means.
"""

from collections.abc import Sequence
from typing import Any

from checker.history import Op
from checker.model import Model
from checker.outcome import Failed, Ok


def complaint(  # noqa: C901 (one page, no pieces: it is there to be read)
    ops: Sequence[Op[Any, Any]], model: Model[Any, Any, Any], order: Sequence[int]
) -> str:
    """What is wrong with ordering `ops` so, or nothing if the order proves them legal.

    `order` has indices into `ops`. Every call that was answered is in it once, calls nobody heard
    of may be, failed ones are not. No call comes after one that began after it had returned, and
    the model, going through them in this order, may give each the answer that was recorded.
    """
    if len(set(order)) != len(order):
        return "a call stands in the order twice"
    placed = set(order)
    for i, op in enumerate(ops):
        if isinstance(op.outcome, Ok) and i not in placed:
            return f"call {i} was answered and is not in the order"
    latest_called_ns: int | None = None
    states = {model.initial()}  # more than one only where the object has a choice
    for i in order:
        op = ops[i]
        if isinstance(op.outcome, Failed):
            return f"call {i} failed and stands in the order"
        if isinstance(op.outcome, Ok):
            if op.returned_ns is None:
                return f"call {i} was answered at no time"
            if latest_called_ns is not None and op.returned_ns < latest_called_ns:
                return f"call {i} had returned before one began that stands in front of it"
        if latest_called_ns is None or op.called_ns > latest_called_ns:
            latest_called_ns = op.called_ns
        after = set()
        for state in states:
            for reached, said in model.outcomes(state, op.call):
                if not isinstance(op.outcome, Ok) or op.outcome.result == said:
                    after.add(reached)
        if not after:
            return f"call {i} cannot have been answered so at its place"
        states = after
    return ""
