"""Was every transaction over a group of nodes whole?

torn         a reader of all nodes at one moment found two values
half done    a transaction was done although a part of it must fail
apart        the parts of one transaction told different zxids, or one of them told none
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from checker.history import Deed, History
from checker.models.register import Cas, Read, Write
from checker.outcome import Ok, Refused
from workloads.multi import Attempt, Wrote, as_register
from workloads.workload import Finding, Judge, Wrong, finding


def of_registers(judge: Judge) -> Judge:
    """The judge of registers, asked about groups; rows are the same."""

    def asked(history: History) -> Finding:
        return judge(replace(history, deeds=[as_register(deed) for deed in history.deeds]))

    return asked


def whole(history: History) -> Finding:
    """All of the above, call by call."""
    said = [_wrong(deed) for deed in history.deeds]
    wrongs = list(_named(history, said))
    counts = {"transactions": Wrote, "refused": Refused, "reads of all": tuple}
    results = [
        deed.outcome.result if isinstance(deed.outcome, Ok) else None for deed in history.deeds
    ]
    figures = {
        name: sum(isinstance(results[deed], kind) for deed in history.deed)
        for name, kind in counts.items()
    }
    return finding("whole", len(history), wrongs, figures=figures)


def _named(history: History, said: list[tuple[str, str] | None]) -> Iterator[Wrong]:
    for row, deed in enumerate(history.deed):
        if (wrong := said[deed]) is not None:
            kind, words = wrong
            yield Wrong(kind, f"key {history.keys[history.key[row]]}: {words}", (row,))


def _wrong(deed: Deed) -> tuple[str, str] | None:
    match deed.call, deed.outcome:
        case Read(), Ok(tuple() as values) if len(set(values)) > 1:
            return "torn", f"its nodes held {', '.join(map(str, values))} at one moment"
        case Attempt(value), Ok(result) if not isinstance(result, Refused):
            return "half done", f"{value} was written, though a part of it must fail"
        case ((Write() | Cas()), Ok(Wrote(zxids))) if len(set(zxids)) > 1 or None in zxids:
            told = ", ".join("none" if zxid is None else f"{zxid:#x}" for zxid in zxids)
            return "apart", f"the parts of one transaction told the zxids {told}"
        case _:
            return None
