"""Stored runs as a run would leave them, with what one wants to see in the report."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from checker.formats.jsonl import Writer
from harness.plan import Gate, Plan, Played, Results, Violation
from harness.store import StoredRun
from nemesis.fault import Fault
from nemesis.written import written
from workloads.workload import Finding

SECOND = 1_000_000_000
MS = 1_000_000
NODES = ("n1", "n2", "n3")
EPOCH = 1 << 32
BOOT_NS = 77 * SECOND
"""What the clocks of the nodes' machine said when the run began."""


class Story:
    """Writes one run's files, event by event."""

    def __init__(self, root: Path, **plan: Any) -> None:
        wanted = {"on": "local", "target": "zab", "nodes": len(NODES), "bug": None}
        facts = {"wanted": wanted, "synced": "linearizable", "kind": "zookeeper"}
        defaults: dict[str, Any] = {"time_s": 10.0, "concurrency": 3, "seed": 7}
        self.run = StoredRun.create(root, Plan(**(defaults | plan)), facts)
        self._lines: list[tuple[int, int, dict[str, Any]]] = []
        self._logs: dict[str, list[tuple[int, dict[str, Any]]]] = {}

    def event(self, time_ns: int, **fields: Any) -> None:
        self._lines.append((time_ns, len(self._lines), fields))

    def note(self, time_ns: int, process: str, f: str, value: Any) -> None:
        self.event(time_ns, process=process, type="info", f=f, value=value)

    def call(
        self,
        process: int,
        f: str,
        value: Any,
        called_ns: int,
        took_ns: int | None,
        *,
        type: str = "ok",
        answer: Any = None,
        key: str = "r0",
        node: str = "n1",
        **told: Any,
    ) -> None:
        """A call; one that took None never ended, and one without an answer answers its value."""
        same = {"process": process, "session": process, "f": f, "key": key, "node": node}
        self.event(called_ns, type="invoke", value=value, **same)
        if took_ns is not None:
            said = value if answer is None else answer
            self.event(called_ns + took_ns, type=type, value=said, **same, **told)

    def fault(
        self,
        number: int,
        fault: Fault,
        from_s: float,
        until_s: float | None,
        *,
        aim: str = "one",
        evidence: str = "it is so",
        moot: bool = False,
    ) -> None:
        """A fault of the nemesis "storm"."""
        begin, end = round(from_s * SECOND), None if until_s is None else round(until_s * SECOND)
        bare = {"id": number, "fault": written(fault)}
        seen = bare | {"moot": moot, "evidence": evidence}
        self._nemesis(begin, "inject", aim, bare)
        self._nemesis(begin + 20 * MS, "injected", aim, seen)
        if end is not None:
            self._nemesis(end - 20 * MS, "lift", aim, seen)
            self._nemesis(end, "lifted", aim, bare)

    def _nemesis(self, time_ns: int, f: str, aim: str, said: Mapping[str, Any]) -> None:
        self.note(time_ns, "nemesis", f, {"nemesis": "storm", "aim": aim, "faults": [said]})

    def logged(self, time_ns: int, node: str, event: str, **facts: Any) -> None:
        """A line of a node's own log."""
        stamped = {"ms": 10**12 + time_ns // MS, "mono_ns": time_ns + BOOT_NS}
        number = int(node.removeprefix("n"))
        said = stamped | {"node": number, "event": event} | facts
        self._logs.setdefault(node, []).append((time_ns, said))

    def written(
        self,
        findings: Sequence[Finding] = (),
        gates: Sequence[Gate] = (),
        violations: Sequence[Violation] = (),
        *,
        died: bool = False,
    ) -> tuple[StoredRun, Results]:
        """Everything is on the disk; results are not, if the run died."""
        with self.run.open_history() as file:
            writer = Writer(file)
            for time_ns, _, fields in sorted(self._lines, key=lambda line: line[:2]):
                writer.event(time_ns=time_ns, **fields)
        logs = {}
        for node, lines in self._logs.items():
            path = self.run.nodes / node / "events.jsonl"
            path.parent.mkdir()
            lines.sort(key=lambda line: line[0])
            path.write_text("".join(json.dumps(said) + "\n" for _, said in lines))
            logs[str(path.relative_to(self.run.path))] = path.stat().st_size
        played = Played(
            gates=gates,
            violations=violations,
            counts={},
            faults={"storm": {"injected": 2, "proven": 1, "moot": 1}},
            seconds=10.0,
            logs=logs,
        )
        results = Results(played=played, findings=findings)
        if not died:
            self.run.save_results(results)
        return self.run, results


def elections(story: Story) -> None:
    """n3 leads epoch 1 from second 1, and n1 leads epoch 2 from second 6; all by their own logs."""
    for number, node in enumerate(NODES, 1):
        story.logged(200 * MS, node, "started", zxid=0, accepted_epoch=0, current_epoch=0)
        story.logged(210 * MS, node, "looking", zxid=0, epoch=0)
        for epoch, leader, at in ((1, 3, SECOND), (2, 1, 6 * SECOND)):
            if epoch == 2:
                story.logged(5 * SECOND, node, "leaving", role="follower", reason="no leader")
            state = "leading" if number == leader else "following"
            story.logged(at - 50 * MS, node, "elected", leader=leader, state=state)
            if number == leader:
                story.logged(at, node, "established", epoch=epoch, zxid=0, acks=[1, 2, 3])
            else:
                story.logged(at, node, "serving", role="follower", epoch=epoch, leader=leader)
    for second, name in ((1, "n3"), (6, "n1")):
        roles = {node: "leader" if node == name else "follower" for node in NODES}
        story.note(second * SECOND + 300 * MS, "run", "roles", roles)
    for name, began_s in (("deploy", 0.0), ("load", 1.0), ("faults", 2.5), ("recovery", 9.0)):
        story.note(round(began_s * SECOND), "run", "phase", name)


def traffic(story: Story, calls: int = 600) -> None:
    """Writes and reads of three clients in turn, all of which are legal, with zxids."""
    apart = 8 * SECOND // calls
    zxid = EPOCH
    for number in range(calls):
        at, process = SECOND + number * apart, number % 3
        node, zxid = NODES[process], zxid + (number % 2 == 0)
        told: dict[str, Any] = {"zxid": zxid, "version": zxid - EPOCH, "mzxid": zxid}
        if number % 2 == 0:
            story.call(process, "write", number, at, apart // 2, node=node, **told)
            for place, name in enumerate(NODES):
                story.logged(at + apart // 8 + place, name, "applied", zxid=zxid, since=0)
        else:
            value = number - 1
            story.call(process, "read", None, at, apart // 2, answer=value, node=node, **told)


def stormy(story: Story) -> None:
    """A partition that is proven, a crash that is moot, one call in doubt and one that failed."""
    from nemesis.fault import Crash, Partition

    links = frozenset({("n1", "n3"), ("n2", "n3"), ("n3", "n1"), ("n3", "n2")})
    story.fault(0, Partition(links), 3.0, 5.5, aim="isolate-leader")
    story.fault(1, Crash("n2"), 4.0, 5.0, evidence="masked by other faults", moot=True)
    story.call(3, "write", -1, 4 * SECOND, 2 * SECOND, type="info", error="no answer within 2 s")
    story.call(4, "write", -2, 4 * SECOND, 20 * MS, type="fail", error="connection refused")
