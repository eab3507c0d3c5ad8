"""Does a lock have one holder at a time, and does what it guards notice those who lost it?

The lock recipe: whoever wants the lock makes an ephemeral sequential node, and holds the lock while
no smaller one is there. What the lock guards, the resource, is written together with a check that
the holder's node is still there; giving the lock back deletes the node in the same way. So each of
these calls has one zxid, and tells that the holder's node was there then.

A holder that was cut off may believe in its lock for a while: that two clients believe at once is
no wrong of the service, and only counted. See `tenures` for what is wrong.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from checker.history import Deed
from checker.model import Model
from checker.outcome import Anything, Ok, Outcome, Refused
from workloads.replies import replies
from workloads.workload import Answer, Ask, Draw, Judge, Synced

LOCKS: Final = 2
HELD: Final = Refused("held")
LOST: Final = Refused("lost")
"""The holder's own node was not there, though its session lived."""


@dataclass(frozen=True, slots=True)
class Acquire:
    """Wait a while for the lock; refused ("held") if others keep it."""


@dataclass(frozen=True, slots=True)
class Use:
    """Write to what the lock guards, as its holder."""


@dataclass(frozen=True, slots=True)
class Release:
    """Give the lock back."""


Call: TypeAlias = Acquire | Use | Release


@dataclass(frozen=True, slots=True)
class Held:
    """The number of the holder's node, and the zxid at which it was made."""

    number: int
    made: int


class Lock(Model[None, Call, Any]):
    """How the calls look in a file; what they may answer is judged by their zxids."""

    name = "lock"

    def initial(self) -> None:
        return None

    def apply(self, state: None, call: Call) -> tuple[None, Any]:
        raise NotImplementedError("a lock that may be lost at any time predicts no answer")

    def read_call(self, f: str, value: Any) -> Call:
        match f:
            case "acquire":
                return Acquire()
            case "use":
                return Use()
            case "release":
                return Release()
            case _:
                raise ValueError(f"a lock has no call {f!r}; it knows acquire, use, release")

    def read_result(self, call: Call, value: Any) -> Held:
        if isinstance(value, tuple) and len(value) == 2:
            return Held(*value)
        raise ValueError("a lock answers a pair [number of the holder, zxid of its node]")

    def refusal(self, call: Call, error: str | None) -> Refused | None:
        return next((one for one in (HELD, LOST) if one.code == error), None)

    def write_call(self, call: Call) -> tuple[str, Any]:
        return type(call).__name__.lower(), None

    def write_result(self, call: Call, result: Any) -> Any:
        return [result.number, result.made] if isinstance(result, Held) else None

    def tell(self, call: Call, result: Any | Anything) -> str:
        what = {Acquire: "acquire the lock", Use: "use it", Release: "release it"}[type(call)]
        if isinstance(result, Held):
            return f"did {what} as number {result.number}"
        told = f", but it was {result.code}" if isinstance(result, Refused) else ""
        return f"tried to {what}{told}"


class Locks:
    """The workload `lock`."""

    name = "lock"
    about = "locks on ephemeral sequential nodes, and what they guard"
    least_processes = 2
    kinds: Sequence[str] = ("acquire", "use", "release")

    def __init__(self, synced: Synced = Synced.LINEARIZABLE) -> None:
        self.synced = synced
        self._holds: dict[int, str] = {}  # process -> key

    @property
    def model(self) -> Model[Any, Any, Any]:
        """Locks that can be lost."""
        return Lock()

    def calls(self, process: int, draw: Draw) -> Ask:
        """Whoever holds a lock uses it a few times and gives it back; others want one."""
        held = self._holds.get(process)
        if held is None:
            return Ask(f"l{draw(LOCKS)}", Acquire())
        return Ask(held, Use() if draw(4) else Release())

    def last_calls(self, process: int, processes: int) -> Sequence[Ask]:
        """Whoever holds a lock gives it back."""
        held = self._holds.get(process)
        return [Ask(held, Release())] if held else []

    def heard(self, process: int, ask: Ask, outcome: Outcome[Any], answer: Answer | None) -> None:
        """Who holds what."""
        match ask.call, outcome:
            case Acquire(), Ok(Held()):
                self._holds[process] = ask.key
            case Use(), Ok(Held()):
                pass
            case ((Use() | Release()), _):
                self._holds.pop(process, None)
            case _:
                pass

    def judges(self) -> Mapping[str, Judge]:
        """Tenures, and the numbers of replies."""
        from workloads.tenures import tenures

        return {
            "tenures": tenures,
            "replies": lambda history: replies(history, change_of_lock),
        }


def change_of_lock(deed: Deed) -> bool:
    """Whether such a call surely wrote to what the lock guards."""
    return (
        isinstance(deed.call, Use | Release)
        and isinstance(deed.outcome, Ok)
        and isinstance(deed.outcome.result, Held)
    )
