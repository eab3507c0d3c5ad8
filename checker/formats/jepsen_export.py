"""How does one of our histories look to the tools that read Jepsen's?

An answer that refuses is a `:fail` whose `:error` is its code, and a call with a key has the value
`[key value]`, as in Jepsen's own histories. EDN has one op a line, JSON one array of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import msgspec

from checker.formats import edn
from checker.formats.edn import Keyword, Map
from checker.formats.jsonl import json_value, told
from checker.history import History
from checker.model import Model

_NAME: Final = re.compile(r"[A-Za-z*+!\-_?<>=][\w.*+!\-?<>=/]*", re.ASCII)
_KEYS: Final = ("process", "type", "f", "value", "error", "time", "index")


def write_edn(path: Path, history: History, model: Model[Any, Any, Any]) -> None:
    """Write the history to this file as EDN."""
    with path.open("w", encoding="utf-8") as file:
        for op in _ops(history, model):
            if op["f"] == "txn":
                op["value"] = _steps(op["value"])
            words = {
                Keyword(key): _edn_value(value) if key == "value" else _keyword(value)
                for key, value in op.items()
            }
            file.write(edn.write(words) + "\n")


def write_json(path: Path, history: History, model: Model[Any, Any, Any]) -> None:
    """Write the history to this file as JSON."""
    with path.open("w", encoding="utf-8") as file:
        between = "["
        for op in _ops(history, model):
            op["value"] = json_value(op["value"])
            file.write(between + msgspec.json.encode(op).decode())
            between = ",\n"
        file.write("]\n" if between != "[" else "[]\n")


def _ops(history: History, model: Model[Any, Any, Any]) -> Iterator[dict[str, Any]]:
    """Every event of a call and every note, in order of time, as the fields of an op map."""
    for index, fields in enumerate(told(history, model)):
        fields |= {"index": index, "time": fields["time_ns"]}
        if not history.has_times:
            del fields["time"]
        if "key" in fields:
            fields["value"] = [fields["key"], fields["value"]]
        yield {key: fields[key] for key in _KEYS if key in fields}


def _keyword(value: Any) -> Any:
    return Keyword(value) if isinstance(value, str) and _NAME.fullmatch(value) else value


def _steps(value: Any) -> Any:
    """The steps of a transaction, perhaps behind a key, with keywords for what and where."""
    match value:
        case [("r" | "w") as what, key, inner]:
            return (Keyword(what), _keyword(key), inner)
        case list():
            return tuple([_steps(item) for item in value])
        case _:
            return value


def _edn_value(value: Any) -> Any:
    """The value with keywords where they were read as `":name"`."""
    match value:
        case str() if value[:1] == ":" and _NAME.fullmatch(value[1:]):
            return Keyword(value[1:])
        case list() | tuple():
            return tuple([_edn_value(item) for item in value])
        case frozenset():
            return frozenset(map(_edn_value, value))
        case dict():
            return Map((_edn_value(k), _edn_value(v)) for k, v in value.items())
        case _:
            return value
