"""Did enough happen for the run to mean anything?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from harness.plan import Gate, Plan


def gates_of(
    plan: Plan,
    kinds: Sequence[str],
    counts: Mapping[str, Mapping[str, Mapping[str, int]]],
    faults: Mapping[str, Mapping[str, int]],
) -> Iterator[Gate]:
    """A gate for the calls of each phase, and one for each nemesis."""
    for phase in ("load", "faults") if plan.nemeses else ("load",):
        yield _calls(phase, plan.enough, kinds, counts.get(phase, {}))
    for nemesis in plan.nemeses:
        tally = faults.get(nemesis, {})
        proven, injected = tally.get("proven", 0), tally.get("injected", 0)
        why = f"{injected} injected, none with an effect that was seen"
        yield Gate(f"{nemesis} had an effect", proven > 0, "" if proven else why)


def answered(kinds: Sequence[str], counts: Mapping[str, Mapping[str, int]]) -> Mapping[str, int]:
    """How many calls of each kind ended well."""
    return {kind: counts.get(kind, {}).get("ok", 0) for kind in kinds}


def too_few(
    enough: int, kinds: Sequence[str], counts: Mapping[str, Mapping[str, int]]
) -> Mapping[str, int]:
    """The kinds of calls of which fewer were answered, and how many."""
    numbers = answered(kinds, counts)
    return {kind: number for kind, number in numbers.items() if number < enough}


def _calls(
    phase: str, enough: int, kinds: Sequence[str], counts: Mapping[str, Mapping[str, int]]
) -> Gate:
    few = too_few(enough, kinds, counts)
    told = ", ".join(f"{number} of {kind}" for kind, number in few.items())
    why = f"fewer than {enough} were answered: {told}" if few else ""
    return Gate(f"calls in phase {phase}", not few, why)
