"""What does one set answer, whose listings are told as they came?

A set as in `checker.models.set`, with listings of two more kinds, and with members that are added
but once: who finds one there already is refused.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from checker.models.set import Add, Call, ListAll, Members, Result, SetOfValues
from checker.outcome import Anything, Refused

EXISTS: Final = Refused("node-exists")


@dataclass(frozen=True, slots=True)
class ListLocally(ListAll):
    """Which are the members, as far as the server at hand has heard?"""


@dataclass(frozen=True, slots=True)
class ListOrdered(ListLocally):
    """A listing behind a sync, of a service whose sync does not make it newer for sure."""


class SetWithListings(SetOfValues):
    """A set whose listings are told as they came, so that a member listed twice is seen."""

    name = "set-with-listings"

    def apply(self, state: Members, call: Call) -> tuple[Members, Any]:
        if isinstance(call, Add) and call.value in state:
            return state, EXISTS
        return super().apply(state, call)

    def read_call(self, f: str, value: Any) -> Call:
        return ListLocally() if f == "local-read" else super().read_call(f, value)

    def read_result(self, call: Call, value: Any) -> Any:
        if isinstance(call, ListAll) and isinstance(value, tuple):
            return value
        return super().read_result(call, value)

    def refusal(self, call: Call, error: str | None) -> Any:
        return EXISTS if isinstance(call, Add) and error == EXISTS.code else None

    def write_call(self, call: Call) -> tuple[str, Any]:
        return ("local-read", None) if isinstance(call, ListLocally) else super().write_call(call)

    def tell(self, call: Call, result: Result | Anything) -> str:
        told = super().tell(call, frozenset(result) if isinstance(result, tuple) else result)
        return f"{told} locally" if isinstance(call, ListLocally) else told
