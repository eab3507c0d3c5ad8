"""Would the tests notice if the search, or what checks it, were wrong?

Each mutation is one plausible mistake. A copy of the checker that has it must fail the run of
`tests.checker.agreement`, and the checker as it is must pass it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
HISTORIES = 6_000
"""How many histories a mutant may survive before it counts as alive."""


@dataclass(frozen=True, slots=True)
class Mutation:
    """In `file`, `new` in place of `old`: the mistake `what`, seen in histories of these models."""

    what: str
    file: str
    old: str
    new: str
    models: tuple[str, ...] = ("cas-register",)


ALWAYS_TRIED = (
    Mutation(
        "a spare call that vanishes lets others vanish",
        "search/moves.py",
        "found.append(self.vanished(c, own))",
        "found.append(self.vanished(c, own))\n"
        "            found[-1].spare = self.spared(layer, found[-1].placed)",
    ),
    Mutation(
        "a write of the value that stands is not tried",
        "search/moves.py",
        "if reached == IMPOSSIBLE:\n                continue\n            if self.interchange:",
        "if reached in (IMPOSSIBLE, c.state):\n                continue\n"
        "            if self.interchange:",
    ),
    Mutation(
        "the slot of a call that vanished stays spare",
        "search/moves.py",
        "c.spare & ~own.bit,",
        "c.spare,",
    ),
    Mutation(
        "one configuration makes another superfluous that has placed more observers",
        "search/memory.py",
        "if other.seen & ~c.seen or other.spare & ~c.spare:",
        "if c.seen & ~other.seen or other.spare & ~c.spare:",
    ),
    Mutation(
        "one configuration makes another superfluous that has used fewer crashed calls",
        "search/memory.py",
        "((other.used | borrow) - c.used) & borrow",
        "((c.used | borrow) - other.used) & borrow",
    ),
    Mutation(
        "a crashed call takes effect as often as one likes",
        "search/moves.py",
        "c.used + (1 << enabled.shift),",
        "c.used,",
    ),
    Mutation(
        "depth first forgets that it forgot",
        "search/depth.py",
        "self.forgot = self.forgot or len(kept) < len(self.stack)",
        "self.forgot = False",
    ),
    Mutation(
        "of several ways that a call may go only one is followed",
        "search/space.py",
        "if len(after) == 1:",
        "if after:",
        ("lossy-register",),
    ),
    Mutation(
        "values that only refused calls name are renamed",
        "search/part.py",
        "            if lacks[cls] >= 0:\n                named.add(lacks[cls])\n",
        "",
    ),
    Mutation(
        "a wall begins where it ends",
        "search/refute.py",
        "start = starts[wall] if wall",
        "start = ends[wall] if wall",
    ),
    Mutation(
        "chains are put in order of their first end",
        "search/unique.py",
        "min(chain.first_end, chain.last_start) * size",
        "chain.first_end * size",
    ),
    Mutation(
        "of two calls at the same time, one precedes the other",
        "history.py",
        "(returned[m >> 1], 1) if m & 1 else (called[m >> 1], 0)",
        "(returned[m >> 1], 0) if m & 1 else (called[m >> 1], 1)",
    ),
    Mutation(
        "the certificate lets a call stand behind one that began after it",
        "certificate.py",
        "if latest_called_ns is None or op.called_ns > latest_called_ns:",
        "if op.called_ns >= 0:",
    ),
    Mutation(
        "the order of the zxids is believed",
        "witness.py",
        "return order if not complaint(ops, model, [index[row] for row in order]) else None",
        "return order if index or ops else None",
    ),
)

TRIED_IN_FULL = (
    Mutation(
        "a blurred call lacks the other values, too",
        "search/one_value.py",
        "same if lacks == value else -1, puts",
        "same if lacks == value else other if lacks >= 0 else -1, puts",
    ),
    Mutation(
        "a call that is placed becomes spare",
        "search/moves.py",
        "layer.overwriters & ~placed if",
        "layer.overwriters if",
    ),
    Mutation(
        "a compare-and-set lets others vanish",
        "search/moves.py",
        "changed |= changer.bit",
        "changed |= changer.bit\n            spare = self.spared(layer, placed)",
    ),
    Mutation(
        "only what may vanish is tried where a call may vanish",
        "search/moves.py",
        "            found.append(self.vanished(c, own))",
        "            return [self.vanished(c, own)]",
    ),
    Mutation(
        "the slot of an overwriter stays taken",
        "search/moves.py",
        "c.placed ^= own.bit",
        "pass",
    ),
    Mutation(
        "the slot of an observer stays taken",
        "search/moves.py",
        "c.seen ^= own.bit",
        "pass",
    ),
    Mutation(
        "the slot of a changer stays taken",
        "search/moves.py",
        "c.changed ^= own.bit",
        "pass",
    ),
    Mutation(
        "an observer fits everywhere",
        "search/moves.py",
        "if not seen & observer.bit and space.step(state, observer.cls) != IMPOSSIBLE:",
        "if not seen & observer.bit:",
    ),
    Mutation(
        "placed observers do not count when configurations are compared",
        "search/memory.py",
        "if other.seen & ~c.seen or other.spare & ~c.spare:",
        "if other.spare & ~c.spare:",
    ),
    Mutation(
        "an overwriter may be placed in one of two configurations that are compared",
        "search/memory.py",
        "if (c.placed ^ other.placed) & ~c.spare:",
        "if other.placed & ~c.placed & ~c.spare:",
    ),
    Mutation(
        "used crashed calls do not count when configurations are compared",
        "search/memory.py",
        "return c.used == other.used or ((other.used | borrow) - c.used) & borrow == borrow",
        "return True",
    ),
    Mutation(
        "used crashed calls are compared as one number",
        "search/memory.py",
        "((other.used | borrow) - c.used) & borrow == borrow",
        "c.used < other.used",
    ),
    Mutation(
        "without the switch, used crashed calls are not compared",
        "search/memory.py",
        "                and c.used == other.used\n",
        "",
    ),
    Mutation(
        "a crashed call that cannot happen now never can",
        "search/moves.py",
        "start = self.enabled_of[state]",
        "start = max(self.enabled_of.values())",
    ),
    Mutation(
        "all overwriters are interchangeable",
        "search/moves.py",
        "tried.add(changer.cls)",
        "tried.update(o.cls for o in layer.changers if o.kind == changer.kind)",
    ),
    Mutation(
        "configurations in which other changers are placed are compared",
        "search/memory.py",
        "buckets.get((c.state, c.changed))",
        "next((b for (s, _), b in buckets.items() if s == c.state), None)",
    ),
    Mutation(
        "marks that are kept lose those before them",
        "search/configuration.py",
        "-1 if before < 0 else new[before],",
        "-1,",
    ),
    Mutation(
        "the least urgent of equal calls goes first",
        "search/layers.py",
        "changers[place - 1].end > begun.end",
        "changers[place - 1].end < begun.end",
    ),
    Mutation(
        "an overwriter can vanish when it has returned",
        "search/layers.py",
        "self.overwriters ^= own.bit",
        "pass",
    ),
    Mutation(
        "the counts of crashed calls touch each other",
        "search/layers.py",
        ".bit_length() + 1",
        ".bit_length()",
        ("cas-register", "unordered-queue"),
    ),
    Mutation(
        "crashed calls of a class count as one",
        "search/layers.py",
        "self.available += 1 << crashed.shift",
        "self.available |= 1 << crashed.shift",
    ),
    Mutation(
        "only the best move is made",
        "search/depth.py",
        "                c.again = True\n                self.stack.append(c)\n",
        "",
    ),
    Mutation(
        "other moves are made only where they are superfluous",
        "search/depth.py",
        "if not c.superfluous:",
        "if c.superfluous:",
    ),
    Mutation(
        "depth first looks at new observers only",
        "search/depth.py",
        "layer.observers if all_open else layer.fresh",
        "layer.fresh",
    ),
    Mutation(
        "breadth first looks at new observers only",
        "search/breadth.py",
        "moves.look(made, layer.observers)",
        "moves.look(made, layer.fresh)",
    ),
    Mutation(
        "breadth first drops what is news",
        "search/breadth.py",
        "if c.superfluous:",
        "if not c.superfluous:",
    ),
    Mutation(
        "what was forgotten is taken for refuted",
        "search/run.py",
        "elif said == EXHAUSTED and depth.forgot:",
        "elif said == EXHAUSTED and not depth:",
    ),
    Mutation(
        "of equal crashed calls the last takes effect first",
        "search/order.py",
        "self.crashed[mark >> 2].pop()",
        "self.crashed[mark >> 2].pop(0)",
    ),
    Mutation(
        "a call vanishes in front of any call",
        "search/order.py",
        "setdefault(self.overwriter, [])",
        "setdefault(len(self.placed) - 1, [])",
    ),
    Mutation(
        "a compare-and-set only observes",
        "search/space.py",
        "if puts < 0 or puts == needs:",
        "if puts < 0 or needs >= 0:",
    ),
    Mutation(
        "a refused call fits everywhere",
        "search/space.py",
        " or self.lacks[cls] == state:",
        ":",
    ),
    Mutation(
        "all values are renamed",
        "search/part.py",
        "if puts[cls] > 0 and puts[cls] not in named:",
        "if puts[cls] > 0:",
    ),
    Mutation(
        "a call that failed may have had an effect",
        "search/part.py",
        "not isinstance(outcome, Failed)\n            and ",
        "",
    ),
    Mutation(
        "a wall counts though it returned only after the call began",
        "search/refute.py",
        "wall = walls[call]",
        "wall = wall_call",
    ),
    Mutation(
        "a value is gone as soon as all that put it have ended",
        "search/refute.py",
        "if ended < start:",
        "if ended < at and start >= 0:",
    ),
    Mutation(
        "nobody puts a value but who was heard of",
        "search/refute.py",
        "            if put >= 0:\n                last_end",
        "            if put >= 0 and not part.crashed[call]:\n                last_end",
    ),
    Mutation(
        "of calls that put one value the last to begin is the last to end",
        "search/refute.py",
        "max(last_end.get(put, -1), ends[call])",
        "ends[call]",
    ),
    Mutation(
        "nobody has put the initial value",
        "search/refute.py",
        "{0: -1}",
        "{}",
    ),
    Mutation(
        "values put twice pass for all different",
        "search/unique.py",
        "if put in maker or put == 0:",
        "if put == 0:",
    ),
    Mutation(
        "a chain may contradict the order of time",
        "search/unique.py",
        "if end < last_start:",
        "if end < start:",
    ),
    Mutation(
        "a refused call needs no place",
        "search/unique.py",
        "return call not in self.waiting or self._make_way(at)",
        "return True",
    ),
    Mutation(
        "answers that no chain explains are forgotten",
        "search/unique.py",
        "if taken != wanted",
        "if taken > wanted",
    ),
    Mutation(
        "rows and calls of a part are confused",
        "check.py",
        "[part.rows[call] for call in found.order]",
        "list(found.order)",
    ),
    Mutation(
        "the certificate takes equal times for an order",
        "certificate.py",
        "op.returned_ns < latest_called_ns",
        "op.returned_ns <= latest_called_ns",
    ),
    Mutation(
        "the certificate does not miss a call that was answered",
        "certificate.py",
        "if isinstance(op.outcome, Ok) and i not in placed:",
        "if i < 0:",
    ),
    Mutation(
        "the certificate lets a call stand twice",
        "certificate.py",
        "if len(set(order)) != len(order):",
        "if not order and ops and not placed:",
    ),
    Mutation(
        "the certificate lets a failed call have an effect",
        "certificate.py",
        "if isinstance(op.outcome, Failed):",
        "if i < 0:",
    ),
    Mutation(
        "the certificate stays where it was when a call has taken effect",
        "certificate.py",
        "states = after",
        "states |= after",
    ),
    Mutation(
        "the certificate accepts any answer",
        "certificate.py",
        "if not isinstance(op.outcome, Ok) or op.outcome.result == said:",
        "if said is not None or op is not None:",
    ),
)


def agreement(
    package: Path, models: tuple[str, ...], histories: int
) -> subprocess.CompletedProcess[str]:
    """The agreement run, with the `checker` that lies in this folder."""
    return subprocess.run(
        [sys.executable, "-P", "-B", "-m", "tests.checker.agreement", str(histories), *models],
        env={**os.environ, "PYTHONPATH": f"{package}{os.pathsep}{ROOT}"},
        cwd=package,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def copied(folder: Path) -> Path:
    """A copy of the checker's sources in this folder."""
    ignored = shutil.ignore_patterns("__pycache__", "*.so")
    shutil.copytree(ROOT / "checker", folder / "checker", ignore=ignored)
    return folder


