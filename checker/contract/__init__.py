"""Did a service keep ZooKeeper's contract: local reads may be stale, but never early?

The contract: one order of *all* calls, over all keys at once, that is legal, keeps each session's
own order, and puts whatever had returned before a write or a linearizable read began ahead of it.
See `docs/contract.md` for why each step here is sound.
"""

from __future__ import annotations

from typing import Final

from checker.contract.calls import Calls, calls_of
from checker.contract.certificate import flaw
from checker.contract.core import core
from checker.contract.glance import glance
from checker.contract.search import Found, search
from checker.contract.slots import Slots, slots_of
from checker.contract.sweep import Sweep
from checker.contract.words import Refutation, Words
from checker.history import History
from checker.verdict import PartVerdict, Prefix, Stuck, Verdict

__all__ = ["ALL_KEYS", "check_contract", "flaw"]

ALL_KEYS: Final = "all keys"
CORE_STEPS: Final = 20_000


def check_contract(
    history: History, *, max_steps: int = 200_000, certify: bool = False
) -> PartVerdict:
    """The verdict on this history, whose calls are those of `ZooKeeperRegister`.

    With mzxids for all values written or seen, the answer takes one sort; else, or where a write
    that nobody saw must have happened, a search of at most `max_steps`. `certify` checks the order
    that proves a valid history once more, by other means. ValueError if the history holds calls
    that the contract does not speak of.
    """
    calls = calls_of(history)
    words = Words(history)
    verdict = _judge(calls, words, max_steps)
    if certify and verdict.order is not None and (wrong := flaw(history, verdict.order)):
        raise AssertionError(f"the order found proves nothing: {wrong}")
    return verdict


def _judge(calls: Calls, words: Words, max_steps: int) -> PartVerdict:
    slots = slots_of(calls, words)
    if isinstance(slots, Refutation):
        return _invalid(calls, slots, "mzxids")
    if (plain := glance(calls, words)) is not None:
        return _invalid(calls, plain, "glance")
    if calls.stamped and not calls.deletes:
        return _swept(calls, slots, words, max_steps)
    return _searched(calls, words, search(calls, slots, max_steps))


def _swept(calls: Calls, slots: Slots, words: Words, max_steps: int) -> PartVerdict:
    """The verdict by mzxids; by search, where a write that nobody saw makes the difference."""
    lenient = sweep = Sweep(calls, slots, words, excusing=True)
    refutation = sweep.run()
    if refutation is not None:
        return _invalid(calls, refutation, "mzxid order")
    if sweep.excused:
        sweep = Sweep(calls, slots, words, excusing=False)
        if sweep.run() is not None:
            guessed = search(calls, slots, max_steps // 2, lenient.fillers)
            if guessed.order is None:
                guessed = search(calls, slots, max_steps - guessed.steps)
            return _searched(calls, words, guessed)
    return PartVerdict(
        key=ALL_KEYS,
        verdict=Verdict.VALID,
        calls=len(calls.done) + len(calls.crashed),
        method="mzxid order",
        order=sweep.order(),
    )


def _invalid(
    calls: Calls, refutation: Refutation, method: str, found: Found | None = None
) -> PartVerdict:
    stuck = None
    if found is not None and found.stuck is not None:
        prefix = Prefix(found.deepest, found.held)
        stuck = Stuck(row=found.stuck.row, prefixes=(prefix,))
    return PartVerdict(
        key=ALL_KEYS,
        verdict=Verdict.INVALID,
        calls=len(calls.done) + len(calls.crashed),
        method=method,
        steps=found.steps if found else 0,
        refutation=refutation.rows,
        because=refutation.because,
        stuck=stuck,
    )


def _searched(calls: Calls, words: Words, found: Found) -> PartVerdict:
    """The verdict of a search."""
    if found.exhausted:
        clashing = core(calls, words, CORE_STEPS)
        rows = tuple(call.row for call in clashing)
        refutation = Refutation(words.together(clashing), rows)
        return _invalid(calls, refutation, "search", found)
    reached = found.placed / found.total if found.total else 1.0
    return PartVerdict(
        key=ALL_KEYS,
        verdict=Verdict.INCONCLUSIVE if found.order is None else Verdict.VALID,
        calls=len(calls.done) + len(calls.crashed),
        method="search",
        steps=found.steps,
        order=found.order,
        because=""
        if found.order is not None
        else f"no verdict within {found.steps} steps: the longest order found so far holds "
        f"{found.placed} of {found.total} calls that must be in it",
        reached=reached,
    )
