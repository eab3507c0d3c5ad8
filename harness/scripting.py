"""Which calls and faults does a saved history hold, to be made again?

Rules of this file:
1. Every call keeps its client, its order and its time; what was answered is not asked for again.
2. No value is written twice: each write gets a number of its own instead of its value, and a
   compare-and-set expects the number that its old value had last.
3. A call that nobody here can make is refused, and no call is left out in silence.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from itertools import count
from types import MappingProxyType
from typing import Any, Final

from checker.history import ABSENT_NS, History
from checker.models.register import Cas, Read, Write
from checker.models.set import Add, ListAll
from checker.models.zookeeper import LocalRead
from harness.fault_notes import held_of
from harness.script import NANO, Cue, Script
from workloads.listing import ListLocally, ListOrdered
from workloads.lock import Acquire, Release, Use
from workloads.register import OrderedRead
from workloads.workload import Ask, Synced

WORKLOAD_OF: Final[Mapping[str, str]] = MappingProxyType(
    {
        "register": "register",
        "cas-register": "register",
        "zookeeper": "register",
        "set": "set",
        "set-with-listings": "set",
        "lock": "lock",
    }
)
"""Which workload has the calls of a model."""
_STEP_NS: Final = 1_000_000  # from one call to the next, where a history has no times
_CHANGES: Final = (Write, Cas, Add)


class NoScript(ValueError):
    """This history cannot be made again; the message is for the user."""


def script_of(history: History, model: str, synced: Synced, nodes: Sequence[str]) -> Script:
    """All of it. `nodes` are those of the cluster, which those of the history stand for."""
    if model not in WORKLOAD_OF:
        known = ", ".join(WORKLOAD_OF)
        raise NoScript(f"calls of the model {model} cannot be made again; those of {known} can")
    if not len(history):
        raise NoScript(f"{history.source} holds no call")
    place_of = places(history)
    began, over = _phase(history, "load"), _phase(history, "last calls")
    if began is None:
        began = min(history.called) if history.has_times else 0
    ask_of = _Asks(history, synced)
    parts: list[list[Cue]] = [[] for _ in range(max(place_of.values()) + 1)]
    for row in range(len(history)):
        at_ns = history.called[row] if history.has_times else history.called[row] * _STEP_NS
        if over is not None and at_ns >= over:
            break  # what is asked when all is healed is asked anew
        part = parts[place_of[history.process[row]]]
        part.append(Cue(max(0, at_ns - began), ask_of(row)))
    held = held_of(history.notes, began, nodes)
    return Script(
        parts=parts,
        held=held,
        last=ask_of.last(),
        faults_ns=min((one.watch_ns for one in held), default=0),
    )


def places(history: History) -> Mapping[int, int]:
    """The client of each process. A process that was left in doubt is followed by another of the
    same client, whose number is greater by the number of clients: that number is found here.
    """
    began: dict[int, int] = {}
    ended: dict[int, int] = {}
    for row, process in enumerate(history.process):
        began.setdefault(process, history.called[row])
        ended[process] = max(history.called[row], history.returned[row])
        if history.returned[row] == ABSENT_NS:
            ended[process] = history.called[row]
    for clients in range(1, max(began) + 2):
        if _no_two_at_once(began, ended, clients):
            return {process: process % clients for process in began}
    raise NoScript(f"{history.source}: a process makes two calls at once")


def _no_two_at_once(began: Mapping[int, int], ended: Mapping[int, int], clients: int) -> bool:
    busy: dict[int, int] = {}
    for process in sorted(began, key=began.__getitem__):
        place = process % clients
        if place in busy and busy[place] > began[process]:
            return False
        busy[place] = ended[process]
    return True


def _phase(history: History, name: str) -> int | None:
    """When this phase began."""
    for note in history.notes:
        if (note.process, note.f, note.value) == ("run", "phase", name):
            return note.time_ns
    return None


class _Asks:
    """The calls of a history as they can be made again."""

    def __init__(self, history: History, synced: Synced) -> None:
        self._history = history
        self._ordered = synced is Synced.ORDERED
        self._numbers = count(1)
        self._number_of: dict[tuple[int, Hashable], int] = {}  # key, value -> as it was last
        self._keys: dict[str, Any] = {}  # in the order of their first calls -> a last look at it

    def __call__(self, row: int) -> Ask:
        history = self._history
        key, call = history.key[row], history.deeds[history.deed[row]].call
        name = _name(history.keys[key])
        made = self._made(key, call)
        look = self._look(made)
        if look is not None:
            self._keys[name] = look
        return Ask(name, made)

    def last(self) -> Sequence[Ask]:
        """A look at every key, behind a sync."""
        return [Ask(key, look) for key, look in self._keys.items()]

    def _made(self, key: int, call: Any) -> Any:
        match call:
            case ListLocally() | LocalRead() | Acquire() | Use() | Release():
                return call
            case Read() | ListAll():
                return self._look(call)
            case Write(value):
                return Write(self._new(key, value))
            case Add(value):
                return Add(self._new(key, value))
            case Cas(old, new):
                # Of a value that nobody wrote: one that nobody will write.
                expected = self._number_of.get((key, old), 0)
                return Cas(expected, self._new(key, new))
            case _:
                told = type(call).__name__
                raise NoScript(f"{self._history.source}: nobody here can make the call {told}")

    def _new(self, key: int, value: Hashable) -> int:
        number = self._number_of[key, value] = next(self._numbers)
        return number

    def _look(self, call: Any) -> Any:
        looks: Sequence[tuple[Any, Callable[[], Any], Callable[[], Any]]] = (
            ((Read, Write, Cas), Read, OrderedRead),
            ((ListAll, Add), ListAll, ListOrdered),
        )
        for kinds, newest, ordered in looks:
            if isinstance(call, kinds):
                return ordered() if self._ordered else newest()
        return None


def _name(key: Hashable) -> str:
    """A key as a name of ours."""
    return "only" if key is None else "".join(c if c.isalnum() else "-" for c in str(key))


def seconds_of(script: Script) -> float:
    """How long it takes."""
    calls = [part[-1].at_ns for part in script.parts if part]
    faults = [one.free_ns for one in script.held]
    return max([*calls, *faults]) / NANO
