"""Which names does the command know, and what do they stand for?"""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module

from checker import models
from checker.formats.detect import FORMATS

_FORMATS = {
    "jsonl": "this project's own: one JSON event a line",
    "jepsen-edn": "a Jepsen history.edn, plain or with independent tuple keys",
    "jepsen-json": "a Jepsen history as JSON, an array or one operation a line",
    "porcupine-etcd": "Porcupine's etcd logs: INFO jepsen.util - 0 :invoke :cas [1 2]",
    "porcupine-kv": 'Porcupine\'s key-value logs: {:process 9, :type :invoke, :f :get, :key "0"}',
}


def lines_of(what: str) -> Iterator[str]:
    """A line for each name of this kind."""
    if what == "formats":
        for name in FORMATS:
            yield f"{name:16} {_FORMATS[name]}"
    elif what == "workloads":
        from workloads.names import workload_class, workload_names

        for name in workload_names():
            yield f"{name:16} {workload_class(name).about}"
    elif what == "nemeses":
        from nemesis.registry import nemeses

        for name, nemesis in nemeses().items():
            yield f"{name:24} {nemesis.about}"
    elif what == "targets":
        from harness.worlds import target_names, target_of

        for name in target_names():
            yield f"{name:16} {target_of(name).about}"
    elif what == "bugs":
        from target_node.bugs.bug import find, names

        for name in names():
            bug = find(name)
            yield f"{name:24} breaks: {bug.breaks} ({bug.known_as})"
    else:
        for name in models.NAMES:
            doc = import_module(type(models.named(name)).__module__).__doc__ or ""
            yield f"{name:16} {doc.splitlines()[0]}"
