"""Conversations as they are written down in scripts/."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.target_node.protocol.candidacy import Candidacy
from tests.target_node.protocol.electorate import Electorate
from tests.target_node.protocol.following import Following
from tests.target_node.protocol.leaders_history import LeadersHistory
from tests.target_node.protocol.reign import Reign
from tests.target_node.protocol.script import check, scripts


@pytest.mark.parametrize("path", scripts("election"), ids=lambda path: path.stem)
def test_election(path: Path) -> None:
    check(path, Electorate())


@pytest.mark.parametrize("path", scripts("discovery"), ids=lambda path: path.stem)
def test_discovery(path: Path) -> None:
    check(path, Candidacy())


@pytest.mark.parametrize("path", scripts("plan"), ids=lambda path: path.stem)
def test_plan(path: Path) -> None:
    check(path, LeadersHistory())


@pytest.mark.parametrize("path", scripts("broadcast"), ids=lambda path: path.stem)
def test_broadcast(path: Path) -> None:
    check(path, Reign())


@pytest.mark.parametrize("path", scripts("learner"), ids=lambda path: path.stem)
def test_learner(path: Path) -> None:
    check(path, Following())
