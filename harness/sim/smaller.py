"""What is smaller than this case, and may fail all the same?

Rules of this file:
1. Nothing here plays anything: each function gives cases, the boldest first.
2. A case has a script, and is made smaller in its calls, its faults, its times and its chance.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise, permutations
from typing import Final

from harness.script import NANO, Cue, Held, Script
from harness.sim.case import Case
from harness.sim.conditions import Conditions
from nemesis.fault import Fault, Node, Packets, Partition, Slow
from nemesis.plan import Moment
from workloads.workload import Ask

TAIL_NS: Final = 3 * NANO // 10  # behind the last call
HEAD_NS: Final = NANO // 5  # before the first
_SHORT_NS: Final = NANO // 50  # between two things, where it does not matter
_CALMEST: Final = Conditions(split=0, patience=0, torn=False)


def with_script(case: Case, script: Script) -> Case:
    """The plan follows from it."""
    first_ns = min((one.watch_ns for one in script.held), default=0)
    script = replace(script, faults_ns=first_ns)
    calls = [cue.at_ns + TAIL_NS for part in script.parts for cue in part]
    # What is still held when the run is over is lifted with everything else.
    last_ns = max([TAIL_NS, *calls, *(one.until_ns for one in script.held)])
    plan = replace(
        case.plan,
        nemeses=tuple(one.name for one in script.nemeses),
        time_s=last_ns / NANO,
        first_fault_s=first_ns / NANO,
        concurrency=len(script.parts),
        rate=0.0,
        pace=1.0,
        enough=0,
    )
    return replace(case, plan=plan, script=script)


# The pieces of a script.


def faults_of(script: Script) -> list[Held]:
    """Each fault by itself."""
    return [replace(one, faults=(fault,)) for one in script.held for fault in one.faults]


def cues_of(script: Script) -> list[tuple[int, Cue]]:
    """Each call with its client, in the order of time."""
    every = [(place, cue) for place, part in enumerate(script.parts) for cue in part]
    return sorted(every, key=lambda one: (one[1].at_ns, one[0]))


def with_faults(case: Case, held: Sequence[Held]) -> Case:
    """These and no others."""
    assert case.script is not None, "it has a script"
    return with_script(case, replace(case.script, held=tuple(held)))


def with_cues(case: Case, cues: Sequence[tuple[int, Cue]]) -> Case:
    """These calls and no others; clients behind the last that has any are gone."""
    assert case.script is not None, "it has a script"
    count = max((place for place, _ in cues), default=0) + 1
    parts: list[list[Cue]] = [[] for _ in range(count)]
    for place, cue in cues:
        parts[place].append(cue)
    return with_script(case, replace(case.script, parts=parts))


def with_last(case: Case, last: Sequence[Ask]) -> Case:
    """Nothing else is asked at the end."""
    assert case.script is not None, "it has a script"
    return with_script(case, replace(case.script, last=tuple(last)))


# What else can be calmer.


def chances(case: Case) -> Iterator[Case]:
    """Less chance: no draws at all, or none from some of the streams."""
    if not case.calm:
        for calmer in (*_calmer(case), case):
            yield replace(calmer, calm=True, tape={})
    yield from _calmer(case)


def _calmer(case: Case) -> Iterator[Case]:
    now = case.conditions
    calmest = replace(_CALMEST, nodes=now.nodes, sync_limit=now.sync_limit)
    if now != calmest:
        yield replace(case, conditions=calmest)


def recurring(script: Script) -> list[Fault]:
    """What comes again and again, whoever wants it."""
    counts = Counter(one.faults[0] for one in faults_of(script))
    return [fault for fault, count in counts.items() if count > 1]


def throughout(case: Case, chosen: Sequence[Fault]) -> Case:
    """Each of these is held from its first time to its last."""
    assert case.script is not None, "it has a script"
    held: list[Held] = []
    spans: dict[Fault, list[Held]] = {fault: [] for fault in chosen}
    for one in faults_of(case.script):
        spans.get(one.faults[0], held).append(one)
    for again in spans.values():
        first = min(again, key=lambda one: one.from_ns)
        held.append(replace(first, until_ns=max(one.until_ns for one in again)))
    return with_faults(case, sorted(held, key=lambda one: one.from_ns))


def beginnings(case: Case) -> Iterator[Case]:
    """The same until a certain moment, and nothing afterwards; the earliest first."""
    script = case.script
    assert script is not None, "it has a script"
    ends = [cue.at_ns for _, cue in cues_of(script)] + [one.until_ns for one in script.held]
    for eighth in (1, 2, 4, 6, 7) if ends else ():
        yield with_script(case, _until(script, max(ends) * eighth // 8))


def _until(script: Script, over_ns: int) -> Script:
    return replace(
        script,
        parts=[[cue for cue in part if cue.at_ns <= over_ns] for part in script.parts],
        held=[
            replace(one, until_ns=min(one.until_ns, over_ns))
            for one in script.held
            if one.from_ns < over_ns
        ],
    )


def on_three(case: Case) -> Iterator[Case]:
    """The last three of five nodes, whoever they are, under the names of the first three."""
    script, gone = case.script, case.conditions.nodes - 3
    if script is None or gone <= 0:
        return
    names = {f"n{old}": f"n{old - gone}" for old in range(gone + 1, case.conditions.nodes + 1)}
    yield _moved(case, names, 3)
    yield _moved(case, {f"n{old}": f"n{old}" for old in range(1, 4)}, 3)


def under_other_names(case: Case) -> Iterator[Case]:
    """The same with the nodes in each other's places: so the one that matters may lead at once."""
    nodes = [f"n{number}" for number in range(1, case.conditions.nodes + 1)]
    turns = [nodes[by:] + nodes[:by] for by in range(len(nodes))]
    orders = [list(one) for one in permutations(nodes)] if len(nodes) <= 3 else turns
    for order in orders:
        if order != nodes:
            yield _moved(case, dict(zip(nodes, order, strict=True)), len(nodes))


