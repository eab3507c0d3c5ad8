"""What is to be run in a night? A TOML file says it: see `docs/examples/nightly.toml`.

Rules of this file: whatever is wrong in the file is told in one line, with the key, what is wrong,
and what would be right; before anything is run.
"""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.nightly.table import BadMatrix, Table
from harness.plugins import CannotLoad, load
from harness.worlds import CannotBeHad, target_of
from nemesis.registry import NoNemesis, named
from workloads.names import workload_names


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """One run of a night. A planted one has a bug that must be found."""

    workload: str
    nemesis: str
    seed: int
    time_s: float
    nodes: int
    concurrency: int
    rate: float | None  # None: as every run has it there
    on: str
    target: str
    hosts: str = ""
    bug: str | None = None
    plugins: tuple[str, ...] = ()
    planted: bool = False

    @property
    def name(self) -> str:
        """What tells it from the others of its night."""
        kind = "planted " if self.planted else ""
        return f"{kind}{self.workload} × {self.nemesis}, seed {self.seed}"

    def command(self) -> Sequence[str]:
        """The words behind `zabtest` that make this run anywhere."""
        words = ["run", "-w", self.workload, "-t", f"{self.time_s:g}", "--seed", str(self.seed)]
        words += ["-n", self.nemesis] if self.nemesis != "none" else []
        words += ["--nodes", str(self.nodes), "-c", str(self.concurrency)]
        words += ["--rate", f"{self.rate:g}"] if self.rate is not None else []
        words += ["--on", self.on] if self.on != "local" else []
        words += ["--hosts", self.hosts] if self.hosts else []
        words += ["--target", self.target] if self.target != "zab" else []
        words += ["--bug", self.bug] if self.bug is not None else []
        for plugin in self.plugins:
            words += ["--plugin", plugin]
        return words


@dataclass(frozen=True, slots=True, kw_only=True)
class Matrix:
    """A file, read. `seeds` are given, or it is said how many fresh ones each night draws."""

    file: Path
    digest: str
    store: Path
    budget_s: float
    workloads: tuple[str, ...]
    nemeses: tuple[str, ...]
    seeds: tuple[int, ...] | int
    common: Mapping[str, Any]
    planted: Mapping[str, Any]
    tries: int

    def runs(self, draw: Callable[[], int]) -> Iterator[Planned]:
        """The planted bug first, then every pair with its first seed, then with its second …"""
        given = self.seeds if isinstance(self.seeds, tuple) else None
        for again in range(self.tries):
            planted = {**self.planted, "seed": self.planted["seed"] + again}
            yield Planned(**{**self.common, **planted}, planted=True)
        for number in range(len(given) if given is not None else int(str(self.seeds))):
            for workload in self.workloads:
                for nemesis in self.nemeses:
                    seed = given[number] if given is not None else draw()
                    yield Planned(workload=workload, nemesis=nemesis, seed=seed, **self.common)


def read(file: Path) -> Matrix:
    """The matrix in this file."""
    try:
        text = file.read_bytes()
        said = tomllib.loads(text.decode())
    except OSError as problem:
        raise BadMatrix(f"{file}: cannot be read ({problem.strerror})") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as problem:
        raise BadMatrix(f"{file}: this is no TOML: {problem}") from None
    table = Table(str(file), said)
    plugins = [str((file.parent / one).resolve()) for one in table.texts("plugins", [])]
    try:
        load(plugins)
        target = table.text("target", "zab")
        target_of(target)
    except (CannotLoad, CannotBeHad) as problem:
        raise BadMatrix(f"{file}: {problem}") from None
    rate = float(table.number("rate", 0, least=0))
    common = {
        "time_s": table.seconds("time", 60.0, least=1),
        "nodes": table.number("nodes", 5, least=1),
        "concurrency": table.number("concurrency", 10, least=1),
        "rate": rate if "rate" in said else None,
        "on": table.text("on", "local"),
        "hosts": table.text("hosts", ""),
        "target": target,
        "plugins": tuple(plugins),
    }
    if target != "zab" and "planted" not in said:
        table.wrong("planted", f"is missing: only for zab do we know a bug, not for {target}")
    planted = table.table("planted")
    made = Matrix(
        file=file,
        digest=hashlib.sha256(text).hexdigest(),
        store=file.parent / table.text("store", "store/nightly"),
        budget_s=table.seconds("budget", 8 * 3600.0, least=1),
        workloads=tuple(table.names("workloads", _check_workload)),
        nemeses=tuple(table.names("nemeses", _check_nemesis)),
        seeds=table.seeds("seeds", 1),
        common=common,
        tries=planted.number("tries", 3, least=1),
        planted={
            "bug": planted.text("bug", "commit-without-quorum"),
            "workload": planted.text("workload", "register", _check_workload),
            "nemesis": planted.text("nemesis", "partition-isolate-leader", _check_nemesis),
            "seed": planted.number("seed", 1694, least=0),
            "nodes": planted.number("nodes", 3, least=1),
            "time_s": planted.seconds("time", 12.0, least=1),
        },
    )
    if target == "zab":
        _check_bug(planted, made.planted["bug"])
    planted.nothing_else()
    table.nothing_else()
    return made


def _check_workload(name: str) -> str:
    names = workload_names()
    return "" if name in names else f"names no workload: {name!r}; there are {', '.join(names)}"


def _check_nemesis(text: str) -> str:
    try:
        named(text)
    except NoNemesis as problem:
        return f"is wrong: {problem}"
    return ""


def _check_bug(planted: Table, name: str) -> None:
    from target_node.bugs.bug import find

    try:
        find(name)
    except LookupError as problem:
        planted.wrong("bug", f"is wrong: {problem.args[0]}")
