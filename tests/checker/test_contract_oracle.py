"""Does the contract's checker agree with the contract's definition, on many small histories?

The oracle below tries every order of every choice of crashed calls. It is written from the
definition, and shares nothing with the checker but the history.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from random import Random
from typing import Any

import pytest

from checker.contract import check_contract, flaw
from checker.contract.calls import calls_of
from checker.contract.search import search
from checker.contract.slots import slots_of
from checker.contract.sweep import Sweep
from checker.contract.words import Refutation, Words
from checker.history import History, Op
from checker.models.register import MISMATCH, Cas, Read, Write
from checker.models.zookeeper import LocalRead
from checker.outcome import DONE, Failed, Ok, Refused, Unknown
from checker.verdict import Verdict

AnyOp = Op[Any, Any]

# -- the oracle ------------------------------------------------------------------------------------


def allows(history: History) -> bool:
    """Whether some order of the calls keeps the contract."""
    ops = list(history)
    told = [i for i, op in enumerate(ops) if isinstance(op.outcome, Ok)]
    lost = [
        i
        for i, op in enumerate(ops)
        if isinstance(op.outcome, Unknown) and not isinstance(op.call, Read)
    ]
    return _versions_fit([ops[i] for i in told]) and _extend(ops, (), set(told), set(lost))


def _extend(ops: Sequence[AnyOp], order: tuple[int, ...], told: set[int], lost: set[int]) -> bool:
    if not _legal([ops[i] for i in order]):
        return False
    if not told:
        return True
    return any(
        _extend(ops, (*order, i), told - {i}, lost - {i})
        for i in sorted(told | lost)
        if not any(_must_precede(ops, j, i) for j in told if j != i)
    )


def _must_precede(ops: Sequence[AnyOp], i: int, j: int) -> bool:
    a, b = ops[i], ops[j]
    assert a.returned_ns is not None
    session_a = (a.session is None, a.process if a.session is None else a.session)
    session_b = (b.session is None, b.process if b.session is None else b.session)
    if session_a == session_b and a.process == b.process and i < j:
        return a.returned_ns <= b.called_ns
    if session_a == session_b or not isinstance(b.call, LocalRead):
        return a.returned_ns < b.called_ns
    return False


def _legal(order: Sequence[AnyOp]) -> bool:
    """Replay; the mzxids that were told of the writes must be one each, and must grow."""
    held: dict[Any, tuple[Any, int]] = {}  # key -> value, number of its write
    told: list[set[int]] = []
    for op in order:
        value, number = held.get(op.key, (None, -1))
        refused = op.outcome == Ok(MISMATCH)
        if isinstance(op.call, Read):
            assert isinstance(op.outcome, Ok)
            if op.outcome.result != value:
                return False
        elif isinstance(op.call, Cas) and (value == op.call.old) == refused:
            return False
        elif not refused:
            new = op.call.new if isinstance(op.call, Cas) else op.call.value
            number = len(told)
            told.append(set())
            held[op.key] = (new, number)
        heard = isinstance(op.outcome, Ok) and not refused
        present = number >= 0 and held[op.key][0] is not None
        if heard and present and op.mzxid is not None:
            told[number].add(op.mzxid)
    known = [stamps for stamps in told if stamps]
    if any(len(stamps) > 1 for stamps in known):
        return False
    return all(min(a) < min(b) for a, b in pairwise(known))


def _versions_fit(told: Sequence[AnyOp]) -> bool:
    known = [
        (op.key, op.mzxid, op.version)
        for op in told
        if op.mzxid is not None and op.version is not None
        if op.outcome not in (Ok(MISMATCH), Ok(None))
    ]
    return all(
        (mzxid == other_mzxid) == (version == other_version)
        and (mzxid < other_mzxid) == (version < other_version)
        for key, mzxid, version in known
        for other_key, other_mzxid, other_version in known
        if key == other_key
    )


# -- histories -------------------------------------------------------------------------------------


def simulated(draw: Random, size: int, keys: int, values: int, sessions: int) -> list[AnyOp]:
    """What a leader and lagging replicas answer; sessions see the log move forward only.

    Sometimes a process goes on in a new session, on a replica that lags behind what it saw.
    """
    plans = _plans(draw, size, sessions)
    log: list[tuple[str, Any]] = []
    versions: list[int] = []
    seen: dict[int, int] = {}
    for plan in sorted(plans, key=lambda plan: plan["at"]):
        key = f"r{draw.randrange(keys)}"
        call = _some_call(draw, values)
        session = plan["session"]
        outcome: Any
        if isinstance(call, LocalRead):
            upto = draw.randint(seen.get(session, 0), len(log))
        else:
            upto = len(log)
        mine = [i for i in range(upto) if log[i][0] == key]
        value = log[mine[-1]][1] if mine else None
        stamp = mine[-1] if mine else None
        outcome = Ok(value)
        if isinstance(call, Cas) and call.old != value:
            outcome, stamp = Ok(MISMATCH), None
        elif isinstance(call, Write | Cas) and not plan["never"]:
            log.append((key, call.new if isinstance(call, Cas) else call.value))
            versions.append(len(mine))
            upto, stamp, outcome = len(log), len(log) - 1, Ok(DONE)
        if plan["crashes"]:
            outcome, stamp = Unknown("no answer"), None
        else:
            seen[session] = max(seen.get(session, 0), upto)
        plan["op"] = Op(
            process=plan["process"],
            session=session,
            call=call,
            outcome=outcome,
            key=key,
            called_ns=plan["called"],
            returned_ns=plan["returned"],
            mzxid=None if stamp is None else 10 * stamp + 10,
            version=None if stamp is None else versions[stamp],
        )
    return [plan["op"] for plan in plans]


def _plans(draw: Random, size: int, sessions: int) -> list[dict[str, Any]]:
    """Who calls when; `at` is when the service acts, which may be after a crash."""
    clock = [draw.randrange(4) for _ in range(sessions)]
    session = list(range(sessions))
    plans = []
    for number in range(size):
        process = draw.randrange(sessions)
        called = clock[process] + draw.randrange(3)
        returned = called + draw.randrange(8)
        crashes = draw.random() < 0.15
        at = draw.uniform(called, returned + 20 * crashes)
        clock[process] = returned
        plans.append(
            {
                "process": process,
                "session": session[process],
                "called": called,
                "returned": returned,
                "at": at,
                "crashes": crashes,
                "never": crashes and draw.random() < 0.3,
            }
        )
        if crashes or draw.random() < 0.1:
            session[process] = sessions + number
    return sorted(plans, key=lambda plan: plan["called"])


def _some_call(draw: Random, values: int) -> Any:
    value = draw.randrange(1, values + 1)
    kind = draw.randrange(10)
    if kind < 4:
        return LocalRead()
    if kind < 5:
        return Read()
    return Write(value) if kind < 8 else Cas(draw.choice([None, *range(1, values + 1)]), value)


def spoiled(draw: Random, ops: list[AnyOp], values: int) -> list[AnyOp]:
    """One thing about one call made another: its answer, time, session, or what it was told."""
    ops = list(ops)
    at = draw.randrange(len(ops))
    op, other = ops[at], draw.choice(ops)
    value: Any
    kind = draw.randrange(9)
    if kind <= 2 and isinstance(op.call, Read) and isinstance(op.outcome, Ok):
        donor = draw.choice([one for one in ops if isinstance(one.call, Read | Write)])
        value = donor.call.value if isinstance(donor.call, Write) else donor.outcome
        value = value.result if isinstance(value, Ok) else value
        value = draw.randrange(1, values + 1) if isinstance(value, Unknown) else value
        ops[at] = replace(op, outcome=Ok(value), mzxid=donor.mzxid, version=donor.version)
    elif kind == 3 and op.returned_ns is not None:
        shift = draw.randrange(-9, 10)
        called = max(0, op.called_ns + shift)
        ops[at] = replace(
            op,
            called_ns=called,
            returned_ns=called + op.returned_ns - op.called_ns,
            process=90 + at,
        )
    elif kind == 4:
        ops[at] = replace(op, session=other.session, process=90 + at)
    elif kind == 5:
        ops[at] = replace(op, mzxid=other.mzxid)
    elif kind == 6:
        ops[at] = replace(op, version=other.version)
    elif kind == 7:
        ops[at] = replace(op, key=other.key)
    elif isinstance(op.call, Cas) and isinstance(op.outcome, Ok):
        now: Ok[Any] = Ok(DONE) if isinstance(op.outcome.result, Refused) else Ok(MISMATCH)
        ops[at] = replace(op, outcome=now, mzxid=None, version=None)
    elif isinstance(op.call, Write) and isinstance(op.outcome, Ok):
        lost: Failed | Unknown = Failed("refused") if draw.random() < 0.5 else Unknown("lost")
        ops[at] = replace(op, outcome=lost, mzxid=None)
    return ops


def nonsense(draw: Random, size: int, keys: int, values: int, sessions: int) -> list[AnyOp]:
    """Calls with any answers at all."""
    ops = []
    for op in simulated(draw, size, keys, values, sessions):
        outcome: Any = op.outcome
        if isinstance(op.call, Read) and isinstance(outcome, Ok):
            outcome = Ok(draw.choice([None, *range(1, values + 1)]))
        elif isinstance(op.call, Cas) and isinstance(outcome, Ok):
            outcome = Ok(draw.choice([DONE, MISMATCH]))
        ops.append(replace(op, outcome=outcome))
    return ops


def without_stamps(draw: Random, ops: list[AnyOp]) -> list[AnyOp]:
    """All mzxids forgotten, or some, or none."""
    forget = draw.choice([0.0, 0.0, 0.4, 1.0, 1.0])
    return [replace(op, mzxid=None, version=None) if draw.random() < forget else op for op in ops]


def without_sessions(draw: Random, ops: list[AnyOp]) -> list[AnyOp]:
    if draw.random() < 0.8:
        return ops
    return [replace(op, session=None) for op in ops]


def small_history(seed: int, largest: int) -> History:
    draw = Random(seed)
    size, keys = draw.randint(2, largest), draw.randint(1, 2)
    values, sessions = draw.randint(1, 4), draw.randint(2, 4)
    kind = draw.randrange(6)
    if kind == 0:
        ops = nonsense(draw, size, keys, values, sessions)
    else:
        ops = simulated(draw, size, keys, values, sessions)
    for _ in range(max(0, kind - 2)):
        ops = spoiled(draw, ops, values)
    return History.of(without_sessions(draw, without_stamps(draw, ops)))


# -- agreement -------------------------------------------------------------------------------------


def agree(seeds: range, largest: int) -> dict[tuple[str, str], int]:
    """Compare on all these seeds; how often each verdict came by which method."""
    tally: dict[tuple[str, str], int] = {}
    for seed in seeds:
        history = small_history(seed, largest)
        verdict = check_contract(history, certify=True)
        expected = Verdict.VALID if allows(history) else Verdict.INVALID
        assert verdict.verdict is expected, f"seed {seed}: {verdict}"
        if expected is Verdict.INVALID:
            assert verdict.because, f"seed {seed}: no reason"
            assert verdict.refutation, f"seed {seed}: no evidence"
        _each_way_agrees(history, expected, seed)
        tally[verdict.verdict, verdict.method] = tally.get((verdict.verdict, verdict.method), 0) + 1
    return tally


def _each_way_agrees(history: History, expected: Verdict, seed: int) -> None:
    """The search alone gives the verdict, and so does the sweep by mzxid wherever it gives one."""
    calls, words = calls_of(history), Words(history)
    slots = slots_of(calls, words)
    if isinstance(slots, Refutation):
        return
    found = search(calls, slots, 100_000)
    assert found.exhausted is (expected is Verdict.INVALID), f"seed {seed}: the search"
    if found.order is not None:
        assert flaw(history, found.order) is None, f"seed {seed}: the search's order"
    if calls.stamped and not calls.deletes:
        lenient = Sweep(calls, slots, words, excusing=True)
        if lenient.run() is not None:
            assert expected is Verdict.INVALID, f"seed {seed}: the lenient sweep"
        elif not lenient.excused:
            assert expected is Verdict.VALID, f"seed {seed}: a sweep that excused nothing"
        strict = Sweep(calls, slots, words, excusing=False)
        if strict.run() is None:
            assert flaw(history, strict.order()) is None, f"seed {seed}: the strict sweep"


def test_the_checker_agrees_with_the_definition() -> None:
    tally = agree(range(4_000), 6)
    for kind in [
        ("valid", "mzxid order"),
        ("invalid", "mzxid order"),
        ("invalid", "mzxids"),
        ("invalid", "glance"),
        ("valid", "search"),
        ("invalid", "search"),
    ]:
        assert tally.get(kind, 0) > 20, f"these histories hardly ever test {kind}: {tally}"


@pytest.mark.prove
@pytest.mark.parametrize("part", range(10))
def test_the_checker_agrees_with_the_definition_at_length(part: int) -> None:
    agree(range(100_000 + part * 10_000, 110_000 + part * 10_000), 8)


def test_the_evidence_is_illegal_by_itself() -> None:
    """Calls that insist on nothing may be dropped: what is left as evidence is still refuted."""
    tested = 0
    for seed in range(10_000, 11_500):
        history = small_history(seed, 6)
        verdict = check_contract(history)
        if verdict.verdict is Verdict.INVALID:
            ops = [
                op if row in verdict.refutation else _harmless(op) for row, op in enumerate(history)
            ]
            left = History.of(op for op in ops if op is not None)
            assert not allows(left), f"seed {seed}: {verdict.because}"
            tested += 1
    assert tested > 300


def _harmless(op: AnyOp) -> AnyOp | None:
    """The call as if nobody had heard its answer."""
    if isinstance(op.call, Read) or op.outcome == Ok(MISMATCH):
        return None
    if isinstance(op.outcome, Failed):
        return op
    return replace(op, outcome=Unknown("not heard"), mzxid=None, version=None)


@pytest.mark.parametrize("stamps", [True, False])
def test_what_a_leader_and_lagging_replicas_answer_is_valid(*, stamps: bool) -> None:
    for seed in range(60):
        draw = Random(seed)
        ops = simulated(draw, size=150, keys=3, values=200 if seed % 2 else 5, sessions=6)
        if not stamps:
            ops = [replace(op, mzxid=None, version=None) for op in ops]
        history = History.of(ops)
        verdict = check_contract(history, max_steps=3_000)
        if stamps or verdict.verdict is not Verdict.INCONCLUSIVE:
            assert verdict.verdict is Verdict.VALID, f"seed {seed}: {verdict.because}"
            assert verdict.order is not None
            assert flaw(history, verdict.order) is None
