"""One value that is read, written and compared-and-set. It starts absent (None)."""

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any, TypeAlias

from checker.model import Access, Model
from checker.outcome import DONE, Anything, Done, Refused

MISMATCH = Refused("mismatch")


@dataclass(frozen=True, slots=True)
class Read:
    """What does the register hold?"""


@dataclass(frozen=True, slots=True)
class Write:
    """Let the register hold this."""

    value: Hashable


@dataclass(frozen=True, slots=True)
class Cas:
    """If the register holds `old`, let it hold `new`; else refuse."""

    old: Hashable
    new: Hashable


Call: TypeAlias = Read | Write | Cas
Result: TypeAlias = Hashable | Done | Refused


class CasRegister(Model[Hashable, Call, Result]):
    """A register with reads, writes and compare-and-set."""

    name = "cas-register"

    def initial(self) -> Hashable:
        return None

    def apply(self, state: Hashable, call: Call) -> tuple[Hashable, Result]:
        match call:
            case Read():
                return state, state
            case Write(value):
                return value, DONE
            case Cas(old, new):
                return (new, DONE) if state == old else (state, MISMATCH)

    def read_call(self, f: str, value: Any) -> Call:
        match f:
            case "read":
                return Read()
            case "write":
                return Write(value)
            case "cas":
                if isinstance(value, tuple) and len(value) == 2:
                    return Cas(*value)
                raise ValueError("the value of a cas is a pair [old, new]")
            case _:
                raise ValueError(f"a {self.name} has no call {f!r}; it knows read, write, cas")

    def read_result(self, call: Call, value: Any) -> Result:
        match call:
            case Read():
                answer: Hashable = value
                return answer
            case _:
                return DONE

    def refusal(self, call: Call, error: str | None) -> Result | None:
        return MISMATCH if isinstance(call, Cas) and error in (None, "mismatch") else None

    def write_call(self, call: Call) -> tuple[str, Any]:
        match call:
            case Read():
                return "read", None
            case Write(value):
                return "write", value
            case Cas(old, new):
                return "cas", [old, new]

    def write_result(self, call: Call, result: Result) -> Any:
        return result if isinstance(call, Read) else self.write_call(call)[1]

    def observes_only(self, call: Call, result: Result | Anything) -> bool:
        match call:
            case Read():
                return True
            case Write():
                return False
            case Cas(old, new):
                return old == new or result == MISMATCH

    def overwrites(self, call: Call, result: Result | Anything) -> bool:
        return isinstance(call, Write) and _took_effect(result)

    def access(self, call: Call, result: Result | Anything) -> Access | None:
        match call:
            case Read():
                return Access() if isinstance(result, Anything) else Access(needs=result)
            case Write():  # naming its fields here would take three times as long
                return Access(puts=call.value) if _took_effect(result) else None
            case Cas(old, new):
                if _took_effect(result):
                    return Access(needs=old) if old == new else Access(needs=old, puts=new)
                return Access(lacks=old) if result == MISMATCH else None

    def tell(self, call: Call, result: Result | Anything) -> str:
        match call:
            case Read():
                if isinstance(result, Anything):
                    return "tried to read"
                return "read nothing" if result is None else f"read {result}"
            case Write(value):
                return f"wrote {value}" if result == DONE else f"tried to write {value}"
            case Cas(old, new):
                if result == MISMATCH:
                    return f"was refused a change from {old} to {new}"
                return f"{'changed' if result == DONE else 'tried to change'} {old} to {new}"


def _took_effect(result: Result | Anything) -> bool:
    """Whether this is what a write or a compare-and-set answers that had its effect."""
    return result is DONE or isinstance(result, Anything)


class Register(CasRegister):
    """A register with reads and writes only."""

    name = "register"

    def read_call(self, f: str, value: Any) -> Call:
        if f == "cas":
            raise ValueError("a register has no cas; use --model cas-register")
        return super().read_call(f, value)
