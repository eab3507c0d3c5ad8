"""What do the checkers say of the registers of a run, in the words of a finding?"""

from __future__ import annotations

from typing import Final

from checker.check import Ask, Limits, check
from checker.contract import check_contract
from checker.explain import explain
from checker.history import History
from checker.models.register import CasRegister
from checker.models.zookeeper import LocalRead
from checker.verdict import PartVerdict, Verdict
from workloads.workload import SHOWN, Finding, Wrong, named_key

SEARCH_S: Final = 120.0  # for a whole history; what is open then is inconclusive
CONTRACT_STEPS: Final = 1_000_000


def linearizable(history: History) -> Finding:
    """Whether synced reads and all changes are, key by key; local reads are left out."""
    local = [isinstance(deed.call, LocalRead) for deed in history.deeds]
    rows = [row for row, deed in enumerate(history.deed) if not local[deed]]
    model = CasRegister()
    ours = history.only(rows)
    judgement = check(ours, model, limits=Limits(seconds=SEARCH_S), ask=Ask())
    bad = [part for part in judgement.parts if part.verdict is Verdict.INVALID]
    wrongs: list[Wrong] = []
    for part in bad[:SHOWN]:
        told = explain(ours, model, part)
        shown = tuple(rows[row] for row in told.core)
        wrongs.append(Wrong("not linearizable", f"{named_key(part.key)}: {told.sentence}", shown))
    undecided = [part for part in judgement.parts if part.verdict is Verdict.INCONCLUSIVE]
    return Finding(
        judge="linearizable",
        verdict=judgement.verdict,
        calls=len(rows),
        wrongs=tuple(wrongs),
        more_wrongs=len(bad) - len(wrongs),
        because=f"{named_key(undecided[0].key)}: {undecided[0].because}" if undecided else "",
        method=", ".join(sorted({part.method for part in judgement.parts})),
        figures={"keys": len(judgement.parts), "undecided keys": len(undecided)},
    )


def by_contract(history: History) -> Finding:
    """Whether all calls together kept what ZooKeeper promises: stale, never early."""
    part: PartVerdict = check_contract(history, max_steps=CONTRACT_STEPS)
    invalid = part.verdict is Verdict.INVALID
    wrong = Wrong("against ZooKeeper's contract", part.because, part.refutation)
    return Finding(
        judge="contract",
        verdict=part.verdict,
        calls=part.calls,
        wrongs=(wrong,) if invalid else (),
        because="" if invalid else part.because,
        method=part.method,
    )
