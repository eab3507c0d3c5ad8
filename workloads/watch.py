"""Is who watches a node told of each change before it sees the change, and of nothing else?

Nodes that are written by all, watched once or for as long as the session lives, and read. Sessions
move to other servers and take their watches with them. The answer to every call tells the version
that it saw, if any, and which events had come before it, in their order.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from checker.history import Deed
from checker.model import Model
from checker.outcome import Anything, Ok, Outcome
from workloads.replies import replies
from workloads.workload import Answer, Ask, Draw, Judge, Synced

KEYS: Final = ("w0", "w1", "w2")


@dataclass(frozen=True, slots=True)
class Read:
    """Read it behind a sync, and watch nothing."""


@dataclass(frozen=True, slots=True)
class Watch:
    """Read it as the server at hand knows it, and watch for the next change."""


@dataclass(frozen=True, slots=True)
class Stay:
    """Watch for every change from now on."""


@dataclass(frozen=True, slots=True)
class Write:
    """Change it."""


@dataclass(frozen=True, slots=True)
class Go:
    """Move to another server with all watches, and read it there."""


Call: TypeAlias = Read | Watch | Stay | Write | Go
_CALLS: Final[Mapping[str, type[Call]]] = {
    one.__name__.lower(): one for one in (Read, Watch, Stay, Write, Go)
}


@dataclass(frozen=True, slots=True)
class Told:
    """The version that a call saw, or None, and the events before it: of which key, at which zxid.

    A zxid is 0 where the server does not say it.
    """

    version: int | None
    events: tuple[tuple[str, int], ...] = ()


class Watches(Model[None, Call, Any]):
    """How the calls look in a file; what they may answer is judged session by session."""

    name = "watch"

    def initial(self) -> None:
        return None

    def apply(self, state: None, call: Call) -> tuple[None, Any]:
        raise NotImplementedError("which events have come no state predicts")

    def read_call(self, f: str, value: Any) -> Call:
        if f in _CALLS:
            return _CALLS[f]()
        raise ValueError(f"a watch has no call {f!r}; it knows {', '.join(_CALLS)}")

    def read_result(self, call: Call, value: Any) -> Told:
        if isinstance(value, tuple) and len(value) == 2 and isinstance(value[1], tuple):
            return Told(*value)
        raise ValueError("a call answers a pair [version, [[key, zxid] ...]]")

    def write_call(self, call: Call) -> tuple[str, Any]:
        return type(call).__name__.lower(), None

    def write_result(self, call: Call, result: Any) -> Any:
        return [result.version, [list(one) for one in result.events]]

    def tell(self, call: Call, result: Any | Anything) -> str:
        f, _ = self.write_call(call)
        if not isinstance(result, Told):
            return f"tried to {f}"
        saw = "" if result.version is None else f", saw version {result.version}"
        heard = ", ".join(key for key, _ in result.events) or "nothing"
        return f"{f}{saw}, had heard of {heard}"


class Watching:
    """The workload `watch`."""

    name = "watch"
    about = "nodes that are watched, changed and read, by sessions that move"
    least_processes = 2
    kinds: Sequence[str] = ("read", "watch", "stay", "write")

    def __init__(self, synced: Synced = Synced.LINEARIZABLE) -> None:
        self.synced = synced

    @property
    def model(self) -> Model[Any, Any, Any]:
        """Nodes that are watched."""
        return Watches()

    def calls(self, process: int, draw: Draw) -> Ask:
        """All kinds of calls, on few keys."""
        key, kind = KEYS[draw(len(KEYS))], draw(12)
        if kind < 4:
            return Ask(key, Watch())
        if kind < 6:
            return Ask(key, Read())
        if kind < 9:
            return Ask(key, Write())
        return Ask(key, Stay() if kind < 11 else Go())

    def last_calls(self, process: int, processes: int) -> Sequence[Ask]:
        """Whoever watches sees all once more."""
        return [Ask(key, Read()) for key in KEYS]

    def heard(self, process: int, ask: Ask, outcome: Outcome[Any], answer: Answer | None) -> None:
        """Nothing that is asked depends on what was answered."""

    def judges(self) -> Mapping[str, Judge]:
        """Events, and the numbers of replies."""
        from workloads.hearing import hearing

        return {
            "hearing": hearing,
            "replies": lambda history: replies(history, change_of_watch),
        }


def change_of_watch(deed: Deed) -> bool:
    """Whether such a call surely changed a node."""
    return isinstance(deed.call, Write) and isinstance(deed.outcome, Ok)
