"""Several registers, read and written by transactions. Each starts absent (None)."""

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any, TypeAlias

from checker.model import Model
from checker.outcome import Anything

Registers: TypeAlias = frozenset[tuple[Hashable, Hashable]]
Reads: TypeAlias = tuple[Hashable, ...]


@dataclass(frozen=True, slots=True)
class Get:
    """Read this register."""

    key: Hashable


@dataclass(frozen=True, slots=True)
class Set:
    """Write this register."""

    key: Hashable
    value: Hashable


@dataclass(frozen=True, slots=True)
class Txn:
    """These reads and writes, in this order, as one step; it answers what the reads saw."""

    steps: tuple[Get | Set, ...]


class MultiRegister(Model[Registers, Txn, Reads]):
    """Registers under strict serializability; only those that were written are in the state."""

    name = "multi-register"

    def initial(self) -> Registers:
        return frozenset()

    def apply(self, state: Registers, call: Txn) -> tuple[Registers, Reads]:
        values = dict(state)
        reads: list[Hashable] = []
        for step in call.steps:
            if isinstance(step, Get):
                reads.append(values.get(step.key))
            else:
                values[step.key] = step.value
        return frozenset(values.items()), tuple(reads)

    def read_call(self, f: str, value: Any) -> Txn:
        if f != "txn":
            raise ValueError(f"a multi-register has no call {f!r}; it knows txn")
        return Txn(tuple(Get(key) if op == "r" else Set(key, v) for op, key, v in _steps(value)))

    def read_result(self, call: Txn, value: Any) -> Reads:
        answered = _steps(value)
        if [(op == "r", key) for op, key, _ in answered] != [
            (isinstance(step, Get), step.key) for step in call.steps
        ]:
            raise ValueError("a txn answers the same reads and writes as it was called with")
        return tuple(v for op, _, v in answered if op == "r")

    def write_call(self, call: Txn) -> tuple[str, Any]:
        return "txn", [
            ["r", step.key, None] if isinstance(step, Get) else ["w", step.key, step.value]
            for step in call.steps
        ]

    def write_result(self, call: Txn, result: Reads) -> Any:
        reads = iter(result)
        return [
            ["r", step.key, next(reads)] if isinstance(step, Get) else ["w", step.key, step.value]
            for step in call.steps
        ]

    def observes_only(self, call: Txn, result: Reads | Anything) -> bool:
        return all(isinstance(step, Get) for step in call.steps)

    def names(self, call: Txn, result: Reads | Anything) -> frozenset[Hashable]:
        return frozenset(step.key for step in call.steps)

    def tell(self, call: Txn, result: Reads | Anything) -> str:
        heard = not isinstance(result, Anything)
        reads = iter(result if isinstance(result, tuple) else ())
        told = []
        for step in call.steps:
            if isinstance(step, Set):
                told.append(f"{'wrote' if heard else 'write'} {step.key}={step.value}")
            else:
                told.append(f"read {step.key}={next(reads, None)}" if heard else f"read {step.key}")
        return ("" if heard else "tried to ") + ", ".join(told)


def _steps(value: Any) -> list[tuple[str, Hashable, Hashable]]:
    if isinstance(value, tuple) and all(
        isinstance(step, tuple) and len(step) == 3 and step[0] in ("r", "w") for step in value
    ):
        return list(value)
    raise ValueError('the value of a txn is a list of ["r", key, null] and ["w", key, value]')
