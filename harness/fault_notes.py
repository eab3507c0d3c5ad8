"""Which faults do the notes of a history tell of, and from when to when?

Our own notes hold each fault as it was resolved. In Jepsen's the author of a test chose the words;
what its bundled nemeses write is understood: `start`/`stop` and `start-partition`/`stop-partition`
with a grudge (who drops what comes from whom), `kill`/`start` and `pause`/`resume` with nodes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from checker.history import Note
from harness.plan import nemesis_of
from harness.script import Held
from nemesis.fault import Crash, Fault, Node, Partition, Pause
from nemesis.plan import Moment
from nemesis.written import read, read_moment

_ENDS: Final[Mapping[str, frozenset[str]]] = {
    "partition": frozenset({"stop", "stop-partition", "heal"}),
    "kill": frozenset({"start", "restart", "stop"}),
    "pause": frozenset({"resume", "stop"}),
}
_BEGINS: Final = frozenset({"start", "start-partition", "kill", "pause"})
NEVER_NS: Final = -1


class _Open(NamedTuple):
    nemesis: str
    aim: str
    from_ns: int
    fault: Fault
    number: int
    when: Moment | None = None


def held_of(notes: Sequence[Note], began_ns: int, nodes: Sequence[Node]) -> Sequence[Held]:
    """All faults as they were injected; one that is never lifted lasts until the last note or as
    long as it can.
    """
    mine = [note for note in notes if note.process == "nemesis"]
    found = sorted(_own(mine) if _are_own(mine) else _foreign(mine, nodes), key=_number)
    spans: dict[tuple[str, str, int, int, Moment | None], list[Fault]] = {}
    last_ns = max((note.time_ns for note in mine), default=0)
    for one, until_ns in found:
        until = last_ns if until_ns == NEVER_NS else until_ns
        span = (one.nemesis, one.aim, one.from_ns, until, one.when)
        spans.setdefault(span, []).append(one.fault)
    return [
        Held(nemesis, aim, max(0, since - began_ns), max(0, until - began_ns), tuple(faults), when)
        for (nemesis, aim, since, until, when), faults in spans.items()
    ]


def not_understood(notes: Sequence[Note]) -> Sequence[str]:
    """What a nemesis of others did that nobody here can do again, each by its name there."""
    mine = [note for note in notes if note.process == "nemesis"]
    if _are_own(mine):
        return ()
    return sorted({note.f for note in mine} - _BEGINS.union(*_ENDS.values()))


def _number(found: tuple[_Open, int]) -> int:
    return found[0].number


def _are_own(mine: Sequence[Note]) -> bool:
    return any(note.f in ("injected", "lifted-all") for note in mine)


def _own(notes: Iterable[Note]) -> Iterator[tuple[_Open, int]]:
    """From when each was asked for until its end was: what that took is not to be waited twice."""
    active: dict[int, _Open] = {}
    asked: dict[int, int] = {}  # when a change began, by the fault's number
    for note in notes:
        match note.f:
            case "inject" | "lift" | "lift-all":
                asked |= {one["id"]: note.time_ns for one in note.value["faults"]}
            case "injected":
                told = (nemesis_of(note.value["nemesis"]), note.value["aim"])
                when = read_moment(note.value.get("when"))
                for one in note.value["faults"]:
                    since = asked.get(one["id"], note.time_ns)
                    fault = read(one["fault"])
                    active[one["id"]] = _Open(*told, since, fault, one["id"], when)
            case "lifted" | "lifted-all":
                over = [one["id"] for one in note.value["faults"]]
                for number in list(active) if note.f == "lifted-all" else over:
                    if (one := active.pop(number, None)) is not None:
                        yield one, asked.get(number, note.time_ns)
            case _:
                pass
    yield from ((one, NEVER_NS) for one in active.values())


def _foreign(notes: Sequence[Note], nodes: Sequence[Node]) -> Iterator[tuple[_Open, int]]:
    named = sorted({name for note in notes for name in _names(note.value)})
    ours = dict(zip(named, nodes, strict=False))
    active: list[_Open] = []
    for place, note in enumerate(notes):
        for one in [one for one in active if note.f in _ENDS[one.nemesis]]:
            active.remove(one)
            yield one, note.time_ns
        known = [one.fault for one in active]  # a note of the order, and one of what came of it
        active += [
            _Open(kind, note.f, note.time_ns, fault, place)
            for kind, fault in _meant(note, ours)
            if fault not in known
        ]
    yield from ((one, NEVER_NS) for one in active)


def _meant(note: Note, ours: Mapping[str, Node]) -> Iterator[tuple[str, Fault]]:
    links = frozenset(
        (ours[other], ours[node])
        for node, others in _grudge(note.value).items()
        for other in others
        if node in ours and other in ours and node != other
    )
    named = [ours[name] for name in sorted(_names(note.value)) if name in ours]
    match note.f:
        case "start" | "start-partition" if links:
            yield "partition", Partition(links)
        case "kill":
            yield from (("kill", Crash(node)) for node in named)
        case "pause":
            yield from (("pause", Pause(node)) for node in named)
        case _:
            pass


def _grudge(value: Any) -> Mapping[str, Sequence[str]]:
    """Who drops what comes from whom; it may stand behind a word such as `:isolated`."""
    if isinstance(value, Mapping):
        pairs = {name: _listed(others) for name, others in value.items()}
        return pairs if all(others is not None for others in pairs.values()) else {}
    if isinstance(value, tuple | list):
        for item in value:
            if found := _grudge(item):
                return found
    return {}


def _listed(value: Any) -> Any:
    return sorted(value) if isinstance(value, tuple | list | frozenset | set) else None


def _names(value: Any) -> set[str]:
    """Nodes: names without a colon, which keywords have here."""
    if isinstance(value, str):
        return set() if value[:1] in (":", "'") else {value}
    if isinstance(value, Mapping):
        keys = {name for name in value if isinstance(name, str) and name[:1] != ":"}
        return keys.union(*(_names(item) for item in value.values() if not isinstance(item, str)))
    if isinstance(value, tuple | list | frozenset | set):
        return set().union(*(_names(item) for item in value))
    return set()
