"""What is a bug here? Some methods of the node, and what takes their place."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pkgutil import iter_modules
from types import ModuleType
from typing import Any, Final


@dataclass(frozen=True, slots=True)
class Override:
    """`owner.attribute` is this instead."""

    owner: type | ModuleType
    attribute: str
    instead: Callable[..., Any]


@dataclass(frozen=True, slots=True)
class Bug:
    """`breaks` is the promise that does not hold any more, in a sentence.

    `known_as` is where it happened for real. `watched` are the checks that watch this promise, as
    in the marks of a run that failed; if there is none yet, `unwatched` says why.
    """

    name: str
    breaks: str
    known_as: str
    watched: tuple[str, ...]
    overrides: tuple[Override, ...]
    unwatched: str = ""


_NOT_BUGS: Final = frozenset({"bug", "__main__"})


def names() -> tuple[str, ...]:
    """Of all bugs, sorted."""
    package = import_module("target_node.bugs")
    modules = (found.name for found in iter_modules(package.__path__))
    return tuple(sorted(name.replace("_", "-") for name in modules if name not in _NOT_BUGS))


def find(name: str) -> Bug:
    """The bug of this name; `LookupError` says which there are."""
    if name not in names():
        raise LookupError(f"there is no bug {name!r}; there are {', '.join(names())}")
    bug = import_module(f"target_node.bugs.{name.replace('-', '_')}").BUG
    assert isinstance(bug, Bug), f"{name} has no BUG"
    return bug


@contextmanager
def planted(bug: Bug) -> Iterator[None]:
    """Every node in this process has it, as long as the block lasts."""
    kept = [(one.owner, one.attribute, getattr(one.owner, one.attribute)) for one in bug.overrides]
    for one in bug.overrides:
        setattr(one.owner, one.attribute, one.instead)
    try:
        yield
    finally:
        for owner, attribute, original in kept:
            setattr(owner, attribute, original)
