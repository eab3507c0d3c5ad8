"""What happened in a small run, told across clients, nodes and faults as one story?

Rules of this file:
1. Every sentence rests on a line of the history or of a node's log, and stands at its time.
2. What happens all the time and means nothing here is not told: pings, votes, every disk write.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from checker.formats import jsonl
from checker.history import History
from checker.outcome import ANYTHING, Ok
from harness.fault_notes import held_of
from harness.invariants import Event, read
from harness.invariants.events import show
from harness.sim.case import SYNCED
from harness.store import StoredRun
from nemesis.fault import (
    BrokenDisk,
    ClientLink,
    ClockSkew,
    Crash,
    Fault,
    FlippedBit,
    FullDisk,
    Link,
    Packets,
    Partition,
    Pause,
    PowerLoss,
    Slow,
    SlowDisk,
    Wipe,
)
from nemesis.plan import Moment
from workloads.names import workload

SECOND: Final = 1_000_000_000
_AT_ONCE_MS: Final = 0.05


@dataclass(frozen=True, slots=True)
class Sentence:
    """Who did what, when; `kind` is call, fault or node."""

    at_ns: int
    who: str
    words: str
    kind: str


def story_of(store: StoredRun) -> list[Sentence]:
    """Of a run's folder, in the order of time."""
    model = workload(store.facts()["plan"]["workload"], SYNCED).model
    history = jsonl.read(store.history, model)
    events = events_of(store)
    told = [*_calls(history, model.tell), *_faults(history)]
    for event in events:
        # A simulated run, its nodes and its clients have one clock, which begins with them.
        if (words := _said(event)) is not None:
            told.append(Sentence(event.mono_ns, f"n{event.node}", words, "node"))
    return sorted(told, key=lambda one: one.at_ns)


def events_of(store: StoredRun) -> list[Event]:
    """All that the nodes wrote down."""
    return list(read(sorted(store.nodes.glob("*/events.jsonl"))))


def lines_of(sentences: Sequence[Sentence]) -> Iterator[str]:
    """Numbered, for a person."""
    width = len(str(len(sentences)))
    for number, one in enumerate(sentences, 1):
        yield f"{number:{width}}. {one.at_ns / SECOND:8.3f} s  {one.words}"


def _calls(history: History, tell: Callable[[Any, Any], str]) -> Iterator[Sentence]:
    nodes = history.details.get("node")
    for row in range(len(history)):
        call, outcome = history.deeds[history.deed[row]]
        client, key = f"client {history.process[row]}", history.keys[history.key[row]]
        at = f" at {nodes[row]}" if nodes is not None and nodes[row] else ""
        asks = tell(call, ANYTHING)
        if isinstance(outcome, Ok):
            took_ms = (history.returned[row] - history.called[row]) / 1e6
            ends = f": {tell(call, outcome.result)}, after {took_ms:.1f} ms"
        else:
            ends = f", and is left in doubt: {outcome.reason}" if outcome.reason else ""
        words = f"{client} asks{at} about {key}: {asks}{ends}."
        if isinstance(outcome, Ok):
            words = f"{client}{at}, {key}{ends}."
        yield Sentence(history.called[row], client, words, "call")


def _faults(history: History) -> Iterator[Sentence]:
    for held in held_of(history.notes, 0, ()):
        for fault in held.faults:
            begins, ends = fault_words(fault)
            begins += "" if held.when is None else f", {_behind(held.when)}"
            yield Sentence(held.from_ns, "fault", f"{begins}.", "fault")
            yield Sentence(held.until_ns, "fault", f"{ends}.", "fault")


def _behind(moment: Moment) -> str:
    """What it waited for."""
    later_ms = moment.delay_ns / 1e6
    soon = "as soon as" if later_ms < _AT_ONCE_MS else f"{later_ms:.1f} ms after"
    times = "" if moment.times == 1 else f" {moment.times} times"
    return f"{soon} {moment.node} has written down `{moment.event}`{times}"


