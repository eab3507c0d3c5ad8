"""What can notice that something is wrong, and in the runs of which workloads?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from workloads.names import WORKLOADS, workload

OF_EVERY_RUN: Final = (
    "promises",
    "replicas differ",
    "recovery",
    "last calls",
    "a node ended by itself",
)
"""What is watched whatever clients ask for."""


def checks() -> Mapping[str, tuple[str, ...]]:
    """Each by the name with which its marks begin, and the workloads that it judges: () for all."""
    found: dict[str, tuple[str, ...]] = dict.fromkeys(OF_EVERY_RUN, ())
    for name in WORKLOADS:
        for judge in workload(name).judges():
            found[judge] = (*found.get(judge, ()), name)
    return found


def check_of(mark: str) -> str:
    """Who left this mark."""
    return mark.partition(":")[0]
