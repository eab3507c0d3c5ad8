"""How is a measurement told: while it lasts, and at its end?"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from harness.failures import brief
from harness.power.hunting import Hunted, Small
from harness.power.summing import Sum, is_small

_EVERY_S: Final = 30.0


class Tell:
    """Says a line for each thing that is done, and more on a terminal that shows a bar."""

    def __init__(self, say: Callable[[str], None], now: Callable[[str], None] | None) -> None:
        self._say = say
        self._now = now
        self._last = time.monotonic()

    def so_far(self, one: Hunted) -> None:
        """A seed more was tried."""
        line = f"{one.bug}: {one.tried} seeds in {one.seconds:.0f} s"
        if self._now is not None:
            self._now(line)
        elif time.monotonic() - self._last >= _EVERY_S:
            self._last = time.monotonic()
            self._say(line)

    def hunted(self, one: Hunted) -> None:
        """It was caught, or not."""
        self._last = time.monotonic()
        self._say(_hunted(one))

    def small(self, one: Small) -> None:
        """It was made small."""
        self._say(f"least of {one.bug}: {_small(one)}")
        if self._now is not None:
            self._now("making small what was caught")


@contextmanager
def progress(bugs: Sequence[str]) -> Iterator[Tell]:
    """A bar on a terminal; elsewhere lines, now and then."""
    if not sys.stderr.isatty():
        yield Tell(_say, None)
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.description}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=len(bugs))

        def say(line: str) -> None:
            bar.console.print(line, markup=False, highlight=False)
            bar.advance(task)

        yield Tell(say, lambda line: bar.update(task, description=line))


def _say(line: str) -> None:
    sys.stderr.write(line + "\n")


def lines_of(whole: Sum) -> Iterator[str]:
    """All of it."""
    for one in (*whole.caught, *whole.missed):
        small = whole.small.get(one.bug)
        yield f"  {_hunted(one)}{f'; least: {_small(small)}' if small else ''}"
    for bug, why in whole.broke.items():
        yield f"  the harness failed at {bug}: {why.strip()}"
    yield whole.line


def _hunted(one: Hunted) -> str:
    if one.broke:
        return f"! {one.bug}: the harness failed"
    told = f"{one.tried} seeds, {one.simulated_s:.0f} s simulated, {one.seconds:.1f} s"
    if one.seed is None:
        return f"✗ {one.bug}: not caught, {told}"
    return f"✓ {one.bug}: {brief(one.marks)}, seed {one.seed}, {told}"


def _small(one: Small) -> str:
    if one.broke:
        return one.broke
    faults = "with faults that are still drawn" if one.faults is None else f"{one.faults} faults"
    return (
        f"{'' if is_small(one) else 'NOT SMALL, '}{one.calls} calls, {faults}, {one.nodes} nodes, "
        f"in {one.seconds:.0f} s"
    )
