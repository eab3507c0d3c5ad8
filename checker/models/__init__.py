"""Which sequential objects do we know by name?"""

from importlib import import_module
from typing import Any

from checker.model import Model

_WHERE = {
    "register": ("register", "Register"),
    "cas-register": ("register", "CasRegister"),
    "multi-register": ("multi_register", "MultiRegister"),
    "kv": ("kv", "KeyValue"),
    "set": ("set", "SetOfValues"),
    "fifo-queue": ("queue", "FifoQueue"),
    "unordered-queue": ("queue", "UnorderedQueue"),
    "mutex": ("mutex", "Mutex"),
    "counter": ("counter", "Counter"),
    "zookeeper": ("zookeeper", "ZooKeeperRegister"),
}

NAMES = tuple(_WHERE)


def named(name: str) -> Model[Any, Any, Any]:
    """The bundled model of this name; KeyError if there is none."""
    module, cls = _WHERE[name]
    model: Model[Any, Any, Any] = getattr(import_module(f"checker.models.{module}"), cls)()
    return model
