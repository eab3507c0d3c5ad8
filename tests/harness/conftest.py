"""What is loaded in one test is unknown to the next."""

from __future__ import annotations

import pytest

from harness import plugins


@pytest.fixture(autouse=True)
def no_plugins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plugins._LOADED, "plugins", {})