def kill(mutation: Mutation, folder: Path) -> None:
    path = copied(folder) / "checker" / mutation.file
    source = path.read_text(encoding="utf-8")
    assert source.count(mutation.old) == 1, "the code has changed; mend the mutation"
    path.write_text(source.replace(mutation.old, mutation.new), encoding="utf-8")
    try:
        done = agreement(folder, mutation.models, HISTORIES)
    except subprocess.TimeoutExpired:
        return  # a search that never ends is noticed, too
    assert done.returncode != 0, f"nobody notices that {mutation.what}"
    assert "SyntaxError" not in done.stderr
    assert "ImportError" not in done.stderr


@pytest.mark.parametrize("mutation", ALWAYS_TRIED, ids=lambda mutation: mutation.what)
def test_a_mistake_is_noticed(mutation: Mutation, tmp_path: Path) -> None:
    kill(mutation, tmp_path)


@pytest.mark.prove
@pytest.mark.parametrize("mutation", TRIED_IN_FULL, ids=lambda mutation: mutation.what)
def test_a_mistake_is_noticed_in_full(mutation: Mutation, tmp_path: Path) -> None:
    kill(mutation, tmp_path)


@pytest.mark.parametrize("mutation", TRIED_IN_FULL, ids=lambda mutation: mutation.what)
def test_every_mutation_still_has_its_place(mutation: Mutation) -> None:
    source = (ROOT / "checker" / mutation.file).read_text(encoding="utf-8")
    assert source.count(mutation.old) == 1, "the code has changed; mend the mutation"


def test_a_copy_without_a_mistake_agrees(tmp_path: Path) -> None:
    done = agreement(copied(tmp_path), ("cas-register", "unordered-queue"), 500)
    assert done.returncode == 0, done.stderr
