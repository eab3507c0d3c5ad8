"""Is there any order at all?

Depth first through positions, none visited twice, within a budget of steps. Complete: without a
budget it would find an order wherever there is one. Three arguments keep it small.

- A call that only observes, whose turn it is and which gets its answer, is placed at once: any
  order that has it later stays legal with it here, because it changes nothing.
- The next mzxid in line belongs to the next write that has one, so such writes have no choice.
- A crashed write that no mzxid speaks of is placed only where it is needed by the call right after
  it. In any order, such a write can be moved to just before the next call of its key; if that call
  can do without it, it can be left out.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass, field

from checker.contract.board import Board, Held
from checker.contract.calls import Call, Calls
from checker.contract.slots import Slots
from checker.model import NOTHING

Choice = tuple[Call, Held]


@dataclass(slots=True)
class Found:
    """What the search came back with: an order, or none (`exhausted`), or not enough time."""

    order: tuple[int, ...] | None = None
    exhausted: bool = False
    steps: int = 0
    deepest: tuple[int, ...] = ()
    held: dict[Hashable, Hashable] = field(default_factory=dict)
    stuck: Call | None = None
    placed: int = 0
    total: int = 0


@dataclass(slots=True)
class Branch:
    """A position with choices left: how many calls were placed there, and what is yet to try."""

    length: int
    choices: list[Choice] = field(default_factory=list)


def search(
    calls: Calls, slots: Slots, max_steps: int, fillers: Mapping[int, Call] | None = None
) -> Found:
    """Look for an order of these calls, for at most so many steps.

    With `fillers`, each slot at such a place is filled by that crashed call, which is used for
    nothing else: far fewer orders, and only those, so that finding none then proves nothing.
    """
    board = Board(calls, slots, fillers or {})
    found = Found(total=len(calls.done), placed=-1)
    seen = set()
    branches: list[Branch] = []
    while True:
        _observe(board)
        if not board.left:
            found.order = tuple(step.call.row for step in board.steps)
            found.placed = found.total
            return found
        found.steps += 1
        if found.steps > max_steps:
            _note_depth(board, found)
            return found
        position = board.position()
        if position not in seen:
            seen.add(position)
            branches.append(Branch(len(board.steps), list(_choices(board))[::-1]))
        while branches and not branches[-1].choices:
            _note_depth(board, found)
            board.undo(branches.pop().length)
        if not branches:
            found.exhausted = True
            return found
        board.undo(branches[-1].length)
        board.place(*branches[-1].choices.pop())


def _note_depth(board: Board, found: Found) -> None:
    """Remember the furthest dead end, and the call that had to return the soonest there."""
    placed = found.total - board.left
    if placed > found.placed:
        found.placed = placed
        found.deepest = tuple(step.call.row for step in board.steps)
        keys = board.history.keys
        found.held = {keys[key]: held.value for key, held in enumerate(board.held)}
        found.stuck = min(board.fronts(), key=lambda call: (call.returned, call.row))


def _observe(board: Board) -> None:
    """Place every call that only observes, as long as one gets its answer now."""
    placed = True
    while placed:
        placed = False
        horizon = board.horizon()
        for call in board.fronts():
            if call.writes or not board.is_due(call, horizon):
                continue
            if board.fits(call, board.held[call.key]):
                board.place(call, board.held[call.key])
                placed = True


def _choices(board: Board) -> Iterator[Choice]:
    """The writes that may come next; those that must return soonest first, crashed ones last."""
    horizon = board.horizon()
    due = [call for call in board.fronts() if board.is_due(call, horizon)]
    writes = [call for call in due if call.writes]
    for call in sorted(writes, key=lambda call: (call.returned, call.row)):
        if board.fits(call, board.held[call.key]):
            yield from _ways(board, call)
    tried = set()
    lost = [
        call
        for call in board.crashed
        if not board.used & board.bit[call.row] and board.is_due(call, horizon)
    ]
    for call in lost:
        if not board.fits(call, board.held[call.key]):
            continue
        kind = (call.key, call.does, call.row if call.row in board.reserved else None)
        if kind in tried:
            continue  # equal, and nothing waits for either: one will do
        tried.add(kind)
        for _, after in _ways(board, call):
            if after.stamp is not None or _is_needed(board, call, after, [*due, *lost]):
                yield call, after


def _ways(board: Board, call: Call) -> Iterator[Choice]:
    for after in board.leaves(call):
        if not board.loses(call, after):
            yield call, after


def _is_needed(board: Board, call: Call, after: Held, others: list[Call]) -> bool:
    """Whether some call could follow this one that could not without it."""
    before = board.held[call.key]
    return any(
        other.key == call.key
        and other is not call
        and not (other.does.needs is NOTHING and other.does.lacks is NOTHING)
        and board.fits(other, after)
        and not board.fits(other, before)
        for other in others
    )