def fault_words(fault: Fault) -> tuple[str, str]:
    """How it begins, and how it ends."""
    match fault:
        case Partition(links):
            over = _over(links)
            return f"Nothing passes any more {over}", f"The network is whole again {over}"
        case Slow(links) | Packets(links):  # of which no simulation has the second
            return f"The network gets slow {_over(links)}", f"It is fast again {_over(links)}"
        case Crash(node):
            return f"{node} is killed", f"{node} is started again"
        case Wipe(node):
            return f"{node} is killed and loses its disk", f"{node} is started, with nothing"
        case Pause(node):
            return f"{node} stands still", f"{node} goes on"
        case ClockSkew(node, offset_ms, rate):
            how = f"is off by {offset_ms} ms" if offset_ms else f"goes at {rate:g} of its speed"
            return f"The clock of {node} {how}", f"The clock of {node} is right again"
        case FlippedBit() | SlowDisk() | FullDisk() | BrokenDisk() | PowerLoss():
            return _words_of_a_disk(fault)
        case ClientLink(node, reset):
            how = "break off" if reset else "hang"
            return f"Connections of clients with {node} {how}", f"Clients reach {node} again"


def _words_of_a_disk(
    fault: FlippedBit | SlowDisk | FullDisk | BrokenDisk | PowerLoss,
) -> tuple[str, str]:
    match fault:
        case FlippedBit(node):
            return f"{node} is killed, and a bit of its disk flips", f"{node} is started again"
        case SlowDisk(node, sync_ms):
            how = f"takes {sync_ms} ms longer to sync"
            return f"The disk of {node} {how}", f"The disk of {node} is fast again"
        case FullDisk(node):
            return f"The disk of {node} is full", f"The disk of {node} has room again"
        case BrokenDisk(node, writes):
            how = "fails to write" if writes else "fails to sync"
            return f"The disk of {node} {how}", f"The disk of {node} works again"
        case PowerLoss(node, torn):
            how = "is lost, or a part of it" if torn else "is lost"
            words = f"{node} loses its power, and what it had not synced {how}"
            return words, f"{node} is started again"


def _over(links: frozenset[Link]) -> str:
    both = sorted((a, b) for a, b in links if a < b and (b, a) in links)
    one_way = sorted(link for link in links if (link[1], link[0]) not in links)
    nodes = sorted({node for link in links for node in link})
    for one in nodes:
        others = [node for node in nodes if node != one]
        if both and not one_way and both == sorted(tuple(sorted((one, o))) for o in others):
            return f"between {one} and {', '.join(others)}"
    pairs = [f"between {a} and {b}" for a, b in both] + [f"from {a} to {b}" for a, b in one_way]
    return ", ".join(pairs)


def _said(event: Event) -> str | None:
    """In a sentence, if it is worth one."""
    tells = _TELLS.get(event.name)
    return None if tells is None else f"n{event.node} {tells(event.facts)}."


def _names(sids: Sequence[int]) -> str:
    return ", ".join(f"n{sid}" for sid in sorted(sids))


_TELLS: Final[Mapping[str, Callable[[Mapping[str, Any]], str]]] = {
    "started": lambda f: (
        f"starts with {show(f['zxid'])} on its disk, in epoch {f['current_epoch']}"
    ),
    "elected": lambda f: f"is to follow n{f['leader']}" if f["state"] == "following" else "wins",
    "established": lambda f: f"leads epoch {f['epoch']}, in which {_names(f['acks'])} follow it",
    "serving": lambda f: (
        f"serves in epoch {f['epoch']} under n{f['leader']}" if "epoch" in f else "only reads"
    ),
    "leaving": lambda f: f"is {f['role']} no more: {f['reason']}",
    "proposed": lambda f: f"proposes {show(f['zxid'])}",
    "committed": lambda f: f"commits {show(f['zxid'])}, which {_names(f['acks'])} have",
    "truncated": lambda f: f"cuts its log off behind {show(f['zxid'])}",
    "snapshot_installed": lambda f: f"takes over a snapshot of {show(f['zxid'])}",
    "session_expired": lambda f: f"finds that session {f['session']:x} is over",
    "bit_flipped": lambda f: f"has 0x{f['now']:02x} in byte {f['byte']} of {f['name']}",
    "disk_lost": lambda f: "has an empty disk",
    "halt": lambda f: f"gives up: {f.get('why', '')}",
    "broken": lambda f: f"broke: {f.get('what', '')}",
    "cannot-start": lambda f: f"cannot start: {f.get('why', '')}",
}
