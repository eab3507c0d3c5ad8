"""What does a measurement say as a whole?

Rules of this file:
1. A bug that is watched and was not caught is a loss, whatever else was caught.
2. What no check watches is listed with the reason, and counts for nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any, Final

from harness.power.campaign import Campaign
from harness.power.hunting import Hunted, Small
from harness.sim.glance import MOST_CALLS, MOST_FAULTS
from target_node.bugs.bug import find, names

LOST: Final = 1
CANNOT_SAY: Final = 3
HARNESS_FAILED: Final = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Sum:
    """Of what is known by now."""

    facts: Mapping[str, Any]
    hunted: Mapping[str, Hunted]
    small: Mapping[str, Small]

    @property
    def bugs(self) -> Sequence[str]:
        """Those that are hunted for."""
        return list(self.facts["asked"]["bugs"])

    @property
    def caught(self) -> Sequence[Hunted]:
        """In their order."""
        known = (self.hunted.get(bug) for bug in self.bugs)
        return [one for one in known if one is not None and one.seed is not None]

    @property
    def missed(self) -> Sequence[Hunted]:
        """Those that were not caught, watched or not."""
        known = (self.hunted.get(bug) for bug in self.bugs)
        return [one for one in known if one is not None and one.seed is None and not one.broke]

    @property
    def lost(self) -> Sequence[str]:
        """Watched, and not caught."""
        return [one.bug for one in self.missed if find(one.bug).watched]

    @property
    def unwatched(self) -> Mapping[str, str]:
        """Of all bugs that there are, those that were not caught either, and why nobody watches."""
        caught = [one.bug for one in self.caught]
        found = {name: find(name).unwatched for name in names() if name not in caught}
        return {name: why for name, why in found.items() if why}

    @property
    def open(self) -> Sequence[str]:
        """Not hunted for yet, or not made small yet."""
        shrinks = self.facts["asked"]["shrink_s"] > 0
        small = [one.bug for one in self.caught if shrinks and one.bug not in self.small]
        return [*(bug for bug in self.bugs if bug not in self.hunted), *small]

    @property
    def broke(self) -> Mapping[str, str]:
        """Where the harness itself failed."""
        every: list[Hunted | Small] = [*self.hunted.values(), *self.small.values()]
        return {one.bug: one.broke for one in every if one.broke}

    @property
    def large(self) -> Sequence[Small]:
        """Catches that are not small, though that was tried."""
        return [one for one in self.small.values() if not one.broke and not is_small(one)]

    @property
    def median_s(self) -> float:
        """Of the seconds that each catch took."""
        return median(one.seconds for one in self.caught) if self.caught else 0.0

    @property
    def status(self) -> int:
        """The exit status: a catch that is lost is what one wants to know first."""
        if self.lost:
            return LOST
        if self.broke:
            return HARNESS_FAILED
        return CANNOT_SAY if self.open else 0

    @property
    def line(self) -> str:
        """All of it in a line."""
        watched = [bug for bug in self.bugs if find(bug).watched and bug in self.hunted]
        caught = sum(bug in watched for bug in (one.bug for one in self.caught))
        budget_s = self.facts["asked"]["budget_s"]
        told = [f"{caught} of {len(watched)} watched bugs caught within {budget_s:g} s each"]
        if self.caught:
            cpu_s = median(one.cpu_s for one in self.caught)
            told.append(f"half of them within {self.median_s:.1f} s ({cpu_s:.1f} CPU s)")
        if self.small:
            small = len([one for one in self.small.values() if not one.broke]) - len(self.large)
            told.append(f"{small} of {len(self.small)} small")
        if self.lost:
            told.append(f"not caught: {', '.join(self.lost)}")
        if self.broke:
            told.append(f"the harness failed at {', '.join(self.broke)}")
        if self.open:
            told.append(f"{len(self.open)} still to do")
        sign = {0: "✓", CANNOT_SAY: "?"}.get(self.status, "✗")
        return f"{sign} {'; '.join(told)}"


def is_small(one: Small) -> bool:
    """Few calls and few faults, so that one sees at a glance what went wrong."""
    return one.faults is not None and one.calls <= MOST_CALLS and one.faults <= MOST_FAULTS


def sum_of(campaign: Campaign) -> Sum:
    """Of what it has left."""
    hunted, small = campaign.known()
    return Sum(facts=campaign.facts, hunted=hunted, small=small)


def results_of(whole: Sum, *, ended: str = "") -> dict[str, Any]:
    """The object in `results.json`."""
    return {
        "line": whole.line,
        "status": whole.status,
        "ended": ended,
        "facts": dict(whole.facts),
        "median_s": round(whole.median_s, 3),
        "lost": list(whole.lost),
        "unwatched": dict(whole.unwatched),
        "bugs": [
            {
                "bug": bug,
                "watched": list(find(bug).watched),
                "hunted": asdict(whole.hunted[bug]) if bug in whole.hunted else None,
                "small": asdict(whole.small[bug]) if bug in whole.small else None,
            }
            for bug in whole.bugs
        ],
    }
