"""What do the logs say that Porcupine is tested with?

Two kinds: the console log of an old Jepsen test of etcd, one tab-separated line an event among
others, and op maps of a key-value store, each with its `:key`. Neither has times.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from checker.formats.edn import Keyword
from checker.formats.edn_reader import EdnError, read_all
from checker.formats.event import HistoryError
from checker.formats.foreign import Placed, made_event
from checker.formats.jepsen import Progress, edn_event, edn_ops, name, plain, reason
from checker.formats.keyed import OpenKeys

ETCD_LINE: Final = re.compile(
    r"^.*\bjepsen\.util\s*[-:]\s+(\S+)\s+:(invoke|ok|fail|info)\s+:(\S+)[^\S\n]*(.*)$", re.MULTILINE
)
KV_LINE: Final = re.compile(r"^\s*\{[^\n]*:f\s+:(?:get|put|append)\b[^\n]*:key\s+\"", re.MULTILINE)
_MOST: Final = 1 << 12


def etcd_events(path: Path, progress: Progress = None) -> Iterator[Placed]:
    """The events of a console log, each with its line; other lines are passed over."""
    size = path.stat().st_size or 1
    done = 0
    known: dict[str, list[Any]] = {}
    with path.open(encoding="utf-8", errors="replace") as file:
        for line, text in enumerate(file, 1):
            done += len(text)
            if match := ETCD_LINE.match(text):
                process, kind, f, told = match.groups()
                forms = known.get(told)
                if forms is None:
                    forms = _forms(path, line, told)
                    if len(known) < _MOST:
                        known[told] = forms
                yield line, _etcd_event(str(path), line, process, kind, f, forms)
            if progress and not line % 1000:
                progress(min(1.0, done / size))


def _forms(path: Path, line: int, told: str) -> list[Any]:
    try:
        return read_all(told)
    except EdnError as error:
        raise HistoryError(str(path), line, error.cause) from None


def _etcd_event(path: str, line: int, process: str, kind: str, f: str, forms: list[Any]) -> Any:
    """A value, perhaps an error behind it; of a call that went wrong, perhaps only the error.

    A compare-and-set that failed with its own value and no error was decided by the service.
    """
    value, error, *_ = [*forms, None, None]
    if kind in ("fail", "info") and isinstance(value, Keyword):
        value, error = None, value
    elif kind == "fail" and f == "cas" and error is None:
        error = "mismatch"
    return made_event(
        path,
        line,
        process=int(process) if process.isdecimal() else process.removeprefix(":"),
        kind=kind,
        f=f,
        time=None,
        value=plain(value),
        error=reason(error),
    )


def kv_events(path: Path, progress: Progress = None) -> Iterator[Placed]:
    """The events of a log of a key-value store, each with its line."""
    keys = OpenKeys(str(path))
    for line, op in edn_ops(path, progress):
        event = edn_event(str(path), line, op)
        event.key = plain(name(op.get(Keyword("key"))))
        keys.check(line, event)
        yield line, event
