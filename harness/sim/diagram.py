"""How does a small run look: who told whom what, from top to bottom?

A page that needs nothing else. A line for each client and node, an arrow for each call and for
what a leader proposes, hears and commits, and a band wherever a fault is active.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

from checker.formats import jsonl
from checker.outcome import ANYTHING, Ok
from harness.fault_notes import held_of
from harness.invariants import Event
from harness.invariants.events import show
from harness.sim.case import SYNCED
from harness.sim.story import Sentence, events_of, lines_of
from harness.store import StoredRun
from nemesis.fault import (
    BrokenDisk,
    ClientLink,
    ClockSkew,
    Crash,
    Fault,
    FlippedBit,
    FullDisk,
    Packets,
    Partition,
    Pause,
    PowerLoss,
    Slow,
    SlowDisk,
    Wipe,
)
from workloads.names import workload

_ROW: Final = 22  # of a moment, in pixels
_LANE: Final = 150
_LEFT: Final = 90
_TOP: Final = 60
_STYLE: Final = """
body{font:15px/1.5 system-ui,sans-serif;margin:2rem;max-width:76rem;color:#1c1e21;background:#fff}
h1{font-size:1.3rem} ol{padding-left:2.2rem} li.fault{color:#a4260b} li.call{color:#0b4a8f}
svg{max-width:100%;height:auto;border:1px solid #ddd;border-radius:6px}
text{font:12px system-ui,sans-serif} .lane{stroke:#bbb} .call{stroke:#0b4a8f;fill:#0b4a8f}
.doubt{stroke:#b36b00;fill:#b36b00;stroke-dasharray:5 3} .node{stroke:#555;fill:#555}
.band{fill:#a4260b;opacity:.12} .fault{fill:#a4260b} .time{fill:#777}
.call text,.node text,.doubt text{stroke:none}
@media(prefers-color-scheme:dark){body{background:#16181b;color:#e4e6ea}.lane{stroke:#555}
.call{stroke:#7db6f5;fill:#7db6f5}.node{stroke:#aaa;fill:#aaa}text{fill:#e4e6ea}li.call{color:#7db6f5}
li.fault,.fault{color:#ff8c73;fill:#ff8c73}}
"""


@dataclass(frozen=True, slots=True)
class Arrow:
    """From one line at a time to another; `kind` is call, doubt or node."""

    from_ns: int
    until_ns: int
    here: str
    there: str
    words: str
    kind: str


@dataclass(frozen=True, slots=True)
class Band:
    """A fault on a line."""

    from_ns: int
    until_ns: int
    who: str
    words: str


def page(store: StoredRun, sentences: Sequence[Sentence], title: str) -> str:
    """All of it, as HTML."""
    told = "".join(
        f'<li class="{one.kind}">{escape(line.partition(". ")[2])}</li>'
        for one, line in zip(sentences, lines_of(sentences), strict=True)
    )
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(title)}</title>'
        '<meta name="viewport" content="width=device-width">'
        f"<style>{_STYLE}</style><h1>{escape(title)}</h1>{_picture(store)}<ol>{told}</ol></html>\n"
    )


def _picture(store: StoredRun) -> str:
    arrows, bands = [*_calls(store), *_messages(events_of(store))], list(_bands(store))
    lanes = sorted({one.here for one in arrows if one.here.startswith("client")})
    nodes = {f"n{event.node}" for event in events_of(store)} | {one.who for one in bands}
    lanes += sorted(nodes)
    moments = sorted(
        {at for one in arrows for at in (one.from_ns, one.until_ns)}
        | {at for one in bands for at in (one.from_ns, one.until_ns)}
    )
    # Not to scale: a second in which nothing happens takes no more room than a millisecond.
    row = {at: _TOP + _ROW * number for number, at in enumerate(moments)}
    lane = {who: _LEFT + _LANE * number for number, who in enumerate(lanes)}
    height = _TOP + _ROW * (len(moments) + 1)
    width = _LEFT + _LANE * max(1, len(lanes))
    drawn = [
        f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="who told whom what">',
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" '
        'markerHeight="8" orient="auto"><path d="M0 0L8 4L0 8z" fill="context-stroke"/>'
        "</marker></defs>",
        *_ground(lane, row, height),
        *(_band(one, lane, row, _above(one, bands)) for one in bands),
        *(_arrow(one, lane, row) for one in arrows if one.here in lane and one.there in lane),
        "</svg>",
    ]
    return "".join(drawn)


def _ground(lane: Mapping[str, int], row: Mapping[int, int], height: int) -> Iterator[str]:
    for who, x in lane.items():
        yield f'<text x="{x}" y="30" text-anchor="middle">{escape(who)}</text>'
        yield f'<line class="lane" x1="{x}" y1="40" x2="{x}" y2="{height - 8}"/>'
    for at, y in row.items():
        yield f'<text class="time" x="6" y="{y + 4}">{at / 1e9:.3f} s</text>'


def _above(one: Band, bands: Sequence[Band]) -> int:
    """How many others begin at the same place, and are told above it."""
    before = bands[: bands.index(one)]
    return sum((other.who, other.from_ns) == (one.who, one.from_ns) for other in before)


def _band(one: Band, lane: Mapping[str, int], row: Mapping[int, int], above: int) -> str:
    x, y, end = lane[one.who], row[one.from_ns], row[one.until_ns]
    told_y = y + 12 + 14 * above
    return (
        f'<rect class="band" x="{x - 40}" y="{y}" width="80" height="{max(4, end - y)}"/>'
        f'<text class="fault" x="{x - 38}" y="{told_y}">{escape(one.words)}</text>'
    )


def _arrow(one: Arrow, lane: Mapping[str, int], row: Mapping[int, int]) -> str:
    x, y, to_x, to_y = lane[one.here], row[one.from_ns], lane[one.there], row[one.until_ns]
    anchor = "start" if to_x >= x else "end"
    at = x + 6 if to_x >= x else x - 6
    return (
        f'<g class="{one.kind}"><line x1="{x}" y1="{y}" x2="{to_x}" y2="{to_y}" '
        f'marker-end="url(#tip)"/><text x="{at}" y="{y - 4}" text-anchor="{anchor}">'
        f"{escape(one.words)}</text></g>"
    )


def _calls(store: StoredRun) -> Iterator[Arrow]:
    model = workload(store.facts()["plan"]["workload"], SYNCED).model
    history = jsonl.read(store.history, model)
    nodes = history.details.get("node")
    for row in range(len(history)):
        call, outcome = history.deeds[history.deed[row]]
        client = f"client {history.process[row]}"
        node = nodes[row] if nodes is not None and nodes[row] else ""
        asks = f"{history.keys[history.key[row]]}: {model.tell(call, ANYTHING)}"
        called = history.called[row]
        if not isinstance(outcome, Ok):
            yield Arrow(called, called, client, node, asks, "doubt")
            continue
        yield Arrow(called, called, client, node, asks, "call")
        answer = model.tell(call, outcome.result)
        yield Arrow(history.returned[row], history.returned[row], node, client, answer, "call")


def _messages(events: Sequence[Event]) -> Iterator[Arrow]:
    """What followers hear of their leader, by what both wrote down."""
    proposed = {e.facts["zxid"]: e for e in events if e.name == "proposed"}
    committed = {e.facts["zxid"]: e for e in events if e.name == "committed"}
    for event in events:
        here = f"n{event.node}"
        zxid = event.facts.get("zxid", 0)
        asked = proposed.get(zxid)
        if event.name == "durable" and asked is not None and asked.node != event.node:
            leader, name = f"n{asked.node}", show(zxid)
            if event.mono_ns >= asked.mono_ns:
                yield Arrow(asked.mono_ns, event.mono_ns, leader, here, f"PROPOSAL {name}", "node")
            done = committed.get(zxid)
            counted = done is not None and event.node in done.facts["acks"]
            if done is not None and counted and done.mono_ns >= event.mono_ns:
                yield Arrow(event.mono_ns, done.mono_ns, here, leader, f"ACK {name}", "node")
        elif event.name == "promised":
            leader = f"n{event.facts['leader']}"
            words = f"follows in epoch {event.facts['epoch']}"
            yield Arrow(event.mono_ns, event.mono_ns, here, leader, words, "node")


def _bands(store: StoredRun) -> Iterator[Band]:
    model = workload(store.facts()["plan"]["workload"], SYNCED).model
    for held in held_of(jsonl.read(store.history, model).notes, 0, ()):
        for fault in held.faults:
            if isinstance(fault, Partition | Slow | Packets):
                often = [node for link in sorted(fault.links) for node in link]
                who = max(sorted(set(often)), key=often.count)
            else:
                who = fault.node
            yield Band(held.from_ns, held.until_ns, who, _in_short(fault))


def _in_short(fault: Fault) -> str:
    match fault:
        case Partition():
            return "cut off"
        case Slow() | Packets():  # of which no simulation has the second
            return "slow"
        case Crash():
            return "down"
        case Pause():
            return "stands still"
        case ClockSkew(_, offset_ms, rate):
            return f"clock off by {offset_ms} ms" if offset_ms else f"clock at {rate:g}"
        case ClientLink():
            return "no clients"
        case _:
            return _of_a_disk(fault)


def _of_a_disk(
    fault: Wipe | FlippedBit | SlowDisk | FullDisk | BrokenDisk | PowerLoss,
) -> str:
    match fault:
        case Wipe():
            return "loses its disk"
        case FlippedBit():
            return "down, and a bit flips"
        case SlowDisk(_, sync_ms):
            return f"disk {sync_ms} ms late"
        case FullDisk():
            return "disk full"
        case BrokenDisk():
            return "disk fails"
        case PowerLoss():
            return "no power"
