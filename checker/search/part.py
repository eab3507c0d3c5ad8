"""Which calls must be judged together, and in what order did they begin and end?

A part is the calls of one key (and of one partition of the model) as numbers: call i of the part
is row `rows[i]` of the history. Calls that surely had no effect are left out, and so are calls
that nobody heard the end of and that change nothing whatever they answered: leaving them out of
an order is always allowed, and putting them in changes nothing.
"""

from __future__ import annotations

from typing import Any, Final

from checker.history import History
from checker.model import Model
from checker.outcome import ANYTHING, Failed, Ok
from checker.search.space import OBSERVES, OTHER, CellSpace, ModelSpace, Space

CHUNK: Final = 1 << 16
NEVER: Final = 1 << 60
"""Where in the log a crashed call ends: behind everything."""
UNASKED: Final = -1
"""Instead of a class: the model was not asked yet."""


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
        self.growing = False  # whether no call takes anything from a state


class Options:
    """Which reductions the search may use; all of them, but for tests."""

    def __init__(
        self,
        *,
        hints: bool = True,
        cell: bool = True,
        interchange: bool = True,
        dominance: bool = True,
        vanish: bool = True,
        rename: bool = True,
        blur: bool = True,
        growth: bool = True,
    ) -> None:
        self.hints = hints
        self.cell = cell
        self.interchange = interchange
        self.dominance = dominance
        self.vanish = vanish
        self.rename = rename
        self.blur = blur
        self.growth = growth


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
    divided = type(model).partition is not Model.partition  # else do not ask a million times
    for deed in history.deeds:
        outcome = deed.outcome
        heard = isinstance(outcome, Ok)
        crashed.append(not heard)
        keep.append(
            not isinstance(outcome, Failed)
            and (heard or not model.observes_only(deed.call, ANYTHING))
        )
        which = model.partition(deed.call) if divided else None
        number = partitions.get(which, -1)
        if number < 0:
            number = len(partitions)
            partitions[which] = number
        partition.append(number)
    return keep, crashed, partition


class Classes:
    """Gives the calls of parts their classes; parts share what they learn of the model."""

    def __init__(self, history: History, model: Any, options: Options) -> None:
        self.history = history
        self.model = model
        self.options = options
        self.cells = CellSpace(model.initial())
        self.space = ModelSpace(model, hints=options.hints)
        self.touches: list[int] = [UNASKED] * len(history.deeds)  # the class, of a cell's deeds
        self.general: list[int] = [UNASKED] * len(history.deeds)
        self.cell = options.hints and options.cell

    def classify(self, part: Part) -> None:
        """Fill in the part's classes and space."""
        if self.cell and self._touch(part.deeds):
            part.space = self.cells
            part.cell = True
            part.cls = [self.touches[deed] for deed in part.deeds]
            if self.options.rename:
                self._rename(part.cls)
            return
        part.space = self.space
        for deed in part.deeds:
            if self.general[deed] == UNASKED:
                call, outcome = self.history.deeds[deed]
                result = outcome.result if isinstance(outcome, Ok) else ANYTHING
                self.general[deed] = self.space.cls(call, result)
        part.cls = [self.general[deed] for deed in part.deeds]
        space = self.space
        part.growing = self.options.growth and all(
            space.kind[cls] == OBSERVES or space.grows[cls] for cls in set(part.cls)
        )

    def _touch(self, deeds: list[int]) -> bool:
        """Find out how each deed touches a cell; False if some deed is no such thing."""
        touches, cells = self.touches, self.cells
        of_history, access_of = self.history.deeds, self.model.access
        for deed in deeds:
            if touches[deed] == UNASKED:
                call, outcome = of_history[deed]
                result = outcome.result if isinstance(outcome, Ok) else ANYTHING
                access = access_of(call, result)
                if access is None:
                    return False
                touches[deed] = cells.cls(
                    cells.number(access.needs),
                    cells.number(access.lacks),
                    cells.number(access.puts),
                )
        return True

    def _rename(self, classes: list[int]) -> None:
        """Let calls that put a value which no call of the part names put the same one, `OTHER`."""
        cells = self.cells
        needs, lacks, puts = cells.needs, cells.lacks, cells.puts
        distinct = set(classes)
        named: set[int] = set()
        for cls in distinct:
            if needs[cls] >= 0:
                named.add(needs[cls])
            if lacks[cls] >= 0:
                named.add(lacks[cls])
        renamed: dict[int, int] = {}
        for cls in distinct:
            if puts[cls] > 0 and puts[cls] not in named:
                renamed[cls] = cells.cls(needs[cls], lacks[cls], OTHER)
        if renamed:
            classes[:] = [renamed.get(cls, cls) for cls in classes]
