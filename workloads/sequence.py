"""Does every sequential node get a number greater than all before it?

Sequential nodes are made and deleted again, so that how many there are says nothing about how many
there were. Nobody deletes a node that another has tried to delete.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from checker.history import Deed
from checker.model import Model
from checker.outcome import DONE, Anything, Ok, Outcome, Refused
from workloads.replies import replies
from workloads.workload import Answer, Ask, Draw, Judge, Synced

PARENTS: Final = 2
MOST: Final = 50  # nodes of a parent that nobody has tried to delete
GONE: Final = Refused("no-node")
TAKEN: Final = Refused("node-exists")


@dataclass(frozen=True, slots=True)
class Make:
    """Make the next node."""


@dataclass(frozen=True, slots=True)
class Remove:
    """Delete the node with this number."""

    number: int


Call: TypeAlias = Make | Remove


class Numbers(Model[None, Call, Any]):
    """How the calls look in a file; what they may answer is judged by their zxids."""

    name = "sequence"

    def initial(self) -> None:
        return None

    def apply(self, state: None, call: Call) -> tuple[None, Any]:
        raise NotImplementedError("a number may have been given to somebody nobody heard of")

    def read_call(self, f: str, value: Any) -> Call:
        if f == "make":
            return Make()
        if f == "remove" and isinstance(value, int):
            return Remove(value)
        raise ValueError(
            f"a sequence has no call {f!r} {value!r}; it knows make, and remove NUMBER"
        )

    def read_result(self, call: Call, value: Any) -> Any:
        if isinstance(call, Remove):
            return DONE
        if isinstance(value, int):
            return value
        raise ValueError("make answers the number of the node")

    def refusal(self, call: Call, error: str | None) -> Refused | None:
        return next((one for one in (GONE, TAKEN) if one.code == error), None)

    def write_call(self, call: Call) -> tuple[str, Any]:
        return ("make", None) if isinstance(call, Make) else ("remove", call.number)

    def write_result(self, call: Call, result: Any) -> Any:
        return result if isinstance(call, Make) else self.write_call(call)[1]

    def tell(self, call: Call, result: Any | Anything) -> str:
        told = f", and was refused: {result.code}" if isinstance(result, Refused) else ""
        match call:
            case Make():
                return f"made number {result}" if isinstance(result, int) else f"made one{told}"
            case Remove(number):
                verb = "removed" if result is DONE else "tried to remove"
                return f"{verb} number {number}{told}"


class Sequences:
    """The workload `sequence`."""

    name = "sequence"
    about = "sequential nodes that are made and deleted, and their numbers"
    least_processes = 1
    kinds: Sequence[str] = ("make", "remove")

    def __init__(self, synced: Synced = Synced.LINEARIZABLE) -> None:
        self.synced = synced
        self._there: dict[str, list[int]] = {}

    @property
    def model(self) -> Model[Any, Any, Any]:
        """Numbers that only grow."""
        return Numbers()

    def calls(self, process: int, draw: Draw) -> Ask:
        """As many nodes are made as deleted, on the whole."""
        key = f"q{draw(PARENTS)}"
        there = self._there.setdefault(key, [])
        if there and (draw(2) or len(there) >= MOST):
            return Ask(key, Remove(there.pop(draw(len(there)))))
        return Ask(key, Make())

    def last_calls(self, process: int, processes: int) -> Sequence[Ask]:
        """One more of each, and its share of the others is removed."""
        asks = [Ask(key, Make()) for key in self._there]
        for key, there in self._there.items():
            asks += [Ask(key, Remove(number)) for number in there[process % processes :: processes]]
        return asks

    def heard(self, process: int, ask: Ask, outcome: Outcome[Any], answer: Answer | None) -> None:
        """Which nodes there are for sure."""
        match ask.call, outcome:
            case Make(), Ok(int() as number):
                self._there[ask.key].append(number)
            case _:
                pass

    def judges(self) -> Mapping[str, Judge]:
        """Numbers, and those of replies."""
        from workloads.numbering import numbering

        return {
            "numbering": numbering,
            "replies": lambda history: replies(history, change_of_sequence),
        }


def change_of_sequence(deed: Deed) -> bool:
    """Whether such a call surely made a node, or deleted one."""
    return isinstance(deed.outcome, Ok) and not isinstance(deed.outcome.result, Refused)