def _moved(case: Case, names: Mapping[Node, Node], nodes: int) -> Case:
    """To so many nodes, under these names; what is of others is left out."""
    script, before = case.script, case.conditions.nodes
    assert script is not None, "it has a script"
    parts: list[list[Cue]] = []
    for place, part in enumerate(script.parts):
        node = names.get(f"n{place % before + 1}")
        if part and node is not None:
            while f"n{len(parts) % nodes + 1}" != node:
                parts.append([])
            parts.append(list(part))
    held = [
        replace(one, faults=_renamed(one.faults, names), when=_moved_moment(one.when, names))
        for one in script.held
    ]
    moved = replace(script, parts=parts or [[]], held=[one for one in held if one.faults])
    return with_script(replace(case, conditions=replace(case.conditions, nodes=nodes)), moved)


def _moved_moment(when: Moment | None, names: Mapping[Node, Node]) -> Moment | None:
    """None of a node that is gone: what waited for it comes by the clock."""
    if when is None or when.node not in names:
        return None
    return replace(when, node=names[when.node])


def nodes_of(fault: Fault) -> Sequence[Node]:
    """Whom it strikes."""
    if isinstance(fault, Partition | Slow | Packets):
        return sorted({node for link in fault.links for node in link})
    return (fault.node,)


def _renamed(faults: Sequence[Fault], names: Mapping[Node, Node]) -> tuple[Fault, ...]:
    kept: list[Fault] = []
    for fault in faults:
        if isinstance(fault, Partition | Slow | Packets):
            links = frozenset(
                (names[a], names[b]) for a, b in fault.links if a in names and b in names
            )
            kept += [replace(fault, links=links)] if links else []
        elif fault.node in names:
            kept.append(replace(fault, node=names[fault.node]))
    return tuple(kept)


def times(case: Case) -> Iterator[Case]:
    """Every long wait shorter: to next to nothing, or else to a half; the longest first."""
    script = case.script
    assert script is not None, "it has a script"
    moments = sorted(
        {0, *(cue.at_ns for _, cue in cues_of(script))}
        | {at for one in script.held for at in (one.from_ns, one.until_ns)}
    )
    gaps = sorted(
        ((after - before, before) for before, after in pairwise(moments)),
        reverse=True,
    )
    for gap_ns, since_ns in gaps:
        for left_ns in (HEAD_NS if since_ns == 0 else _SHORT_NS, gap_ns // 2):
            if left_ns < gap_ns * 3 // 4 and gap_ns > 2 * _SHORT_NS:
                yield with_script(case, _earlier(script, since_ns, gap_ns - left_ns))


def _earlier(script: Script, since_ns: int, by_ns: int) -> Script:
    """All that is behind this moment comes so much earlier."""

    def moved(at_ns: int) -> int:
        return at_ns - by_ns if at_ns > since_ns else at_ns

    return replace(
        script,
        parts=[[replace(cue, at_ns=moved(cue.at_ns)) for cue in part] for part in script.parts],
        held=[
            replace(one, from_ns=moved(one.from_ns), until_ns=moved(one.until_ns))
            for one in script.held
        ],
    )
