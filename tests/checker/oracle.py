"""What does the definition of linearizability say, tried order by order?

Nothing here is shared with the search: the only notions are "this call may be next" and "the
model allows this answer". And: random small histories to hold the search against it.
"""

import random
from collections.abc import Callable, Sequence
from typing import Any

from checker.history import Op
from checker.model import Model
from checker.models import named
from checker.models.counter import Add as Plus
from checker.models.counter import Read as Sum
from checker.models.kv import Append, Get, Put
from checker.models.multi_register import Get as TxnGet
from checker.models.multi_register import Set as TxnSet
from checker.models.multi_register import Txn
from checker.models.mutex import Acquire, Release
from checker.models.queue import Dequeue, Enqueue
from checker.models.register import Cas, Read, Write
from checker.models.set import Add, Contains, ListAll, Remove
from checker.outcome import Failed, Ok, Unknown

AnyModel = Model[Any, Any, Any]


def is_linearizable(ops: Sequence[Op[Any, Any]], model: AnyModel) -> bool:
    """Whether some order of the calls is legal, by trying all of them."""
    judged = [op for op in ops if not isinstance(op.outcome, Failed)]
    must = frozenset(i for i, op in enumerate(judged) if isinstance(op.outcome, Ok))
    tried: set[tuple[frozenset[int], Any]] = set()

    def may_be_next(i: int, left: frozenset[int]) -> bool:
        for j in left & must:
            ended = judged[j].returned_ns
            assert ended is not None
            if ended < judged[i].called_ns:
                return False
        return True

    def search(left: frozenset[int], state: Any) -> bool:
        if not left & must:
            return True
        if (left, state) in tried:
            return False
        tried.add((left, state))
        for i in left:
            if may_be_next(i, left):
                outcome = judged[i].outcome
                for after, said in model.outcomes(state, judged[i].call):
                    fits = not isinstance(outcome, Ok) or outcome.result == said
                    if fits and search(left - {i}, after):
                        return True
        return False

    return search(frozenset(range(len(judged))), model.initial())


Draw = Callable[[random.Random, int], Any]

CALLS: dict[str, Draw] = {
    "register": lambda r, n: r.choice([Read(), Read(), Write(r.randrange(n))]),
    "cas-register": lambda r, n: r.choice(
        [Read(), Write(r.randrange(n)), Cas(r.randrange(n), r.randrange(n))]
    ),
    "kv": lambda r, n: r.choice([Get(), Put(r.choice("ab"[:n])), Append(r.choice("ab"[:n]))]),
    "set": lambda r, n: r.choice(
        [Add(r.randrange(n)), Remove(r.randrange(n)), Contains(r.randrange(n)), ListAll()]
    ),
    "fifo-queue": lambda r, n: r.choice([Enqueue(r.randrange(n)), Dequeue()]),
    "unordered-queue": lambda r, n: r.choice([Enqueue(r.randrange(n)), Dequeue()]),
    "mutex": lambda r, n: r.choice([Acquire(), Release()]),
    "counter": lambda r, n: r.choice([Plus(r.randrange(-1, n)), Sum()]),
    "multi-register": lambda r, n: Txn(
        tuple(
            TxnGet(r.choice("xy")) if r.random() < 0.5 else TxnSet(r.choice("xy"), r.randrange(n))
            for _ in range(r.randrange(1, 3))
        )
    ),
}


def model_of(name: str) -> AnyModel:
    return named(name)


def random_ops(name: str, seed: int, size: int = 8) -> list[Op[Any, Any]]:
    """A history of up to `size` calls: often legal, often nearly so; ties and crashes included."""
    rng = random.Random(seed)
    model = model_of(name)
    values = rng.choice([2, 2, 3])
    all_different = name.endswith("register") and rng.random() < 0.3
    count = rng.randrange(1, size + 1)
    span = rng.choice([count, 2 * count, 3 * count])
    crash = rng.choice([0.0, 0.0, 0.2, 0.5])
    planned = []
    for process in range(count):
        called = rng.randrange(span)
        returned = called + rng.randrange(rng.choice([2, 4, 8]))
        planned.append((rng.uniform(called, returned), called, returned, process))
    state = model.initial()
    ops: list[Op[Any, Any]] = []
    for _, called, returned, process in sorted(planned):
        call = CALLS[name](rng, values)
        if all_different:
            call = _with_own_value(call, len(ops) + 1, state, rng)
        after, said = rng.choice(list(model.outcomes(state, call)))
        outcome: Any = Ok(said)
        if rng.random() < crash:
            outcome = Unknown("timeout")
            if rng.random() < 0.5:
                state = after
        elif rng.random() < 0.05:
            outcome = Failed("refused before it left")
        else:
            state = after
        ops.append(
            Op(
                process=process,
                call=call,
                outcome=outcome,
                called_ns=called,
                returned_ns=None
                if isinstance(outcome, Unknown) and rng.random() < 0.1
                else returned,
            )
        )
    for _ in range(rng.choice([0, 1, 1, 2])):
        spoil(ops, model, rng)
    rng.shuffle(ops)
    return ops


def _with_own_value(call: Any, value: int, state: Any, rng: random.Random) -> Any:
    """The same kind of call, with a value that no other call writes."""
    match call:
        case Write():
            return Write(value)
        case Cas():
            return Cas(state if rng.random() < 0.7 else rng.randrange(value + 1), value)
        case _:
            return call


def spoil(ops: list[Op[Any, Any]], model: AnyModel, rng: random.Random) -> None:
    """Give one call the answer that another call of its kind might have got."""
    at = rng.randrange(len(ops))
    op = ops[at]
    if not isinstance(op.outcome, Ok):
        return
    state = model.initial()
    answers = []
    for other in rng.sample(ops, len(ops)):
        state = model.apply(state, other.call)[0]
        answers.append(model.apply(state, op.call)[1])
    answers.append(model.apply(model.initial(), op.call)[1])
    answers = [answer for answer in answers if answer != op.outcome.result] or answers
    ops[at] = Op(
        process=op.process,
        call=op.call,
        outcome=Ok(rng.choice(answers)),
        called_ns=op.called_ns,
        returned_ns=op.returned_ns,
    )
