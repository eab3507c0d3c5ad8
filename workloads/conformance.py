"""Does the service answer as its protocol says, where an answer depends on no state?

A node that nobody may read tells nobody what it is like. A check that is no part of a transaction
is refused: no server could read it in its log.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from checker.history import Deed, History
from checker.model import Model
from checker.outcome import DONE, Anything, Done, Ok, Outcome, Refused
from workloads.replies import replies
from workloads.workload import Answer, Ask, Draw, Finding, Judge, Synced, Wrong, finding

NO_AUTH: Final = Refused("no-auth")
UNIMPLEMENTED: Final = Refused("unimplemented")


@dataclass(frozen=True, slots=True)
class Open:
    """Read a node that all may read."""


@dataclass(frozen=True, slots=True)
class Hidden:
    """Ask of a node that nobody may read: "exists", "get" or "children"."""

    how: str


@dataclass(frozen=True, slots=True)
class CheckAlone:
    """Check a version, and do nothing with it."""


Call: TypeAlias = Open | Hidden | CheckAlone
HOWS: Final = ("exists", "get", "children")


class Rules(Model[None, Call, Done | Refused]):
    """What is answered, always."""

    name = "conformance"

    def initial(self) -> None:
        return None

    def apply(self, state: None, call: Call) -> tuple[None, Done | Refused]:
        match call:
            case Open():
                return state, DONE
            case Hidden():
                return state, NO_AUTH
            case CheckAlone():
                return state, UNIMPLEMENTED

    def read_call(self, f: str, value: Any) -> Call:
        match f, value:
            case "open", _:
                return Open()
            case "check-alone", _:
                return CheckAlone()
            case "hidden", str():
                return Hidden(value)
            case _:
                raise ValueError(f"no call {f!r} {value!r}; there are open, check-alone, hidden")

    def read_result(self, call: Call, value: Any) -> Done:
        return DONE

    def refusal(self, call: Call, error: str | None) -> Refused | None:
        return next((one for one in (NO_AUTH, UNIMPLEMENTED) if one.code == error), None)

    def write_call(self, call: Call) -> tuple[str, Any]:
        match call:
            case Open():
                return "open", None
            case Hidden(how):
                return "hidden", how
            case CheckAlone():
                return "check-alone", None

    def write_result(self, call: Call, result: Any) -> Any:
        return self.write_call(call)[1]

    def tell(self, call: Call, result: Any | Anything) -> str:
        f, value = self.write_call(call)
        told = f if value is None else f"{f} {value}"
        return f"{told}: {result.code}" if isinstance(result, Refused) else told


class Conformance:
    """The workload `conformance`."""

    name = "conformance"
    about = "requests that must be refused, whatever else happens"
    least_processes = 1
    kinds: Sequence[str] = ("open",)

    def __init__(self, synced: Synced = Synced.LINEARIZABLE) -> None:
        self.synced = synced

    @property
    def model(self) -> Model[Any, Any, Any]:
        """The rules."""
        return Rules()

    def calls(self, process: int, draw: Draw) -> Ask:
        """All of them, one as often as another."""
        asks = (Open(), *(Hidden(how) for how in HOWS), CheckAlone())
        return Ask("c", asks[draw(len(asks))])

    def last_calls(self, process: int, processes: int) -> Sequence[Ask]:
        """Whether it answers at all."""
        return [Ask("c", Open())]

    def heard(self, process: int, ask: Ask, outcome: Outcome[Any], answer: Answer | None) -> None:
        """Nothing that is asked depends on what was answered."""

    def judges(self) -> Mapping[str, Judge]:
        """The rules, and the numbers of replies."""
        return {"answers": answers, "replies": lambda history: replies(history, _changes_nothing)}


def answers(history: History) -> Finding:
    """Whether each answer is that of the rules; the kind of wrong is the call's name."""
    rules = Rules()
    wrong = [
        isinstance(deed.outcome, Ok) and deed.outcome.result != rules.apply(None, deed.call)[1]
        for deed in history.deeds
    ]
    wrongs = [
        _wrong(history.deeds[deed], row) for row, deed in enumerate(history.deed) if wrong[deed]
    ]
    return finding("answers", len(history), wrongs)


def _wrong(deed: Deed, row: int) -> Wrong:
    rules = Rules()
    f, _ = rules.write_call(deed.call)
    expected = rules.apply(None, deed.call)[1]
    must = expected.code if isinstance(expected, Refused) else "an answer"
    result = deed.outcome.result if isinstance(deed.outcome, Ok) else None
    got = result.code if isinstance(result, Refused) else "an answer"
    return Wrong(f, f"{rules.tell(deed.call, None)} got {got}, where there must be {must}", (row,))


def _changes_nothing(deed: Deed) -> bool:
    return False
