"""How does the table of what was caught look in the docs?"""

from __future__ import annotations

from collections.abc import Iterator

from harness.failures import brief
from harness.power.hunting import Hunted, Small
from harness.power.summing import Sum
from harness.sim.glance import MOST_CALLS, MOST_FAULTS


def page(whole: Sum) -> str:
    """Markdown, with how it was measured."""
    return "\n".join(_lines(whole)) + "\n"


def _lines(whole: Sum) -> Iterator[str]:
    facts, asked = whole.facts, whole.facts["asked"]
    yield "<!-- Written by `zabtest power --markdown FILE`; measure again instead of editing. -->"
    yield "# What a hunt finds"
    yield ""
    yield "Every bug of [bugs.md](bugs.md) whose promise somebody watches was planted in all nodes,"
    yield "and hunted for by the hunt that `zabtest hunt` is: nothing in it knows which bug there"
    yield "is. What was caught first was made small. At the commit that was measured a catch is"
    yield "found again by `zabtest hunt --bug BUG --first SEED --seeds 1`."
    yield ""
    yield f"{whole.line[2:]}."
    yield ""
    yield (
        f"Measured on {facts['began'][:10]} at commit {facts['commit']} with Python "
        f"{facts['python']} on "
        f"{facts['host']['cores']} cores: at most {asked['budget_s']:g} s a bug, then "
        f"{asked['shrink_s']:g} CPU seconds for the least of each catch. What a real second is "
        "worth depends on what else the machine does; CPU seconds are those of all processes. "
        f"Small is: at most {MOST_CALLS} calls and {MOST_FAULTS} faults."
    )
    yield ""
    yield (
        "| bug | caught by | seed | seeds tried | simulated s | real s | CPU s | least: calls "
        "| faults | nodes |"
    )
    yield "|---|---|---|---|---|---|---|---|---|---|"
    for one in whole.caught:
        yield _row(one, whole.small.get(one.bug))
    if whole.missed:
        yield from ("", "## Not caught", "", "| bug | seeds tried | simulated s | real s |")
        yield "|---|---|---|---|"
        for one in whole.missed:
            yield f"| `{one.bug}` | {one.tried} | {one.simulated_s:,.0f} | {one.seconds:.0f} |"
    if whole.unwatched:
        yield from ("", "## Not covered yet", "", "| bug | why |", "|---|---|")
        for bug, why in whole.unwatched.items():
            yield f"| `{bug}` | {why} |"


def _row(one: Hunted, small: Small | None) -> str:
    least = "| | |"
    if small is not None and not small.broke:
        faults = "drawn" if small.faults is None else str(small.faults)
        least = f"{small.calls} | {faults} | {small.nodes}"
    return (
        f"| `{one.bug}` | {brief(one.marks)} | {one.seed} | {one.tried} | {one.simulated_s:,.0f} "
        f"| {one.seconds:.1f} | {one.cpu_s:.1f} | {least} |"
    )
