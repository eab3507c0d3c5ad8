"""Which format and which model does a history file ask for?

Both are guessed from the first lines that tell, and either can be named instead. All formats are
read through here.
"""

from __future__ import annotations

import mmap
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeAlias

import msgspec

from checker import models
from checker.formats import jsonl
from checker.formats.event import DetailedEvent, HistoryError
from checker.formats.foreign import Placed, pair
from checker.formats.jepsen import Progress, edn_events
from checker.formats.jepsen_json import is_array, json_events
from checker.formats.keyed import split_keys
from checker.formats.pairing import AUTO, DROPPED
from checker.formats.porcupine import ETCD_LINE, KV_LINE, etcd_events, kv_events
from checker.history import History
from checker.model import Model
from checker.models.kv import KeyValue

AnyModel: TypeAlias = Model[Any, Any, Any]

OWN: Final = "jsonl"
HEAD: Final = 1 << 16
_CAS: Final = re.compile(rb'[:"]cas\b')
_LOCAL: Final = re.compile(rb'"local-read"')


@dataclass(frozen=True, slots=True)
class Foreign:
    """How one foreign format is read, and what its `fail` events mean unless somebody says."""

    events: Callable[[Path, Progress], Iterator[Placed]]
    failed: str
    may_have_keys: bool


_FOREIGN: Final = {
    "jepsen-edn": Foreign(edn_events, DROPPED, may_have_keys=True),
    "jepsen-json": Foreign(json_events, DROPPED, may_have_keys=True),
    "porcupine-etcd": Foreign(etcd_events, AUTO, may_have_keys=False),
    "porcupine-kv": Foreign(kv_events, AUTO, may_have_keys=False),
}
FORMATS: Final = (OWN, *_FOREIGN)

_MODEL_OF: Final = {
    "write": "register",
    "cas": "cas-register",
    "get": "kv",
    "put": "kv",
    "append": "kv",
    "enqueue": "fifo-queue",
    "dequeue": "fifo-queue",
    "txn": "multi-register",
    "acquire": "mutex",
    "release": "mutex",
    "local-read": "zookeeper",
    "remove": "set",
    "contains": "set",
}


def read_history(
    path: Path,
    model_name: str | None = None,
    format: str | None = None,
    failed: str | None = None,
    *,
    keyed: bool | None = None,
    progress: Progress = None,
) -> tuple[History, AnyModel]:
    """The history in this file and the model to judge it by; HistoryError says what is wrong."""
    try:
        chosen = format or guess_format(path)
        if chosen not in FORMATS:
            expected = ", ".join(FORMATS)
            raise HistoryError(str(path), 0, f"unknown format {chosen!r}; it is one of {expected}")
        model = _named(path, model_name or guess_model(path, chosen, keyed=keyed), chosen)
        if chosen == OWN:
            return jsonl.read(path, model, failed or AUTO, progress), model
        foreign = _FOREIGN[chosen]
        events = _events(path, chosen, progress, keyed=keyed)
        numbered = chosen == "jepsen-json" and is_array(path)
        history = pair(events, model, str(path), failed or foreign.failed, numbered=numbered)
        return history, model
    except OSError as error:
        raise HistoryError(str(path), 0, f"cannot be read: {error.strerror or error}") from None
    except RecursionError:
        raise HistoryError(str(path), 0, "a value in it is nested too deeply") from None


def guess_format(path: Path) -> str:
    """The format that the first lines of this file speak for."""
    with path.open("rb") as file:
        head = file.read(HEAD).decode("utf-8", "replace").removeprefix("\ufeff")
    text = re.sub(r"\A(?:[\s,]|;[^\n]*)+", "", head)
    if not text:
        raise HistoryError(str(path), 0, "the file holds no event")
    if re.match(r'\[?\s*\{\s*"|\[\s*\]\s*\Z', text):
        return OWN if '"time_ns"' in text and text[0] == "{" else "jepsen-json"
    if re.match(r"[\[(]?\s*(?:\{|#)|[\[(]\s*[\])]|[\[(]\s*;", text):
        return "porcupine-kv" if KV_LINE.match(text) else "jepsen-edn"
    if ETCD_LINE.search(text):
        return "porcupine-etcd"
    raise HistoryError(
        str(path),
        1,
        "this is no history: looked for JSON objects, op maps in EDN and lines of a Jepsen log; "
        f"use --format with one of {', '.join(FORMATS)}",
    )


def guess_model(path: Path, format: str, *, keyed: bool | None = None) -> str:
    """The name of the model whose calls these are."""
    events = _own_events(path) if format == OWN else _events(path, format, None, keyed=keyed)
    seen = ""
    for line, event in events:
        if type(event.process) is not int:
            continue
        f = event.f
        if f in _MODEL_OF:
            return _kind_of_register(path) if f in ("write", "cas") else _MODEL_OF[f]
        if f not in ("read", "add"):
            raise HistoryError(
                str(path),
                line,
                f"no model is known by its call {f!r}; "
                f"use --model with one of {', '.join(models.NAMES)}",
            )
        if f == "add":
            seen = "set"
        elif seen == "set" and event.type == "ok":
            return "counter" if type(event.value) is int else "set"
        seen = seen or "register"
    if not seen and format != OWN:
        raise HistoryError(
            str(path),
            0,
            "there is no call in it to tell the model by; "
            f"use --model with one of {', '.join(models.NAMES)}",
        )
    return seen or "register"  # the reader says what is wrong with our own


def _events(path: Path, format: str, progress: Progress, *, keyed: bool | None) -> Iterator[Placed]:
    foreign = _FOREIGN[format]
    wanted = keyed if foreign.may_have_keys or keyed else False
    return split_keys(foreign.events(path, progress), str(path), keyed=wanted)


def _own_events(path: Path) -> Iterator[tuple[int, DetailedEvent]]:
    """Events of our own format up to the first bad line, which is for the reader to refuse."""
    decode = msgspec.json.Decoder(DetailedEvent).decode
    with path.open("rb") as file:
        for line, text in enumerate(file, 1):
            try:
                yield line, decode(text)
            except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
                return


def _kind_of_register(path: Path) -> str:
    """The kind of register, by what occurs anywhere in the file."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as whole:
        if _LOCAL.search(whole):
            return "zookeeper"
        return "cas-register" if _CAS.search(whole) else "register"


def _named(path: Path, name: str, format: str) -> AnyModel:
    if name == "kv" and format == "porcupine-kv":
        return KeyValue(absent="")  # what these logs answer where nothing was put
    if name not in models.NAMES:
        expected = ", ".join(models.NAMES)
        raise HistoryError(str(path), 0, f"unknown model {name!r}; it is one of {expected}")
    return models.named(name)
