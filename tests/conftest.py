"""What holds for all tests: a busy machine is no failure, and what takes long begins early."""

from __future__ import annotations

import os
from collections.abc import MutableSequence

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")


def pytest_collection_modifyitems(items: MutableSequence[pytest.Item]) -> None:
    """A file that takes long ends with the others if it begins before them."""
    items[:] = sorted(items, key=lambda item: item.get_closest_marker("slow") is None)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """As many as cores, and two at least: most of the time a test waits for timers and disks.

    More would starve the ensembles whose elections must come out within seconds.
    """
    return min(max(os.cpu_count() or 1, 2), 16)
