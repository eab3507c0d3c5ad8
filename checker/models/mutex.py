"""A lock that one holder at a time may have. It starts free."""

from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from checker.model import Access, Model
from checker.outcome import DONE, Anything, Done, Refused

FREE: Final = "free"
HELD: Final = "held"


@dataclass(frozen=True, slots=True)
class Acquire:
    """Take the lock; refused ("held") if somebody has it."""


@dataclass(frozen=True, slots=True)
class Release:
    """Give the lock back; refused ("free") if nobody has it."""


Call: TypeAlias = Acquire | Release
Result: TypeAlias = Done | Refused


class Mutex(Model[str, Call, Result]):
    """A lock; it does not ask who gives it back."""

    name = "mutex"

    def initial(self) -> str:
        return FREE

    def apply(self, state: str, call: Call) -> tuple[str, Result]:
        wanted, after = (FREE, HELD) if isinstance(call, Acquire) else (HELD, FREE)
        return (after, DONE) if state == wanted else (state, Refused(state))

    def read_call(self, f: str, value: Any) -> Call:
        match f:
            case "acquire":
                return Acquire()
            case "release":
                return Release()
            case _:
                raise ValueError(f"a mutex has no call {f!r}; it knows acquire, release")

    def read_result(self, call: Call, value: Any) -> Result:
        return DONE

    def refusal(self, call: Call, error: str | None) -> Result | None:
        code = HELD if isinstance(call, Acquire) else FREE
        return Refused(code) if error in (None, code) else None

    def write_call(self, call: Call) -> tuple[str, Any]:
        return ("acquire" if isinstance(call, Acquire) else "release"), None

    def write_result(self, call: Call, result: Result) -> Any:
        return None

    def observes_only(self, call: Call, result: Result | Anything) -> bool:
        return isinstance(result, Refused)

    def access(self, call: Call, result: Result | Anything) -> Access | None:
        wanted, after = (FREE, HELD) if isinstance(call, Acquire) else (HELD, FREE)
        if isinstance(result, Anything) or result is DONE:
            return Access(needs=wanted, puts=after)
        return Access(lacks=wanted) if result == self.refusal(call, None) else None

    def tell(self, call: Call, result: Result | Anything) -> str:
        verbs = ("acquired", "acquire") if isinstance(call, Acquire) else ("released", "release")
        took, take = verbs
        if isinstance(result, Refused):
            return f"could not {take} the lock, which was {result.code}"
        return f"{took} the lock" if result == DONE else f"tried to {take} the lock"
