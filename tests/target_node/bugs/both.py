"""What a scenario comes to without a bug, and with it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from target_node.bugs.bug import find, planted

T = TypeVar("T")


def both(name: str, scenario: Callable[[], T]) -> tuple[T, T]:
    """The correct node's outcome, then that of the node with this bug."""
    kept = scenario()
    with planted(find(name)):
        broken = scenario()
    return kept, broken
