"""One string that is got, put and appended to: an entry of a key-value store. It starts absent."""

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any, TypeAlias

from checker.model import Access, Model
from checker.outcome import DONE, Anything, Done


@dataclass(frozen=True, slots=True)
class Get:
    """What is stored?"""


@dataclass(frozen=True, slots=True)
class Put:
    """Store this in place of what is there."""

    value: str


@dataclass(frozen=True, slots=True)
class Append:
    """Store what is there, with this behind it; an absent entry counts as empty."""

    value: str


Call: TypeAlias = Get | Put | Append
Result: TypeAlias = str | Done | None


class KeyValue(Model[str | None, Call, Result]):
    """An entry with get, put and append; `absent` is what a get answers before any put."""

    name = "kv"

    def __init__(self, absent: str | None = None) -> None:
        self.absent = absent

    def initial(self) -> str | None:
        return self.absent

    def apply(self, state: str | None, call: Call) -> tuple[str | None, Result]:
        match call:
            case Get():
                return state, state
            case Put(value):
                return value, DONE
            case Append(value):
                return (state or "") + value, DONE

    def read_call(self, f: str, value: Any) -> Call:
        if f == "get":
            return Get()
        if f not in ("put", "append"):
            raise ValueError(f"a kv has no call {f!r}; it knows get, put, append")
        if not isinstance(value, str):
            raise ValueError(f"the value of {f} is a string, not {value!r}")
        return Put(value) if f == "put" else Append(value)

    def read_result(self, call: Call, value: Any) -> Result:
        if not isinstance(call, Get):
            return DONE
        if value is None or isinstance(value, str):
            return value
        raise ValueError(f"get answers a string or null, not {value!r}")

    def write_call(self, call: Call) -> tuple[str, Any]:
        match call:
            case Get():
                return "get", None
            case Put(value):
                return "put", value
            case Append(value):
                return "append", value

    def write_result(self, call: Call, result: Result) -> Any:
        return result if isinstance(call, Get) else self.write_call(call)[1]

    def observes_only(self, call: Call, result: Result | Anything) -> bool:
        return isinstance(call, Get) or (call == Append("") and self.absent is not None)

    def overwrites(self, call: Call, result: Result | Anything) -> bool:
        return isinstance(call, Put) and (result is DONE or isinstance(result, Anything))

    def access(self, call: Call, result: Result | Anything) -> Access | None:
        match call:
            case Get():
                answer: Hashable = result
                return Access() if isinstance(result, Anything) else Access(needs=answer)
            case Put(value) if self.overwrites(call, result):
                return Access(puts=value)
            case _:
                return None

    def grows(self, call: Call, result: Result | Anything) -> bool:
        return isinstance(call, Append)

    def outgrown(self, state: str | None, call: Call, result: Result) -> bool:
        if not isinstance(call, Get) or state is None:
            return False
        return not (isinstance(result, str) and result.startswith(state))

    def tell(self, call: Call, result: Result | Anything) -> str:
        heard = not isinstance(result, Anything)
        match call:
            case Get():
                if not heard:
                    return "tried to get"
                return "got nothing" if result is None else f"got {result!r}"
            case Put(value):
                return f"put {value!r}" if heard else f"tried to put {value!r}"
            case Append(value):
                return f"appended {value!r}" if heard else f"tried to append {value!r}"
