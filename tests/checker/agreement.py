"""Do all ways of judging one small history agree with the definition?

Run as a program it holds random histories of some models against the definition, until one is
judged wrongly: `python -m tests.checker.agreement HISTORIES MODEL...`
"""

from __future__ import annotations

import itertools
import random
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from checker.certificate import complaint
from checker.check import Ask, check
from checker.history import History, Op
from checker.models import named
from checker.models.kv import Append, Get, Put
from checker.models.register import MISMATCH, Cas, CasRegister, Read, Write
from checker.outcome import DONE, Failed, Ok, Unknown
from checker.search import breadth, depth, run
from checker.search.configuration import Configuration
from checker.search.layers import Layers
from checker.search.memory import Memory
from checker.search.moves import Moves
from checker.search.part import Classes, Options, split
from checker.verdict import Judgement, Verdict
from tests.checker.oracle import CALLS, AnyModel, is_linearizable, random_ops, spoil

Ops = list[Op[Any, Any]]

SWITCHES = sorted(vars(Options()))
COMBINATIONS = [
    Options(**dict(zip(SWITCHES, on, strict=True)))
    for on in itertools.product([True, False], repeat=len(SWITCHES))
]


# -- random histories in which calls are crowded ------------------------------------------------


def crowded_ops(name: str, seed: int) -> Ops:
    """Up to ten calls, few values, much overlap; crashed calls may take effect much later."""
    rng = random.Random(seed)
    model = model_of(name)
    count = rng.randrange(3, 11)
    draw = _mixture(name, rng, rng.choice([1, 2, 2, 3, 4]))
    shape = rng.choice(["dense", "sliding", "ties", "waves", "tight", "tight"])
    own_values = name == "cas-register" and rng.random() < 0.25
    crash = rng.choice([0.0, 0.0, 0.1, 0.3, 0.6])
    planned = []
    for i in range(count):
        call = draw()
        if own_values and isinstance(call, Write | Cas):
            call = Write(i + 1) if isinstance(call, Write) else Cas(rng.randrange(count + 1), i + 1)
        called, returned = _times(shape, i, count, call, rng)
        crashed = rng.random() < crash and not (shape == "tight" and isinstance(call, Read | Get))
        at = rng.uniform(called, 5 * count if crashed else returned)
        planned.append((at, called, returned, i, crashed, call))
    state = model.initial()
    ops: Ops = []
    for _, called, returned, process, crashed, call in sorted(planned, key=lambda plan: plan[0]):
        if own_values and isinstance(call, Cas) and rng.random() < 0.8:
            call = Cas(state, call.new)
        after, said = rng.choice(list(model.outcomes(state, call)))
        effect = rng.random() < (0.7 if crashed else 0.97)
        if effect:
            state = after
        outcome = Unknown("timeout") if crashed else Ok(said) if effect else Failed("not sent")
        ended = returned if not crashed or rng.random() < 0.5 else None
        ops.append(
            Op(
                process=process,
                call=call,
                outcome=outcome,
                called_ns=called,
                returned_ns=ended,
            )
        )
    for _ in range(rng.choice([0, 1, 1, 2, 3]) if shape != "tight" else rng.choice([0, 0, 1])):
        spoil(ops, model, rng)
    rng.shuffle(ops)
    return ops


