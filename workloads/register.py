"""Does each key hold what was last written, and does nobody read what is too old or too new?

Many keys, each a register: reads behind a sync or local ones, writes of values that are never
written twice, and compare-and-sets that expect a value somebody has seen. Synced reads and writes
are judged as linearizable, key by key; all calls together by what ZooKeeper promises of local
reads; and every reply's zxid, version and mzxid by what such numbers may be.

A write in doubt stays concurrent with everything after it, so a key that has too many of them gives
way to a fresh one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any, Final

from checker.model import Model
from checker.models.register import Cas, Read, Write
from checker.models.zookeeper import LocalRead, ZooKeeperRegister
from checker.outcome import DONE, Ok, Outcome, Unknown
from workloads.judges import by_contract, linearizable
from workloads.replies import change_of_register, replies, versions
from workloads.workload import Answer, Ask, Draw, Judge, Synced

LIVE_KEYS: Final = 5
MOST_IN_DOUBT: Final = 6  # writes to a key, before it gives way
READERS_ONE_IN: Final = 3
MOST_CALLS: Final = 2000  # to a key; up to a tenth less, so that keys do not end together


@dataclass(frozen=True, slots=True)
class OrderedRead(LocalRead):
    """A read behind a sync, of a service whose sync does not make it newer for sure."""


@dataclass(slots=True)
class _Key:
    """A key in use, and what became of calls to it."""

    name: str
    left: int
    in_doubt: int = 0
    value: Any = None  # somebody saw or wrote it lately


class Register:
    """The workload `register`."""

    name = "register"
    about = "registers that are read, written and compared-and-set, many at once"
    least_processes = 1
    kinds: Sequence[str] = ("read", "local-read", "write", "cas")

    def __init__(self, synced: Synced = Synced.LINEARIZABLE) -> None:
        self.synced = synced
        if synced is Synced.ORDERED:
            self.kinds = ("local-read", "write", "cas")
        self._read: Read = Read() if synced is Synced.LINEARIZABLE else OrderedRead()
        self._values = count(1)
        self._names = count()
        self._live: list[_Key] = []
        self._all: dict[str, _Key] = {}
        self._only_reads: dict[int, bool] = {}

    @property
    def model(self) -> Model[Any, Any, Any]:
        """Registers with local reads."""
        return ZooKeeperRegister()

    def calls(self, process: int, draw: Draw) -> Ask:
        """A read, more or less often a write; on a key that all processes use.

        Some processes only read, all their life: a server that has lost its quorum, and does not
        know, answers nobody who writes, and so nobody would hear of what it tells its readers.
        """
        if process not in self._only_reads:
            self._only_reads[process] = draw(READERS_ONE_IN) == READERS_ONE_IN - 1
        while len(self._live) < LIVE_KEYS:
            self._live.append(self._fresh(draw))
        place = draw(LIVE_KEYS)
        key = self._live[place]
        if key.left <= 0 or key.in_doubt >= MOST_IN_DOUBT:
            key = self._live[place] = self._fresh(draw)
        key.left -= 1
        kind = draw(5 if self._only_reads[process] else 10)
        if kind < 3:
            return Ask(key.name, self._read)
        if kind < 5:
            return Ask(key.name, LocalRead())
        if kind < 8 or key.value is None:
            return Ask(key.name, Write(next(self._values)))
        return Ask(key.name, Cas(key.value, next(self._values)))

    def last_calls(self, process: int, processes: int) -> Sequence[Ask]:
        """Every process reads the keys in use; of the others each reads its share."""
        live = [key.name for key in self._live]
        others = [name for name in self._all if name not in live]
        return [
            Ask(name, self._read) for name in [*live, *others[process % processes :: processes]]
        ]

    def heard(self, process: int, ask: Ask, outcome: Outcome[Any], answer: Answer | None) -> None:
        """Remember a value for a later compare-and-set, and count what is in doubt."""
        key = self._all[ask.key]
        match ask.call, outcome:
            case ((Write() | Cas()), Unknown()):
                key.in_doubt += 1
            case Read(), Ok(value) if value is not None:
                key.value = value
            case Write(value), Ok(result) if result is DONE:
                key.value = value
            case Cas(_, new), Ok(result) if result is DONE:
                key.value = new
            case _:
                pass

    def judges(self) -> Mapping[str, Judge]:
        """Linearizable per key, ZooKeeper's contract over all keys, and the numbers of replies."""
        return {
            "linearizable": linearizable,
            "contract": by_contract,
            "replies": lambda history: replies(history, change_of_register),
            "versions": versions,
        }

    def _fresh(self, draw: Draw) -> _Key:
        key = _Key(f"r{next(self._names)}", MOST_CALLS - draw(MOST_CALLS // 10))
        self._all[key.name] = key
        return key
