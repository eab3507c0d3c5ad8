"""What do the judges say of a stored run?

Rules of this file: a run is judged by what it stored and nothing else, so that it can be judged
again. A judge that fails has said nothing, which leaves the run inconclusive; the others are heard.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TypeVar

from checker.check import no_collection
from checker.formats import jsonl
from checker.formats.event import HistoryError
from checker.history import History
from checker.verdict import Verdict
from harness.invariants import Event, Unreadable, broken, parse
from harness.observer import Observer, Silence
from harness.plan import Results
from harness.store import StoredRun
from workloads.names import workload
from workloads.workload import Finding, Synced, Wrong, finding

T = TypeVar("T")


class CannotSay(Exception):
    """What a judge needs is not there any more; in a sentence."""


def judge(run: StoredRun, observer: Observer | None = None) -> tuple[Results, History | None]:
    """The results, and the history that they speak of; KeyError if nobody knows its workload."""
    facts = run.facts()
    judged = workload(facts["plan"]["workload"], Synced(facts["synced"]))
    observer = observer or Silence()
    findings: list[Finding] = []
    history = None
    try:
        with no_collection():
            history = jsonl.read(run.history, judged.model)
    except (HistoryError, OSError) as failure:
        findings.append(_nothing("history", str(failure)))
        observer.found(findings[-1])
    else:
        for name, of_history in judged.judges().items():
            findings.append(heard(name, of_history, history))
            observer.found(findings[-1])
    played = run.played()
    if history is not None and (missing := _missing(run.history, played.events)):
        findings.append(_nothing("history", missing))
        observer.found(findings[-1])
    if played.logs:
        findings.append(heard("promises", lambda logs: promises(run.path, logs), played.logs))
        observer.found(findings[-1])
    return Results(played=played, findings=findings), history


def promises(root: Path, logs: Mapping[str, int]) -> Finding:
    """Whether the nodes' own logs keep what ZAB promises."""
    events = (event for name, size in logs.items() for event in _events(root, name, size))
    wrongs = [Wrong(one.promise, one.sentence) for one in broken(events)]
    return finding("promises", 0, wrongs, figures={"logs": len(logs)})


def _missing(history: Path, events: int) -> str:
    """What the history has lost since it was recorded; nothing if it is whole."""
    there = history.read_bytes().count(b"\n")
    if there >= events:
        return ""
    return f"{history.name} holds {there:,} of the {events:,} events that were recorded"


def _events(root: Path, name: str, size: int) -> Iterator[Event]:
    """Up to the moment at which all logs are cut."""
    try:
        with (root / name).open("rb") as file:
            data = file.read(size)
    except OSError as problem:
        raise CannotSay(f"{name} cannot be read ({problem.strerror})") from None
    if len(data) < size:
        raise CannotSay(f"{name} holds {len(data):,} of the {size:,} bytes that it had")
    found = 0
    for event in parse(io.BytesIO(data), name):
        found += 1
        yield event
    if size and not found:
        raise CannotSay(f"{name} holds no event")


def heard(name: str, judge: Callable[[T], Finding], judged: T) -> Finding:
    """What this judge says, or that it failed."""
    try:
        return judge(judged)
    except (CannotSay, Unreadable) as why:
        return _nothing(name, str(why))
    except Exception as failure:
        return _nothing(name, f"the judge failed: {type(failure).__name__}: {failure}")


def _nothing(name: str, why: str) -> Finding:
    return Finding(judge=name, verdict=Verdict.INCONCLUSIVE, calls=0, because=why)
