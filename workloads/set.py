"""Is everything that was ever added still there, and nothing else?

Members are unique children of a node (a key), added by all and listed by all, behind a sync or
locally. After some hundred members a key gives way to a fresh one, which keeps listings short.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import count
from typing import Any, Final

from checker.history import Deed
from checker.model import Model
from checker.models.set import Add, ListAll
from checker.outcome import DONE, Ok, Outcome
from workloads.listing import ListLocally, ListOrdered, SetWithListings
from workloads.membership import membership
from workloads.replies import replies
from workloads.workload import Answer, Ask, Draw, Judge, Synced

LIVE_KEYS: Final = 2
LISTERS_ONE_IN: Final = 3
MOST_MEMBERS: Final = 200  # tried for, a key; up to a tenth less


class Set:
    """The workload `set`."""

    name = "set"
    about = "members that are added once and listed ever after"
    least_processes = 1
    kinds: Sequence[str] = ("add", "read", "local-read")

    def __init__(self, synced: Synced = Synced.LINEARIZABLE) -> None:
        self.synced = synced
        if synced is Synced.ORDERED:
            self.kinds = ("add", "local-read")
        self._list: ListAll = ListAll() if synced is Synced.LINEARIZABLE else ListOrdered()
        self._values = count(1)
        self._names = count()
        self._left: dict[str, int] = {}  # of every key, how many members may still be tried for
        self._live: list[str] = []
        self._only_lists: dict[int, bool] = {}

    @property
    def model(self) -> Model[Any, Any, Any]:
        """Sets with local listings."""
        return SetWithListings()

    def calls(self, process: int, draw: Draw) -> Ask:
        """A listing, or as often a new member; some processes list and do nothing else.

        A server that has lost its quorum answers only those.
        """
        if process not in self._only_lists:
            self._only_lists[process] = draw(LISTERS_ONE_IN) == LISTERS_ONE_IN - 1
        while len(self._live) < LIVE_KEYS:
            self._live.append(self._fresh(draw))
        place = draw(LIVE_KEYS)
        if self._left[self._live[place]] <= 0:
            self._live[place] = self._fresh(draw)
        key = self._live[place]
        kind = draw(4 if self._only_lists[process] else 8)
        if kind < 2:
            return Ask(key, self._list)
        if kind < 4:
            return Ask(key, ListLocally())
        self._left[key] -= 1
        return Ask(key, Add(next(self._values)))

    def last_calls(self, process: int, processes: int) -> Sequence[Ask]:
        """Every process lists the keys in use; of the others each lists its share."""
        others = [name for name in self._left if name not in self._live]
        mine = [*self._live, *others[process % processes :: processes]]
        return [Ask(name, self._list) for name in mine]

    def heard(self, process: int, ask: Ask, outcome: Outcome[Any], answer: Answer | None) -> None:
        """Nothing that is asked depends on what was answered."""

    def judges(self) -> Mapping[str, Judge]:
        """Membership, and the numbers of replies."""
        return {
            "membership": membership,
            "replies": lambda history: replies(history, change_of_set),
        }

    def _fresh(self, draw: Draw) -> str:
        name = f"s{next(self._names)}"
        self._left[name] = MOST_MEMBERS - draw(MOST_MEMBERS // 10)
        return name


def change_of_set(deed: Deed) -> bool:
    """Whether such a call surely changed a set."""
    return isinstance(deed.call, Add) and deed.outcome == Ok(DONE)
