"""A number that is added to and read. It starts at 0."""

from dataclasses import dataclass
from typing import Any, TypeAlias

from checker.model import Model
from checker.outcome import DONE, Anything, Done


@dataclass(frozen=True, slots=True)
class Add:
    """Add this, which may be negative."""

    amount: int


@dataclass(frozen=True, slots=True)
class Read:
    """What is the sum so far?"""


Call: TypeAlias = Add | Read
Result: TypeAlias = Done | int


class Counter(Model[int, Call, Result]):
    """A counter with exact reads."""

    name = "counter"

    def initial(self) -> int:
        return 0

    def apply(self, state: int, call: Call) -> tuple[int, Result]:
        return (state + call.amount, DONE) if isinstance(call, Add) else (state, state)

    def read_call(self, f: str, value: Any) -> Call:
        match f:
            case "add":
                return Add(_whole(value, "the value of add"))
            case "read":
                return Read()
            case _:
                raise ValueError(f"a counter has no call {f!r}; it knows add, read")

    def read_result(self, call: Call, value: Any) -> Result:
        return DONE if isinstance(call, Add) else _whole(value, "what read answers")

    def write_call(self, call: Call) -> tuple[str, Any]:
        return ("add", call.amount) if isinstance(call, Add) else ("read", None)

    def write_result(self, call: Call, result: Result) -> Any:
        return call.amount if isinstance(call, Add) else result

    def observes_only(self, call: Call, result: Result | Anything) -> bool:
        return isinstance(call, Read) or call.amount == 0

    def grows(self, call: Call, result: Result | Anything) -> bool:
        return isinstance(call, Add) and call.amount >= 0

    def outgrown(self, state: int, call: Call, result: Result) -> bool:
        return isinstance(call, Read) and isinstance(result, int) and state > result

    def tell(self, call: Call, result: Result | Anything) -> str:
        heard = not isinstance(result, Anything)
        if isinstance(call, Add):
            return f"added {call.amount}" if heard else f"tried to add {call.amount}"
        return f"read {result}" if heard else "tried to read"


def _whole(value: Any, what: str) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    raise ValueError(f"{what} is a whole number, not {value!r}")
