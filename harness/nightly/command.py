"""`zabtest nightly`: a night of runs, or whether there was one lately."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from harness.lasting import Busy
from harness.nightly.matrix import read
from harness.nightly.night import Night, nights, tonight
from harness.nightly.playing import play
from harness.nightly.summing import results_of
from harness.nightly.table import BadMatrix
from harness.telling import print_json, say

WRONG_USAGE: Final = 2
CANNOT_SAY: Final = 3
NOT_FRESH: Final = 4


def nightly(file: Path, *, json: bool) -> int:
    """Go through the night; the exit status."""
    try:
        matrix = read(file)
        night, goes_on = tonight(matrix)
        _say(f"{'going on with' if goes_on else 'a new night in'} {night.path}")
        with night.held():
            whole = play(night, matrix.store, _say)
    except (BadMatrix, OSError) as problem:
        return _refuse(str(problem))
    except Busy as busy:
        return _refuse(f"{busy}: somebody is at this night; wait until it is over")
    except KeyboardInterrupt:
        _say(f"interrupted; to go on: zabtest nightly {file}")
        return CANNOT_SAY
    if json:
        print_json(results_of(whole))
    else:
        say(whole.line)
        say(f"  {night.path / 'index.html'}")
    return whole.status


def fresh(file: Path, *, within_h: float, json: bool) -> int:
    """Whether a night that means anything was over within so many hours."""
    try:
        store = read(file).store
    except BadMatrix as problem:
        return _refuse(str(problem))
    over = [(night, night.results()) for night in nights(store) if night.over]
    good = [night for night, results in over if not results["void"]]
    line = _freshness(good, within_h, void=len(over) - len(good))
    is_fresh = line.startswith("✓")
    if json:
        print_json({"fresh": is_fresh, "line": line})
    else:
        say(line)
    return 0 if is_fresh else NOT_FRESH


def _freshness(good: Sequence[Night], within_h: float, *, void: int) -> str:
    also = f" ({void} were void)" if void else ""
    if not good:
        return f"✗ no night has ever come to its end{also}"
    ended = datetime.fromisoformat(good[-1].results()["ended"])
    ago_h = (datetime.now(UTC) - ended) / timedelta(hours=1)
    sign = "✓" if ago_h <= within_h else "✗"
    return f"{sign} the last night was over {ago_h:.1f} h ago, and {within_h:g} are allowed{also}"


def _say(line: str) -> None:
    sys.stderr.write(line + "\n")


def _refuse(why: str) -> int:
    sys.stderr.write(f"zabtest: {why}\n")
    return WRONG_USAGE
