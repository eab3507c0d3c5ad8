"""What one server says to everybody, step by step, as it is written down in scripts/."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.target_node.protocol.script import check
from tests.target_node.server.correspondence import Correspondence

SCRIPTS = sorted((Path(__file__).parent / "scripts").glob("*.txt"))


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_conversation(path: Path) -> None:
    check(path, Correspondence())
