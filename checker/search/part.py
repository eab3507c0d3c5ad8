"""Which calls must be judged together, and in what order did they begin and end?

A part is the calls of one key (and of one partition of the model) as numbers: call i of the part
is row `rows[i]` of the history. Calls that surely had no effect are left out, and so are calls
that nobody heard the end of and that change nothing whatever they answered: leaving them out of
an order is always allowed, and putting them in changes nothing.
"""

from __future__ import annotations

from typing import Any, Final

from checker.history import History
from checker.outcome import ANYTHING, Failed, Ok
from checker.search.space import OTHER, CellSpace, ModelSpace, Space

CHUNK: Final = 1 << 16
NEVER: Final = 1 << 60
"""Where in the log a crashed call ends: behind everything."""


class Part:
    """The calls of one part; `log` has 2 * i where call i begins and 2 * i + 1 where it ends.

    `ends` is by call: the place in the log of its end.
    """

    def __init__(self, key: Any) -> None:
        self.key = key
        self.rows: list[int] = []
        self.deeds: list[int] = []
        self.log: list[int] = []
        self.ends: list[int] = []
        self.returns = 0
        self.cls: list[int] = []
        self.crashed: list[bool] = []
        self.space: Space = Space()
        self.cell = False


class Options:
    """Which reductions the search may use; all of them, but for tests."""

    def __init__(
        self,
        hints: bool = True,
        cell: bool = True,
        interchange: bool = True,
        dominance: bool = True,
        vanish: bool = True,
        rename: bool = True,
    ) -> None:
        self.hints = hints
        self.cell = cell
        self.interchange = interchange
        self.dominance = dominance
        self.vanish = vanish
        self.rename = rename


def split(history: History, model: Any) -> list[Part]:
    """The parts of the history, in the order in which their first calls began."""
    keep, crashed, partition = _deeds(history, model)
    parts: dict[tuple[int, int], Part] = {}
    by_key: list[Part | None] = [None] * len(history.keys)
    single = max(partition, default=0) == 0
    deeds, keys = history.deed, history.key
    part_of = [Part(None)] * len(history)
    local = [-1] * len(history)
    moments = history.moments
    for start in range(0, len(moments), CHUNK):
        for moment in moments[start : start + CHUNK].tolist():
            row = moment >> 1
            if moment & 1:
                call = local[row]
                if call >= 0:
                    owner = part_of[row]
                    owner.ends[call] = len(owner.log)
                    owner.log.append(2 * call + 1)
                    owner.returns += 1
                continue
            deed = deeds[row]
            if not keep[deed]:
                continue
            key = keys[row]
            part = by_key[key]
            if part is None or not single:
                part = parts.get((key, partition[deed]))
                if part is None:
                    part = Part(history.keys[key])
                    parts[key, partition[deed]] = part
                by_key[key] = part
            call = len(part.rows)
            local[row] = call
            part_of[row] = part
            part.rows.append(row)
            part.deeds.append(deed)
            part.log.append(2 * call)
            part.ends.append(NEVER)
            part.crashed.append(crashed[deed])
    return list(parts.values())


def _deeds(history: History, model: Any) -> tuple[list[bool], list[bool], list[int]]:
    """Of every deed: does it count, has it no end, and in which partition is its call?"""
    keep: list[bool] = []
    crashed: list[bool] = []
    partition: list[int] = []
    partitions: dict[Any, int] = {None: 0}
    for deed in history.deeds:
        outcome = deed.outcome
        heard = isinstance(outcome, Ok)
        crashed.append(not heard)
        keep.append(
            not isinstance(outcome, Failed)
            and (heard or not model.observes_only(deed.call, ANYTHING))
        )
        which = model.partition(deed.call)
        number = partitions.get(which, -1)
        if number < 0:
            number = len(partitions)
            partitions[which] = number
        partition.append(number)
    return keep, crashed, partition


class Touch:
    """How a deed touches a cell, as numbers; `cls` is its class if no value is renamed."""

    def __init__(self, needs: int, lacks: int, puts: int, cls: int, renamed: int) -> None:
        self.needs = needs
        self.lacks = lacks
        self.puts = puts
        self.cls = cls
        self.renamed = renamed


class Classes:
    """Gives the calls of parts their classes; parts share what they learn of the model."""

    def __init__(self, history: History, model: Any, options: Options) -> None:
        self.history = history
        self.model = model
        self.options = options
        self.cells = CellSpace(model.initial())
        self.space = ModelSpace(model, options.hints)
        self.touches: list[Touch | None] = [None] * len(history.deeds)
        self.general: list[int] = [-1] * len(history.deeds)
        self.cell = options.hints and options.cell

    def classify(self, part: Part) -> None:
        """Fill in the part's classes and space."""
        distinct = set(part.deeds)
        if self.cell and self._touch(distinct):
            part.space = self.cells
            part.cell = True
            part.cls = self._cell_classes(part, distinct)
            return
        part.space = self.space
        for deed in distinct:
            if self.general[deed] < 0:
                call, outcome = self.history.deeds[deed]
                result = outcome.result if isinstance(outcome, Ok) else ANYTHING
                self.general[deed] = self.space.cls(call, result)
        part.cls = [self.general[deed] for deed in part.deeds]

    def _touch(self, distinct: set[int]) -> bool:
        """Find out how each deed touches a cell; False if some deed is no such thing."""
        for deed in distinct:
            if self.touches[deed] is None:
                call, outcome = self.history.deeds[deed]
                result = outcome.result if isinstance(outcome, Ok) else ANYTHING
                access = self.model.access(call, result)
                if access is None:
                    return False
                cells = self.cells
                needs, lacks = cells.number(access.needs), cells.number(access.lacks)
                puts = cells.number(access.puts)
                cls = cells.cls(needs, lacks, puts)
                renamed = cells.cls(needs, lacks, OTHER) if puts > 0 else cls
                self.touches[deed] = Touch(needs, lacks, puts, cls, renamed)
        return True

    def _cell_classes(self, part: Part, distinct: set[int]) -> list[int]:
        """The class of each call, where values that no call names are all the same to the part."""
        named: set[int] = set()
        touches = self.touches
        for deed in distinct:
            touch = touches[deed]
            assert touch is not None
            named.add(touch.needs)
            named.add(touch.lacks)
        classes: list[int] = []
        rename = self.options.rename
        for deed in part.deeds:
            touch = touches[deed]
            assert touch is not None
            if rename and touch.puts > 0 and touch.puts not in named:
                classes.append(touch.renamed)
            else:
                classes.append(touch.cls)
        return classes
