"""Which states are there, and where does a call lead from each?

States, and the classes of calls that behave alike, become small numbers here, so that the search
compares numbers only. A class is a call with its answer (or with none, for a call nobody heard
the end of); what it does to a state is worked out once and remembered.

Rules of this file: `step` answers -1 where the class cannot happen, a state, or, for objects that
have a choice, `-2 - n` for the n-th entry of `choices`.
"""

from __future__ import annotations

from typing import Any, Final

from checker.model import NOTHING
from checker.outcome import ANYTHING

OBSERVES: Final = 0
"""Changes no state, given its answer: taken as soon as it fits."""
OVERWRITES: Final = 1
"""Possible everywhere, and leads from everywhere to one state: may vanish behind another such."""
CHANGES: Final = 2
"""Anything else."""

IMPOSSIBLE: Final = -1
OTHER: Final = 1
"""In a cell: the state that stands for every value that no call of the part names."""


class Space:
    """States and classes as numbers. State 0 is the initial one."""

    def __init__(self) -> None:
        self.kind: list[int] = []
        self.choices: list[list[int]] = []

    def step(self, state: int, cls: int) -> int:
        """Where `cls` leads from `state`."""
        raise AssertionError("a space knows its steps")

    def outgrown(self, state: int, cls: int) -> bool:
        """Whether `cls`, an observer, fits neither this state nor any that has grown from it."""
        return False

    def state(self, number: int) -> Any:
        """The state with this number."""
        raise AssertionError("a space knows its states")

    def __len__(self) -> int:
        raise AssertionError("a space knows its states")


class ModelSpace(Space):
    """The states of any model, found by `outcomes` as the search meets them."""

    def __init__(self, model: Any, *, hints: bool) -> None:
        super().__init__()
        self.model = model
        self.hints = hints
        self.numbers: dict[Any, int] = {}
        self.states: list[Any] = []
        self.steps: list[dict[int, int]] = []
        self.classes: dict[tuple[Any, Any], int] = {}
        self.meaning: list[tuple[Any, Any]] = []
        self.grows: list[bool] = []  # by class
        self.outgrowths: dict[tuple[int, int], bool] = {}
        self.number(model.initial())

    def number(self, state: Any) -> int:
        """The number of this state."""
        known = self.numbers.get(state, -1)
        if known >= 0:
            return known
        made = len(self.states)
        self.numbers[state] = made
        self.states.append(state)
        self.steps.append({})
        return made

    def cls(self, call: Any, result: Any) -> int:
        """The class of this call with this answer."""
        known = self.classes.get((call, result), -1)
        if known >= 0:
            return known
        made = len(self.meaning)
        self.classes[call, result] = made
        self.meaning.append((call, result))
        self.grows.append(self.hints and bool(self.model.grows(call, result)))
        if self.hints and self.model.observes_only(call, result):
            self.kind.append(OBSERVES)
        elif self.hints and self.model.overwrites(call, result):
            self.kind.append(OVERWRITES)
        else:
            self.kind.append(CHANGES)
        return made

    def step(self, state: int, cls: int) -> int:
        row = self.steps[state]
        known = row.get(cls, -99)
        if known != -99:
            return known
        call, result = self.meaning[cls]
        after: list[int] = []
        for reached, said in self.model.outcomes(self.states[state], call):
            if result is ANYTHING or said == result:
                number = self.number(reached)
                if number not in after:
                    after.append(number)
        answer = IMPOSSIBLE
        if len(after) == 1:
            answer = after[0]
        elif after:
            self.choices.append(after)
            answer = -1 - len(self.choices)
        row[cls] = answer
        return answer

    def outgrown(self, state: int, cls: int) -> bool:
        known = self.outgrowths.get((state, cls))
        if known is None:
            call, result = self.meaning[cls]
            known = bool(self.model.outgrown(self.states[state], call, result))
            self.outgrowths[state, cls] = known
        return known

    def state(self, number: int) -> Any:
        return self.states[number]

    def __len__(self) -> int:
        return len(self.states)


class CellSpace(Space):
    """The states of a single cell, where a class is what it needs, lacks and puts.

    Values that no call of a part needs or lacks cannot be told apart by its calls: `OTHER` stands
    for all of them. (Renaming them leaves every answer of the part as it was.)
    """

    def __init__(self, initial: Any) -> None:
        super().__init__()
        self.numbers: dict[Any, int] = {initial: 0}
        self.values: list[Any] = [initial, "some other value"]
        self.classes: dict[tuple[int, int, int], int] = {}
        self.needs: list[int] = []
        self.lacks: list[int] = []
        self.puts: list[int] = []

    def number(self, value: Any) -> int:
        """The number of this value; -1 stands for no value."""
        if value is NOTHING:
            return -1
        known = self.numbers.get(value, -1)
        if known >= 0:
            return known
        made = len(self.values)
        self.numbers[value] = made
        self.values.append(value)
        return made

    def cls(self, needs: int, lacks: int, puts: int) -> int:
        """The class of calls that touch the cell so."""
        known = self.classes.get((needs, lacks, puts), -1)
        if known >= 0:
            return known
        made = len(self.kind)
        self.classes[needs, lacks, puts] = made
        self.needs.append(needs)
        self.lacks.append(lacks)
        self.puts.append(puts)
        if puts < 0 or puts == needs:
            self.kind.append(OBSERVES)
        elif needs < 0 and lacks < 0:
            self.kind.append(OVERWRITES)
        else:
            self.kind.append(CHANGES)
        return made

    def step(self, state: int, cls: int) -> int:
        needs = self.needs[cls]
        if (needs >= 0 and needs != state) or self.lacks[cls] == state:
            return IMPOSSIBLE
        puts = self.puts[cls]
        return state if puts < 0 else puts

    def state(self, number: int) -> Any:
        return self.values[number]

    def __len__(self) -> int:
        return len(self.values)
