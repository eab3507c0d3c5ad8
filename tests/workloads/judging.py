"""Judges with one place changed, and whether the truth tells them apart."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from types import ModuleType
from typing import Any

from checker.history import Op
from checker.verdict import Verdict

WORKLOADS = Path(__file__).parents[2] / "workloads"


def mutated(name: str, before: str, after: str) -> ModuleType:
    """The module with this one place changed."""
    source = (WORKLOADS / f"{name}.py").read_text()
    assert source.count(before) == 1, f"{before!r} is not in {name} once"
    module = ModuleType(f"mutated_{name}")
    sys.modules[module.__name__] = module  # dataclasses look for their module
    exec(compile(source.replace(before, after), name, "exec"), module.__dict__)
    return module


def differs(
    verdict: Callable[[list[Op[Any, Any]]], Verdict],
    cases: Iterable[tuple[list[Op[Any, Any]], bool]],
) -> bool:
    """Whether some case tells this judge from the truth."""
    for ops, legal in cases:
        try:
            said = verdict(ops)
        except Exception:
            return True
        if (said is Verdict.VALID) != legal:
            return True
    return False
