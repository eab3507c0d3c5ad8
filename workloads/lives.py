"""Does a session live as long as it is heard, and does what it asks happen in its order?

Each session has an ephemeral node of its own, which nobody else writes: so it knows what it must
read there, also when it does not wait for answers, and after it has moved to another server. What
then still comes over the connection that it left must have no effect. Everybody looks at whose
nodes are there. A session that leaves asks for one more node just before: it must go, too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any, Final, TypeAlias

from checker.formats.event import Truth
from checker.history import Deed
from checker.model import Model
from checker.outcome import DONE, Anything, Ok, Outcome, Refused
from workloads.replies import replies
from workloads.workload import Answer, Ask, Draw, Judge, Synced

KEY: Final = "e"
LOOKERS_ONE_IN: Final = 3
LOOKS: Final = 100  # of a looker, before it leaves
LOST: Final = Refused("lost")
"""The session's own node was not there, though the session lived."""


@dataclass(frozen=True, slots=True)
class Begin:
    """Make the session's own node, which holds 0; the answer is the session's timeout in ms."""


@dataclass(frozen=True, slots=True)
class Put:
    """Write this to it, and read it without waiting for the answer; what was read."""

    value: int


@dataclass(frozen=True, slots=True)
class Twice:
    """Write this and then the next number, both to one version, and read: (done, done, read)."""

    value: int


@dataclass(frozen=True, slots=True)
class Go:
    """Move to another server, read, and write this; then write the next number over the connection
    that was left, and read behind a sync. Both that was read."""

    value: int


@dataclass(frozen=True, slots=True)
class Look:
    """Whose nodes are there? Sorted names, behind a sync."""


@dataclass(frozen=True, slots=True)
class Leave:
    """Make another node, and end the session without waiting for the answer."""


Call: TypeAlias = Begin | Put | Twice | Go | Look | Leave
_OF_VALUE: Final[Mapping[str, type[Put] | type[Twice] | type[Go]]] = {
    "put": Put,
    "twice": Twice,
    "go": Go,
}
_PLAIN: Final[Mapping[str, type[Begin] | type[Look] | type[Leave]]] = {
    "begin": Begin,
    "look": Look,
    "leave": Leave,
}


def name_of(session: int) -> str:
    """The name of a session's own node."""
    return f"{session:016x}"


def late_name_of(session: int) -> str:
    """The name of the node that it makes as it leaves."""
    return f"{name_of(session)}-late"


class Lives(Model[None, Call, Any]):
    """How the calls look in a file; what they may answer is judged session by session."""

    name = "session"

    def initial(self) -> None:
        return None

    def apply(self, state: None, call: Call) -> tuple[None, Any]:
        raise NotImplementedError("when a session ends no state predicts")

    def read_call(self, f: str, value: Any) -> Call:
        if f in _PLAIN:
            return _PLAIN[f]()
        if f in _OF_VALUE and isinstance(value, int):
            return _OF_VALUE[f](value)
        known = ", ".join([*_PLAIN, *_OF_VALUE])
        raise ValueError(f"a session has no call {f!r} {value!r}; it knows {known}")

    def read_result(self, call: Call, value: Any) -> Any:
        match call, value:
            case ((Begin() | Put()), int()):
                return value
            case ((Twice() | Go() | Look()), tuple()):
                return tuple(one is Truth.TRUE if isinstance(one, Truth) else one for one in value)
            case Leave(), _:
                return DONE
            case _:
                raise ValueError(f"{self.write_call(call)[0]} does not answer {value!r}")

    def refusal(self, call: Call, error: str | None) -> Refused | None:
        return LOST if error == LOST.code else None

    def write_call(self, call: Call) -> tuple[str, Any]:
        return type(call).__name__.lower(), getattr(call, "value", None)

    def write_result(self, call: Call, result: Any) -> Any:
        if isinstance(result, tuple):
            return list(result)
        return result if isinstance(call, Begin | Put) else None

    def tell(self, call: Call, result: Any | Anything) -> str:
        f, value = self.write_call(call)
        told = f if value is None else f"{f} {value}"
        if isinstance(result, Refused):
            return f"{told}: {result.code}"
        return told if result is DONE or isinstance(result, Anything) else f"{told}: {result}"


class Sessions:
    """The workload `session`."""

    name = "session"
    about = "sessions that live, move from server to server, ask ahead and end, and their nodes"
    least_processes = 2
    kinds: Sequence[str] = ("put", "twice", "look")  # of the others a short run has few

    def __init__(self, synced: Synced = Synced.LINEARIZABLE) -> None:
        self.synced = synced
        self._values = count(1, 2)
        self._only_looks: dict[int, bool] = {}  # of those that have begun

    @property
    def model(self) -> Model[Any, Any, Any]:
        """Sessions and their nodes."""
        return Lives()

    def calls(self, process: int, draw: Draw) -> Ask:
        """First its own node. Some then hardly do more than look: who is merely heard lives."""
        if process not in self._only_looks:
            return Ask(KEY, Begin())
        if self._only_looks[process]:
            return Ask(KEY, Leave() if draw(LOOKS) == LOOKS - 1 else Look())
        kind = draw(20)
        if kind < 5:
            return Ask(KEY, Look())
        if kind == 19:
            return Ask(KEY, Leave())
        made = Put if kind < 10 else Twice if kind < 14 else Go
        return Ask(KEY, made(next(self._values)))

    def last_calls(self, process: int, processes: int) -> Sequence[Ask]:
        """Everybody looks once more."""
        return [Ask(KEY, Look())]

    def heard(self, process: int, ask: Ask, outcome: Outcome[Any], answer: Answer | None) -> None:
        """Who has begun."""
        if isinstance(ask.call, Begin) and isinstance(outcome, Ok):
            self._only_looks[process] = process % LOOKERS_ONE_IN == LOOKERS_ONE_IN - 1

    def judges(self) -> Mapping[str, Judge]:
        """Lifetimes, and the numbers of replies."""
        from workloads.lifetimes import lifetimes

        return {
            "lifetimes": lifetimes,
            "replies": lambda history: replies(history, change_of_session),
        }


def change_of_session(deed: Deed) -> bool:
    """Whether such a call has one zxid, that of what it changed."""
    return isinstance(deed.call, Begin) and isinstance(deed.outcome, Ok)
