"""Values that are enqueued and dequeued, in order or in any order. Both queues start empty."""

from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeAlias, TypeVar

from checker.model import Model
from checker.outcome import DONE, Anything, Done, Refused

EMPTY: Final = Refused("empty")

Q = TypeVar("Q")


@dataclass(frozen=True, slots=True)
class Enqueue:
    """Put this into the queue."""

    value: Hashable


@dataclass(frozen=True, slots=True)
class Dequeue:
    """Take a value out of the queue; refused if there is none."""


Call: TypeAlias = Enqueue | Dequeue
Result: TypeAlias = Done | Hashable | Refused


class _Queue(Model[Q, Call, Result], Generic[Q]):
    """What both kinds of queue look like from outside."""

    def read_call(self, f: str, value: Any) -> Call:
        match f:
            case "enqueue":
                return Enqueue(value)
            case "dequeue":
                return Dequeue()
            case _:
                raise ValueError(f"a {self.name} has no call {f!r}; it knows enqueue, dequeue")

    def read_result(self, call: Call, value: Any) -> Result:
        answer: Hashable = value
        return DONE if isinstance(call, Enqueue) else answer

    def refusal(self, call: Call, error: str | None) -> Result | None:
        return EMPTY if isinstance(call, Dequeue) and error in (None, "empty") else None

    def write_call(self, call: Call) -> tuple[str, Any]:
        return ("enqueue", call.value) if isinstance(call, Enqueue) else ("dequeue", None)

    def write_result(self, call: Call, result: Result) -> Any:
        return call.value if isinstance(call, Enqueue) else result

    def observes_only(self, call: Call, result: Result | Anything) -> bool:
        return isinstance(call, Dequeue) and result == EMPTY

    def names(self, call: Call, result: Result | Anything) -> frozenset[Hashable] | None:
        if isinstance(call, Enqueue):
            return frozenset([call.value])
        if isinstance(result, Anything):
            return None
        return frozenset() if isinstance(result, Refused) else frozenset([result])

    def tell(self, call: Call, result: Result | Anything) -> str:
        heard = not isinstance(result, Anything)
        if isinstance(call, Enqueue):
            return f"enqueued {call.value}" if heard else f"tried to enqueue {call.value}"
        if not heard:
            return "tried to dequeue"
        return "found the queue empty" if result == EMPTY else f"dequeued {result}"


class FifoQueue(_Queue[tuple[Hashable, ...]]):
    """First in, first out."""

    name = "fifo-queue"

    def initial(self) -> tuple[Hashable, ...]:
        return ()

    def apply(self, state: tuple[Hashable, ...], call: Call) -> tuple[tuple[Hashable, ...], Result]:
        if isinstance(call, Enqueue):
            return (*state, call.value), DONE
        return (state[1:], state[0]) if state else (state, EMPTY)


Bag: TypeAlias = frozenset[tuple[Hashable, int]]


class UnorderedQueue(_Queue[Bag]):
    """A dequeue may answer any value that is in the queue; the state counts each value."""

    name = "unordered-queue"

    def initial(self) -> Bag:
        return frozenset()

    def outcomes(self, state: Bag, call: Call) -> Iterable[tuple[Bag, Result]]:
        counts = dict(state)
        if isinstance(call, Enqueue):
            counts[call.value] = counts.get(call.value, 0) + 1
            yield frozenset(counts.items()), DONE
        elif not counts:
            yield state, EMPTY
        for value, count in state if isinstance(call, Dequeue) else ():
            left = {**counts, value: count - 1}
            yield frozenset(item for item in left.items() if item[1]), value

    def apply(self, state: Bag, call: Call) -> tuple[Bag, Result]:
        return min(self.outcomes(state, call), key=lambda outcome: repr(outcome[1]))
