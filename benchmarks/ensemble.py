"""How fast is an ensemble of ours beside one of Apache ZooKeeper's, on one machine, in turns?

Three servers of each kind are up all the time, with their data on the file system of --directory
and every txn synced to it; the kind that is not measured only keeps its ensemble alive. Rounds
alternate, so that whatever else the machine does meets both. Load and servers share its cores.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from benchmarks.servers import HOME, KINDS, Servers, Unusable

MIXES: Final = {100: "writes", 0: "reads", 50: "half each"}


@dataclass(frozen=True, slots=True)
class Row:
    """One kind of load."""

    writes: int  # percent
    size: int
    clients: int

    @property
    def name(self) -> str:
        return f"{MIXES.get(self.writes, f'{self.writes} % writes')}, {self.size:,} B"


@dataclass(slots=True)
class Rounds:
    """What one kind did under one load, a value for each round."""

    per_second: list[float] = field(default_factory=list)
    p50_ms: list[float] = field(default_factory=list)
    p99_ms: list[float] = field(default_factory=list)
    cores: list[float] = field(default_factory=list)  # that its servers kept busy

    def told(self) -> dict[str, float]:
        """The medians."""
        return {
            "per_second": round(median(self.per_second), 1),
            "p50_ms": round(median(self.p50_ms), 3),
            "p99_ms": round(median(self.p99_ms), 3),
            "cores": round(median(self.cores), 2),
        }


def round_of(servers: Servers, row: Row, warm_s: float, seconds: float, rounds: Rounds) -> None:
    """One more."""
    command = [sys.executable, "-m", "benchmarks.load", ",".join(map(str, servers.ports))]
    command += [f"--clients={row.clients}", f"--writes={row.writes}", f"--size={row.size}"]
    command += [f"--warm={warm_s}", f"--seconds={seconds}"]
    before, started = sum(servers.cpu_s()), os.times().elapsed
    done = subprocess.run(command, cwd=HOME, capture_output=True, text=True, check=False)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["it says nothing"])[-1]
        raise Unusable(f"{servers.kind}, {row.name}, {row.clients} clients: {last}")
    # Of the whole process's time: the warming-up is load, too.
    rounds.cores.append((sum(servers.cpu_s()) - before) / (os.times().elapsed - started))
    said = json.loads(done.stdout)
    rounds.per_second.append(said["per_second"])
    rounds.p50_ms.append(said["all"]["p50_ms"])
    rounds.p99_ms.append(said["all"]["p99_ms"])


def table_of(results: dict[Row, dict[str, Rounds]]) -> Table:
    """For people."""
    table = Table(title="requests a second and milliseconds; medians of all rounds")
    table.add_column("load")
    for heading in ("clients", "ours/s", "Apache/s", "ratio", "ours p50", "p99", "cores"):
        table.add_column(heading, justify="right")
    for heading in ("Apache p50", "p99", "cores"):
        table.add_column(heading, justify="right")
    for row, kinds in results.items():
        ours, theirs = kinds["ours"].told(), kinds["apache"].told()
        table.add_row(
            row.name,
            str(row.clients),
            f"{ours['per_second']:,.0f}",
            f"{theirs['per_second']:,.0f}",
            f"{ours['per_second'] / theirs['per_second']:.2f}",
            *(f"{ours['p50_ms']:.2f}", f"{ours['p99_ms']:.2f}", f"{ours['cores']:.2f}"),
            *(f"{theirs['p50_ms']:.2f}", f"{theirs['p99_ms']:.2f}", f"{theirs['cores']:.2f}"),
        )
    return table


def told(results: dict[Row, dict[str, Rounds]]) -> list[dict[str, Any]]:
    """For programs."""
    return [
        {
            "writes_percent": row.writes,
            "size": row.size,
            "clients": row.clients,
            **{kind: rounds.told() for kind, rounds in kinds.items()},
            "ratio": round(
                median(kinds["ours"].per_second) / median(kinds["apache"].per_second), 3
            ),
        }
        for row, kinds in results.items()
    ]


def measure(asked: argparse.Namespace, screen: Console) -> dict[Row, dict[str, Rounds]]:
    """All rows; what was started is stopped."""
    rows = [
        Row(writes, size, clients)
        for writes in asked.writes
        for size in asked.sizes
        for clients in asked.clients
    ]
    results = {row: {kind: Rounds() for kind in KINDS} for row in rows}
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=asked.directory)))
        status = stack.enter_context(screen.status("starting …"))
        ensembles: list[Servers] = []
        for kind in KINDS:
            ensembles.append(Servers(kind, directory))
            stack.callback(ensembles[-1].stop)
        for servers in ensembles:
            servers.wait_until_serving()
        for row in rows:
            for turn in range(asked.rounds):
                for servers in ensembles:
                    status.update(f"{row.name}, {row.clients} clients: {turn + 1} {servers.kind}")
                    rounds = results[row][servers.kind]
                    round_of(servers, row, asked.warm, asked.seconds, rounds)
    return results


def main() -> None:
    """Measure and tell."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ensemble", description=__doc__)

    def numbers(text: str) -> list[int]:
        return [int(one) for one in text.split(",")]

    parser.add_argument("--clients", type=numbers, default=[1, 10, 50])
    parser.add_argument("--writes", type=numbers, default=[100, 0, 50], help="in percent")
    parser.add_argument("--sizes", type=numbers, default=[100, 1024], help="in bytes")
    parser.add_argument("--rounds", type=int, default=3, help="of each kind and load")
    parser.add_argument("--warm", type=float, default=1.0, help="seconds that do not count")
    parser.add_argument("--seconds", type=float, default=3.0, help="that count")
    parser.add_argument("--directory", type=Path, help="for the data; not one in memory")
    parser.add_argument("--json", action="store_true", help="print JSON on standard output")
    asked = parser.parse_args()
    try:
        results = measure(asked, Console(stderr=True))
    except Unusable as problem:
        parser.error(str(problem))
    if asked.json:
        print(json.dumps(told(results), indent=2))
        return
    Console(width=None if sys.stdout.isatty() else 120).print(table_of(results))


if __name__ == "__main__":
    main()
