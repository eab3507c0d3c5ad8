"""Does what a person understands best come first, and is nothing told twice?"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from checker.models.zookeeper import ZooKeeperRegister
from harness.agreement import agreement
from harness.plan import Gate, Played, Results, Violation
from harness.report.reasons import headline, passed, reasons_of
from harness.standing import in_words
from harness.telling_runs import lines_of
from tests.harness.memory import MemoryCluster, Service
from workloads.workload import Wrong, finding

CRASH = "exit status 70: AssertionError: " + "the commit was not proposed; " * 10
ENDED = "n3 ended by itself"
ROLES = {"n1": "follower", "n2": "leader", "n3": ""}
FEW = [Wrong("a write too few", f"key r{n} got version {n}", tuple(range(9 - n))) for n in range(9)]
RESULTS = Results(
    played=Played(
        gates=[
            Gate(ENDED, passed=False, why=CRASH),
            Gate("recovery", passed=False, why=f"after 9 s: {in_words(ROLES, {'n3': CRASH})}"),
            Gate("replicas agree", passed=False, why="n1 holds a; n2 holds b"),
        ],
        violations=[
            Violation(ENDED, CRASH),
            Violation("replicas differ", "n1 holds a; n2 holds b"),
        ],
        counts={},
        faults={},
    ),
    findings=[
        finding("promises", 0, [Wrong("committed", "n1 and n3 differ")]),
        finding("versions", 9, [*FEW, Wrong("a write too many", "so it is")] * 2),
        finding("linearizable", 9, [Wrong("not linearizable", "p1 read 3", (1, 2))]),
    ],
)


def test_what_is_plainest_comes_first_and_once() -> None:
    reasons = reasons_of(RESULTS, None, None, Path("run"))
    titles = [one.title for one in reasons]
    assert titles == [
        "Not linearizable",
        "A write too few",
        "A write too many",
        "Committed",
        ENDED,
        "Replicas differ",
        "Not met: recovery",
    ]
    assert headline(RESULTS, reasons, 9) == "Not linearizable: p1 read 3. 5 more reasons below."
    few, many = reasons[1:3]
    assert few.sentence == "key r8 got version 8."
    assert few.more == "And 8 more of this kind."
    assert many.more == "And 10 more wrongs of this judge."
    recovery = reasons[-1].sentence
    assert recovery == "after 9 s: n1: follower, n2: leader, n3: serves nobody; n3 ended"


def test_the_terminal_keeps_the_same_order_and_says_nothing_twice() -> None:
    lines = list(lines_of(Path("run"), RESULTS, None, ZooKeeperRegister()))
    said = "\n".join(lines)
    assert said.count(CRASH) == 1
    assert said.count(ENDED) == 1
    assert said.count("n1 holds a") == 1
    judges = [line.split()[1] for line in lines if line.startswith("  ✗")]
    assert judges == ["linearizable", "versions", "promises", "n3", "replicas"]
    assert "    a write too few: key r8 got version 8 (8 more of this kind)" in lines
    assert "{" not in said


def test_a_judge_that_saw_nothing_does_not_say_that_all_is_well() -> None:
    seen, unseen = finding("replies", 3, []), finding("versions", 0, [], method="zxids")
    results = replace(
        RESULTS, findings=[seen, unseen, finding("promises", 0, [], figures={"logs": 3})]
    )
    said = list(lines_of(Path("run"), results, None, ZooKeeperRegister()))
    assert {"  ✓ replies", "  – versions: it saw nothing", "  ✓ promises: 3 logs"} <= set(said)
    assert [told for _, _, told in passed(results)[0]] == ["3 calls", "it saw nothing", "3 logs"]


class Silent(MemoryCluster):
    """n3 does not answer, and the others hold the same."""

    async def fingerprints(self) -> Mapping[str, str]:
        return {"n1": "zxid 3", "n2": "zxid 3"}


def test_who_does_not_answer_is_told_first() -> None:
    seen = asyncio.run(agreement(Silent(Service(3)), 0.0))
    assert [gate.why for gate in seen.gates] == ["n3 does not answer; n1 and n2 both hold zxid 3"]
    assert not seen.violations
