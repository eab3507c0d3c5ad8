"""Values that are added, removed, looked for and listed. It starts empty."""

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any, TypeAlias

from checker.formats.event import Truth
from checker.model import Model
from checker.outcome import DONE, Anything, Done

Members: TypeAlias = frozenset[Hashable]


@dataclass(frozen=True, slots=True)
class Add:
    """Let this be a member."""

    value: Hashable


@dataclass(frozen=True, slots=True)
class Remove:
    """Let this be no member."""

    value: Hashable


@dataclass(frozen=True, slots=True)
class Contains:
    """Is this a member?"""

    value: Hashable


@dataclass(frozen=True, slots=True)
class ListAll:
    """Which are the members?"""


Call: TypeAlias = Add | Remove | Contains | ListAll
Result: TypeAlias = Done | bool | Members


class SetOfValues(Model[Members, Call, Result]):
    """A set; adding a member again and removing what is none are no errors."""

    name = "set"

    def initial(self) -> Members:
        return frozenset()

    def apply(self, state: Members, call: Call) -> tuple[Members, Result]:
        match call:
            case Add(value):
                return state | {value}, DONE
            case Remove(value):
                return state - {value}, DONE
            case Contains(value):
                return state, value in state
            case ListAll():
                return state, state

    def read_call(self, f: str, value: Any) -> Call:
        match f:
            case "add":
                return Add(value)
            case "remove":
                return Remove(value)
            case "contains":
                return Contains(value)
            case "read":
                return ListAll()
            case _:
                raise ValueError(f"a set has no call {f!r}; it knows add, remove, contains, read")

    def read_result(self, call: Call, value: Any) -> Result:
        match call:
            case Contains():
                if isinstance(value, Truth):
                    return value is Truth.TRUE
                raise ValueError(f"contains answers true or false, not {value!r}")
            case ListAll():
                if isinstance(value, tuple | frozenset):
                    return frozenset(value)
                raise ValueError(f"read answers a list of members, not {value!r}")
            case _:
                return DONE

    def write_call(self, call: Call) -> tuple[str, Any]:
        match call:
            case Add(value):
                return "add", value
            case Remove(value):
                return "remove", value
            case Contains(value):
                return "contains", value
            case ListAll():
                return "read", None

    def write_result(self, call: Call, result: Result) -> Any:
        match call:
            case Contains():
                return result
            case ListAll():
                return sorted(result, key=repr) if isinstance(result, frozenset) else result
            case _:
                return self.write_call(call)[1]

    def observes_only(self, call: Call, result: Result | Anything) -> bool:
        return isinstance(call, Contains | ListAll)

    def names(self, call: Call, result: Result | Anything) -> frozenset[Hashable] | None:
        return None if isinstance(call, ListAll) else frozenset([call.value])

    def grows(self, call: Call, result: Result | Anything) -> bool:
        return isinstance(call, Add)

    def outgrown(self, state: Members, call: Call, result: Result) -> bool:
        match call:
            case Contains(value):
                return result is False and value in state
            case ListAll():
                return isinstance(result, frozenset) and not state <= result
            case _:
                return False

    def tell(self, call: Call, result: Result | Anything) -> str:
        heard = not isinstance(result, Anything)
        match call:
            case Add(value):
                return f"added {value}" if heard else f"tried to add {value}"
            case Remove(value):
                return f"removed {value}" if heard else f"tried to remove {value}"
            case Contains(value):
                if not heard:
                    return f"asked for {value}"
                return f"found {value}" if result else f"did not find {value}"
            case ListAll():
                if isinstance(result, frozenset):
                    return f"read {{{', '.join(map(str, sorted(result, key=repr)))}}}"
                return "tried to read"
