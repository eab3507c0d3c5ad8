"""Histories for judges: written by hand, or by a small service that may lie."""

from __future__ import annotations

from typing import Any

from checker.history import History, Op
from checker.outcome import Ok, Unknown


def op(
    process: int,
    call: Any,
    result: Any,
    called: int,
    returned: int | None = None,
    **more: Any,
) -> Op[Any, Any]:
    """A call that answered, or with `returned` None one whose answer nobody heard."""
    outcome: Any = Unknown("no answer") if returned is None else Ok(result)
    more.setdefault("session", process)
    return Op(
        process=process,
        call=call,
        outcome=outcome,
        called_ns=called,
        returned_ns=returned,
        **more,
    )


def history(*ops: Op[Any, Any]) -> History:
    return History.of(ops)