def _times(shape: str, i: int, count: int, call: Any, rng: random.Random) -> tuple[int, int]:
    """When the call begins and returns."""
    if shape == "dense":
        called, long = rng.randrange(count), 2 * count
    elif shape == "sliding":
        called, long = 2 * i + rng.randrange(3), rng.choice([3, 6, 12])
    elif shape == "ties":
        called, long = rng.randrange(4), 4
    elif shape == "waves":
        called, long = 10 * (i // 3) + rng.randrange(5), 11
    elif isinstance(call, Read | Get):  # tight: few changes explain many reads, one after another
        called, long = 5 * i, 4
    else:
        called, long = rng.randrange(3 * count), 5 * count
    return called, called + rng.randrange(shape != "ties", long)


def _mixture(name: str, rng: random.Random, values: int) -> Callable[[], Any]:
    """What draws the calls of one history."""
    if name in ("cas-register", "lossy-register"):
        weights = rng.choice([(6, 1, 2), (2, 1, 5), (3, 3, 3), (3, 6, 1), (4, 4, 0)])

        def call_of_a_register() -> Any:
            old = rng.choice([None, *range(values), *range(values)])
            new = rng.randrange(values)
            return rng.choices([Write(new), Read(), Cas(old, new)], weights)[0]

        return call_of_a_register
    if name == "kv":
        appends = rng.choice([0, 0, 1, 3])

        def call_of_an_entry() -> Any:
            value = rng.choice("abc"[:values] or "a")
            return rng.choices([Put(value), Get(), Append(value)], [6, 4, appends])[0]

        return call_of_an_entry
    return lambda: CALLS[name](rng, max(2, values))


class LossyRegister(CasRegister):
    """A register that may lose a write and say nothing: one call, one answer, two ways to go."""

    name = "lossy-register"

    def outcomes(self, state: Any, call: Any) -> list[tuple[Any, Any]]:
        done = self.apply(state, call)
        return [done, (state, DONE)] if isinstance(call, Write) else [done]

    def overwrites(self, call: Any, result: Any) -> bool:
        return False

    def access(self, call: Any, result: Any) -> None:
        return None


def model_of(name: str) -> AnyModel:
    return LossyRegister() if name == LossyRegister.name else named(name)


# -- one history, judged in many ways -----------------------------------------------------------


def agree(name: str, ops: Ops, seed: int) -> bool:
    """Hold every way of judging these calls against the definition; whether they are legal."""
    model = model_of(name)
    rng = random.Random(seed)
    legal = is_linearizable(ops, model)
    history = History.of(ops)
    some = rng.choice(COMBINATIONS)
    for ask in (
        Ask(order=True),
        Ask(order=True, shortcuts=False),
        Ask(order=True, shortcuts=False, options=some),
    ):
        _hold(check(history, model, ask=ask), history, model, legal, (name, seed, ask))
    if seed % 2:
        ask = Ask(order=True, shortcuts=False)
        judged = in_small_steps(rng, lambda: check(history, model, ask=ask))
        _hold(judged, history, model, legal, (name, seed, "in small steps"))
    else:
        told = History.of(_with_zxids(ops, rng))
        _hold(check(told, model, ask=Ask(order=True)), told, model, legal, (name, seed, "zxids"))
    _hold_the_certificate(ops, model, rng)
    return legal


def in_small_steps(rng: random.Random, judge: Callable[[], Judgement]) -> Judgement:
    """Judge with bounds so small that a few calls reach them all."""
    constants: list[tuple[Any, str, list[int]]] = [
        (depth, "WINDOW", [0, 1, 2]),
        (depth, "ENTRIES", [0, 1, 2, 8]),
        (breadth, "COMPACT", [0, 1, 3]),
        (run, "PATIENCE", [0, 1, 2, 5]),
        (run, "SLICE", [1, 2, 5, 20]),
    ]
    before = [getattr(module, constant) for module, constant, _ in constants]
    try:
        for module, constant, choices in constants:
            setattr(module, constant, rng.choice(choices))
        return judge()
    finally:
        for (module, constant, _), value in zip(constants, before, strict=True):
            setattr(module, constant, value)


def _with_zxids(ops: Ops, rng: random.Random) -> Ops:
    """The calls with zxids that may suggest a legal order, or no such thing."""
    late = rng.random() < 0.5
    told = []
    for op in ops:
        zxid = op.returned_ns if late and op.returned_ns is not None else op.called_ns
        told.append(replace(op, zxid=max(0, zxid + rng.randrange(-1, 2))))
    return told


def _hold(
    judged: Judgement, history: History, model: AnyModel, legal: bool, told_by: object
) -> None:
    assert judged.verdict is (Verdict.VALID if legal else Verdict.INVALID), told_by
    for part in judged.parts:
        if part.verdict is Verdict.VALID:
            assert part.order is not None
            assert complaint(list(history), model, part.order) == "", told_by
            continue
        assert part.stuck is not None or part.refutation, told_by
        if part.stuck is None:
            continue
        assert part.stuck.prefixes, told_by
        ended = history.returned[part.stuck.row]
        for prefix in part.stuck.prefixes:
            assert part.stuck.row not in prefix.order, told_by
            placed = [history[row] for row in prefix.order]
            assert complaint(placed, model, range(len(placed))) == "", told_by
            for row, op in enumerate(history):
                if isinstance(op.outcome, Ok) and history.returned[row] < ended:
                    assert row in prefix.order, told_by


def _hold_the_certificate(ops: Ops, model: AnyModel, rng: random.Random) -> None:
    """Whether a random order is a proof must be what the definition says, pair by pair."""
    order = sorted(range(len(ops)), key=lambda i: ops[i].called_ns + rng.randrange(6))
    order = [i for i in order if isinstance(ops[i].outcome, Ok) or rng.random() < 0.4]
    if rng.random() < 0.1:
        order += rng.sample(order, min(1, len(order)))
    if rng.random() < 0.1:
        order = order[1:]
    assert (complaint(ops, model, order) == "") is is_proof(ops, model, order), (ops, order)


def is_proof(ops: Ops, model: AnyModel, order: Sequence[int]) -> bool:
    """What `complaint` must say, straight from the definition."""
    answered = {i for i, op in enumerate(ops) if isinstance(op.outcome, Ok)}
    failed = {i for i, op in enumerate(ops) if isinstance(op.outcome, Failed)}
    if len(order) != len(set(order)) or answered - set(order) or failed & set(order):
        return False
    for first, then in itertools.combinations(order, 2):
        ended = ops[then].returned_ns
        if then in answered and ended is not None and ended < ops[first].called_ns:
            return False

    def goes(state: Any, left: Sequence[int]) -> bool:
        if not left:
            return True
        outcome = ops[left[0]].outcome
        return any(
            goes(after, left[1:])
            for after, said in model.outcomes(state, ops[left[0]].call)
            if not isinstance(outcome, Ok) or outcome.result == said
        )

    return goes(model.initial(), order)


def hold_the_counts_of_crashed_calls(rng: random.Random) -> None:
    """A configuration is covered if the other has used no more crashed calls, class by class."""
    available = [rng.randrange(1, 5) for _ in range(rng.randrange(1, 5))]
    crashed = [value for value, count in enumerate(available) for _ in range(count)]
    timeout = Unknown("timeout")
    ops: Ops = [
        Op(process=i, call=Write(value), outcome=timeout, called_ns=0, returned_ns=None)
        for i, value in enumerate(crashed)
    ]
    ops += [
        Op(process=90 + value, call=Read(), outcome=Ok(value), called_ns=1, returned_ns=2)
        for value, _ in enumerate(available)
    ]
    history = History.of(ops)
    (part,) = split(history, CasRegister())
    Classes(history, CasRegister(), Options()).classify(part)
    layers = Layers(part)
    layer = layers.next()
    moves = Moves(part.space, layers, Options())
    memory = Memory(True)
    counts = [[rng.randrange(count + 1) for count in available] for _ in range(2)]
    covered = all(one <= other for one, other in zip(*counts, strict=True))
    first, then = (
        sum(count << one.shift for count, one in zip(used, layer.crashed, strict=True))
        for used in counts
    )
    assert layer.available >= max(first, then)
    assert memory.add(Configuration(0, 0, 0, 0, 0, 0, first, -1, -1), layer, moves)
    news = memory.add(Configuration(0, 0, 0, 0, 0, 0, then, -1, -1), layer, moves)
    assert news is not covered, counts


def rare_histories() -> list[Ops]:
    """Histories of a cas-register that random ones come by too seldom."""
    told: list[list[tuple[Any, Any, int, int]]] = [
        [  # The second write of 0 is over when the compare-and-set begins, the first is not.
            (Write(0), DONE, 6, 17),
            (Write(0), DONE, 10, 12),
            (Cas(0, 1), DONE, 14, 17),
            (Read(), 0, 18, 20),
        ],
        [  # Two compare-and-sets that explain each other, and nobody who began.
            (Cas(1, 2), DONE, 0, 9),
            (Cas(2, 1), DONE, 1, 8),
        ],
        [  # Only a write that is seen lets others vanish: see docs/search.md.
            (Write(1), DONE, 1, 3),
            (Write(0), DONE, 2, 5),
            (Write(0), DONE, 4, 6),
            (Cas(0, 1), MISMATCH, 7, 8),
        ],
    ]
    return [
        [
            Op(process=i, call=call, outcome=Ok(said), called_ns=called, returned_ns=returned)
            for i, (call, said, called, returned) in enumerate(calls)
        ]
        for calls in told
    ]


def main(histories: int, names: list[str]) -> None:
    """Judge so many random histories of these models; AssertionError if one comes out wrong."""
    for seed, ops in itertools.product(range(20), rare_histories()):
        agree("cas-register", ops, seed)
    for seed in range(300):
        hold_the_counts_of_crashed_calls(random.Random(seed))
    for seed in range(histories):
        for name in names:
            ops = (
                random_ops(name, seed)
                if seed % 4 == 3 and name in CALLS
                else crowded_ops(name, seed)
            )
            agree(name, ops, seed)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
